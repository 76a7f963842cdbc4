"""Which runs the Compare page shows, under which setting, and which of their tables exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app.compare.numbers import Compared
from app.frame import components, controls
from app.frame.state import Selection
from app.looks import palette
from app.reading import choosing, loading, measures
from app.reading.measures import Measure, Setting
from hvae import presets
from hvae.errors import TableError
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable, TableKey

OFFERED = 5
"""Most runs that are taken along unasked."""


@dataclass(frozen=True, eq=False)
class View:
    """What the Compare page shows.

    Attributes:
        data: slug of the in-distribution set, the same for every run.
        ood: slugs of the chosen OOD sets that run A has scored under the setting.
        runs: those with a table of the in-distribution set, run A first.
        unscored: runs without one.
        problems: why a table could not be used, one line each.
        setting: reading, S and R of all tables.
        measure: score, k and unit.
    """

    data: str
    ood: tuple[str, ...]
    runs: tuple[Compared, ...]
    unscored: tuple[RunEntry, ...]
    problems: tuple[str, ...]
    setting: Setting
    measure: Measure


def letter(position: int) -> str:
    """Short name of the run at a position, from 0: A to Z, then numbers."""
    return chr(ord("A") + position) if position < 26 else str(position + 1)


def choose(selection: Selection, run: RunEntry) -> list[RunEntry]:
    """Run A, run B where there is one, and any others, chosen here; alone where there is nothing to compare with."""
    first = [run, *([selection.versus] if selection.versus else [])]
    named = {entry.name: entry for entry in loading.runs()}
    others = [name for name in named if name not in {entry.name for entry in first}]
    if not others:
        return first
    alike = [name for name in others if _trained_on(named[name]) == _trained_on(run) is not None][:OFFERED]
    label = "Further runs" if selection.versus else "Runs to compare with"
    also = controls.choose_many(
        label, "also", others, [] if selection.versus else alike,
        help="Run A, and run B where one is chosen, come from the sidebar. Any number may be added here.",
    )  # fmt: skip
    return first + [named[name] for name in also]


def alone(run: RunEntry) -> None:
    """What to do where run A stands alone."""
    if len(loading.runs()) > 1:
        st.info("Choose run B in the sidebar, or one or more runs above, to compare with.")
        return
    config = run.config
    preset = config.preset if config and config.preset in presets.names() else "fashionmnist-lite"
    seed = config.training.seed + 1 if config else 1
    scored_sets = dict.fromkeys(key.slug for key in loading.tables(run) if key.split in measures.WHOLE_SPLITS)
    sets = " ".join(f"--data {slug}" for slug in scored_sets) or "--data fashionmnist --data mnist"
    components.missing(
        f"{run.name} is the only run here. Train another to compare it with, for instance the same configuration with "
        "another seed: that shows how much of a difference is chance.",
        f"hvae train {preset} --seed {seed}\nhvae score {preset}-seed{seed} {sets}",
    )


def view(runs: Sequence[RunEntry], data: str, ood: Sequence[str], found: Sequence[Setting]) -> View:
    """Draw the controls and read the tables they name.

    Args:
        runs: run A first.
        data: slug of the in-distribution set.
        ood: slugs of the OOD sets.
        found: settings under which run A has scored `data`; at least one.

    Raises:
        TableError: the in-distribution table of run A is damaged.
    """
    with controls.bar("controls"):
        score = choosing.choose_score()
        slot = controls.bar("level", width="content")
        unit = choosing.choose_unit()
    setting = choosing.choose_setting(found)
    problems: list[str] = []
    compared = [_compared(run, place, data, ood, setting, problems) for place, run in enumerate(runs)]
    there = tuple(one for one in compared if data in one.tables)
    if not there or there[0].run is not runs[0]:
        raise TableError(problems[0] if problems else f"{runs[0].name} has no table of {data}")
    depths = {one.run.name: one.tables[data].metadata.depth for one in there}
    depth = min(depths.values())
    with slot:
        k = choosing.choose_level(score, depth)
    usable = choosing.said_unit(score, unit)
    if len(set(depths.values())) > 1:
        layers = ", ".join(f"`{name}` has {layers}" for name, layers in depths.items())
        st.caption(f"k goes to {depth} only, the layers that all of these runs have: {layers}.")
    return View(
        data,
        tuple(slug for slug in ood if slug in there[0].tables),
        there,
        tuple(one.run for one in compared if data not in one.tables),
        tuple(problems),
        setting,
        Measure(score, k, usable),
    )


def _compared(
    run: RunEntry, place: int, data: str, ood: Sequence[str], setting: Setting, problems: list[str]
) -> Compared:
    """The tables of one run under the setting; what cannot be read is added to the problems."""
    stored = loading.tables(run)
    keys: dict[str, TableKey] = {}
    tables: dict[str, ScoreTable] = {}
    for slug in (data, *ood):
        key = measures.find(stored, slug, setting)
        if key is None:
            continue
        try:
            table = loading.table(key)
        except TableError as error:
            problems.append(f"{run.name}: {error}")
            continue
        if data in tables and table.metadata.depth != tables[data].metadata.depth:
            problems.append(f"{run.name}: {key.path.name} is of a model with another number of layers: score it again")
            continue
        keys[slug], tables[slug] = key, table
    title = f"{letter(place)} · {components.escape(run.name)}"
    return Compared(run, letter(place), palette.run_look(place, title), keys, tables)


def _trained_on(run: RunEntry) -> str | None:
    return run.config.data.name if run.config else None
