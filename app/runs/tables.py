"""Score tables of one run: what each was made with, and what is wrong with those that cannot be used."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pyarrow.parquet as pq
import streamlit as st

from app.frame import components
from app.looks.palette import look
from app.looks.wording import score_command
from app.reading import loading
from hvae.errors import HvaeError
from hvae.runs import score_tables as table_files
from hvae.runs.folders import RunEntry


def listed(run: RunEntry) -> pd.DataFrame:
    """One row a score table: data, split, reading, S, R, seed, images, written (UTC), kB, problem (empty if sound)."""
    # Weights that cannot be read are what is wrong then, not the tables.
    digest = loading.weights_sha256(run) if loading.parameters(run) is not None else None
    rows = []
    for key in loading.tables(run):
        images, problem, size, written = None, "", None, ""
        try:
            status = key.path.stat()
            size, written = (
                status.st_size / 1000,
                datetime.fromtimestamp(status.st_mtime, UTC).isoformat(" ", "minutes"),
            )
            metadata = table_files.read_metadata(key.path)
            images = pq.read_metadata(key.path).num_rows
            if digest is not None and metadata.weights_sha256 != digest:
                problem = "made with other weights than the run has now"
        except HvaeError as error:
            problem = str(error)
        except OSError:
            problem = "it is gone"
        rows.append(
            (key.slug, key.split, key.reading, key.samples, key.draws, key.seed, images, written[:16], size, problem)
        )
    names = ["data", "split", "reading", "S", "R", "seed", "images", "written", "kB", "problem"]
    return pd.DataFrame(rows, columns=names)


def score_tables(run: RunEntry) -> None:
    """The section with the score tables."""
    components.section(
        "Score tables",
        "What the other pages read. S is the number of importance samples, R the number of independent repeats that "
        "each value is the mean of.",
    )
    rows = listed(run)
    if rows.empty:
        data = run.config.data.name if run.config else "DATA"
        components.missing(f"{run.name} has no scores yet.", f"hvae score {run.name} --data {data}")
        return
    cells = [
        [
            components.escape(look(row["data"]).title),
            *(str(row[name]) for name in ("split", "reading", "S", "R", "seed")),
            "–" if pd.isna(row["images"]) else f"{row['images']:,.0f}",
            row["written"],
            "–" if pd.isna(row["kB"]) else f"{row['kB']:,.0f}\N{NO-BREAK SPACE}kB",
            f'{components.mark("score again")} <span class="wrap">{components.escape(row["problem"])}</span>'
            if row["problem"]
            else components.mark("sound", "good"),
        ]
        for row in rows.to_dict("records")
    ]
    components.table(
        ["data", "split", "reading", "S", "R", "seed", "images", "written (UTC)", "size", ""],
        cells,
        f"{len(rows)} score tables of {components.escape(run.name)}",
        numbers=rows,
        name="score-tables",
    )
    damaged = [key for key, problem in zip(loading.tables(run), rows["problem"], strict=False) if problem]
    if damaged:
        st.caption("Commands that make the marked ones again")
        commands = "\n".join(score_command(run.name, key) for key in damaged)
        st.code(commands, language="bash", wrap_lines=True)
