"""Which runs the Compare page shows, under which setting, and which of their sets can be measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app.compare.numbers import Compared
from app.frame import components, controls
from app.frame.state import Selection
from app.looks import palette
from app.looks.wording import asked_for
from app.reading import choosing, loading, presence
from app.reading import view as views
from app.reading.measures import Measure
from hvae import presets
from hvae.errors import TableError
from hvae.runs.catalogue import Catalogue
from hvae.runs.folders import RunEntry
from hvae.runs.settings import Setting

OFFERED = 5
"""Most runs that are taken along unasked."""

BUDGET = 0.05
"""False alarms at which images are called OOD on this page."""


@dataclass(frozen=True, eq=False)
class View:
    """What the Compare page shows: runs that have the in-distribution set under one setting and score, run A first.

    `ood` are the chosen OOD sets that run A has, `unscored` the runs without the in-distribution set, `problems` why
    other runs and sets could not be used, one line each.
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


def alone(found: Catalogue) -> None:
    """What to do where run A stands alone."""
    if len(loading.runs()) > 1:
        st.info("Choose run B in the sidebar, or one or more runs above, to compare with.")
        return
    run, config = found.run, found.run.config
    preset = config.preset if config and config.preset in presets.names() else "fashionmnist-lite"
    seed = config.training.seed + 1 if config else 1
    sets = " ".join(f"--data {asked_for(slug, run.path)}" for slug in found.sets() or ("fashionmnist", "mnist"))
    components.missing(
        f"{run.name} is the only run here. Train another to compare it with, for instance the same configuration with "
        "another seed: that shows how much of a difference is chance.",
        f"hvae train {preset} --seed {seed}\nhvae score {preset}-seed{seed} {sets}",
    )


def view(catalogues: Sequence[Catalogue], data: str, ood: Sequence[str]) -> View:
    """Draw the controls and measure the sets they name; the first run has a setting of `data`. Raises a TableError."""
    settings = catalogues[0].settings(data)
    with controls.bar("controls"):
        score = choosing.choose_score(_depths(catalogues[:1], data, settings[0])[0])
        slot = controls.bar("level", width="content")
        unit = choosing.choose_unit()
    setting = choosing.choose_setting(settings)
    depths = [depth for depth in _depths(catalogues, data, setting) if score.levels(depth)]
    with slot:
        k = choosing.choose_level(score, min(depths))
    measure = choosing.said_measure(score(k), unit)
    if k is not None and len(set(depths)) > 1:
        st.caption(f"k goes to {min(depths)} only, the layers that all of these runs have.")
    runs: list[Compared] = []
    unscored: list[RunEntry] = []
    problems: list[str] = []
    for place, found in enumerate(catalogues):
        run = found.run
        if found.find(data, setting) is None:
            unscored.append(run)
            continue
        try:
            one = views.view(found, data, ood, setting, measure, BUDGET, unit)
        except TableError as error:
            if place == 0:
                raise
            problems.append(f"{run.name}: {error}")
            continue
        problems += [f"{run.name}: {line}" for line in one.problems]
        title = f"{letter(place)} · {components.escape(run.name)}"
        runs.append(Compared(letter(place), palette.run_look(place, title), one))
    there = tuple(slug for slug in ood if slug in runs[0].sets)
    return View(data, there, tuple(runs), tuple(unscored), tuple(problems), setting, measure)


def _depths(catalogues: Sequence[Catalogue], data: str, setting: Setting) -> list[int]:
    """Latent layers of the runs that have scored a set under a setting."""
    found = [one.find(data, setting) for one in catalogues]
    return [entry.metadata.depth for entry in found if entry]


def missing_commands(view: View, wanted: Sequence[str]) -> list[str]:
    """The commands that score what is missing, one a run."""
    unfit = misfits(view)
    absent = [(one.run, one.view.unscored) for one in view.runs]
    absent += [(run, (view.data, *wanted)) for run in view.unscored if run.name not in unfit]
    return [presence.command(run, sets, view.setting.options) for run, sets in absent if sets]


def misfits(view: View) -> dict[str, str]:
    """Runs without tables that take images of another shape than run A, with that shape in words."""
    first = view.runs[0].run.config
    shapes = {run.name: run.config.model.image_shape for run in view.unscored if run.config}
    return {
        name: " × ".join(map(str, shape))
        for name, shape in shapes.items()
        if first and shape != first.model.image_shape
    }


def _trained_on(run: RunEntry) -> str | None:
    return run.config.data.name if run.config else None
