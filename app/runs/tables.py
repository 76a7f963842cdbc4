"""Score tables of one run: what each was made with, and what is wrong with those that cannot be used."""

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import streamlit as st

from app.frame import components
from app.looks.palette import look
from app.looks.wording import score_command
from app.reading import loading, presence
from hvae.runs.catalogue import TableEntry
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import table_paths

NAMED = re.compile(
    r"(?P<data>[\w-]+)\.(?P<split>[a-z]+)\.(?P<reading>[a-z-]+)\.S(?P<S>\d+)\.R(?P<R>\d+)\.seed(?P<seed>\d+)\.parquet"
)
"""What the name of a table's file tells: no more than how to make it again where nothing in it can be read."""


def listed(run: RunEntry) -> pd.DataFrame:
    """One row a file: what it was made with, size and age, what is wrong with it if anything, and how to make it."""
    found = loading.catalogue(run)
    entries = {entry.path: entry for entry in found.entries}
    return pd.DataFrame([_row(run, path, entries.get(path), found.problems) for path in table_paths(run.path)])


def _row(run: RunEntry, path: Path, entry: TableEntry | None, problems: tuple[str, ...]) -> dict[str, object]:
    texts = dict.fromkeys(["data", "split", "reading", "problem", "command", "written"], "")
    row: dict[str, object] = {"file": path.name, **texts, **dict.fromkeys(["S", "R", "seed", "images", "kB"])}
    if path.is_file():
        status = path.stat()
        written = datetime.fromtimestamp(status.st_mtime, UTC).isoformat(" ", "minutes")[:16]
        row |= {"written": written, "kB": status.st_size / 1000}
    if entry:
        how, command = entry.setting, score_command(run.name, entry)
        row |= {"data": entry.slug, "split": entry.split, "reading": how.reading, "S": how.samples, "R": how.draws}
        return row | {"seed": how.seed, "images": pq.read_metadata(path).num_rows, "command": command}
    # Every problem names its file behind a blank.
    said = next((line for line in problems if f" {path.name}" in line), "it was deleted while the page was drawn")
    row["problem"] = said.removeprefix(f"{run.name}: ")
    if "hvae runs upgrade" in said:
        row["command"] = f"hvae runs upgrade {shlex.quote(run.name)}"
    elif named := NAMED.fullmatch(path.name):
        row |= named.groupdict() | {name: int(named[name]) for name in ("S", "R", "seed")}
        options = "--split {split} --reading {reading} --samples {S} --draws {R} --seed {seed}".format_map(named)
        row["command"] = presence.command(run, [named["data"]], options.removesuffix(" --seed 0"))
    return row


def score_tables(run: RunEntry) -> None:
    """The section with the score tables."""
    components.section(
        "Score tables",
        "These tables are what the other pages show. S is the number of importance samples; R is the number of "
        "independent repeats that each value is the mean of.",
    )
    frame = listed(run)
    if frame.empty:
        data = run.config.data.name if run.config else "DATA"
        components.missing(f"{run.name} has no scores yet.", f"hvae score {shlex.quote(run.name)} --data {data}")
        return

    def number(row: object, name: str, form: str = "{:.0f}") -> str:
        value = getattr(row, name)
        return "–" if pd.isna(value) else form.format(value)

    components.listed(
        frame,
        {
            "data": lambda row: look(row.data).title if row.split else components.escape(row.file),
            "split": lambda row: row.split or "–",
            "reading": lambda row: row.reading or "–",
            **{name: lambda row, name=name: number(row, name) for name in ("S", "R", "seed")},
            "images": lambda row: number(row, "images", "{:,.0f}"),
            "written (UTC)": lambda row: row.written,
            "size": lambda row: number(row, "kB", "{:,.0f}\N{NO-BREAK SPACE}kB"),
            "": lambda row: (
                f'{components.mark("cannot be used")} <span class="wrap">{components.escape(row.problem)}</span>'
                if row.problem
                else components.mark("sound", "good")
            ),
        },
        f"{len(frame)} score tables of {components.escape(run.name)}",
        name="score-tables",
    )
    mending = frame[(frame["problem"] != "") & (frame["command"] != "")]["command"]
    if len(mending):
        st.caption("Commands that mend the marked tables")
        components.code("\n".join(dict.fromkeys(mending)))
