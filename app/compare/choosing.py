"""Which runs the Compare page shows, which of their sets can be measured, and what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.frame import components, controls, state
from app.frame.state import Selection
from app.looks.palette import Look, run_look
from app.looks.wording import asked_for, literal, shortened
from app.reading import choosing, loading, presence
from app.reading import view as views
from app.reading.measures import Measure
from app.reading.view import Scored
from hvae import presets
from hvae.errors import TableError
from hvae.runs.catalogue import Catalogue
from hvae.runs.folders import RunEntry
from hvae.runs.settings import Setting
from hvae.stats.arrays import Indices

OFFERED = 5
"""Most runs that are taken along unasked."""

BUDGET = 0.05
"""False alarms at which images are called OOD on this page."""


@dataclass(frozen=True, eq=False)
class Compared(views.View):
    """What one run of a comparison has scored, with its letter and its look; run A comes first."""

    letter: str
    look: Look

    @cached_property
    def scored(self) -> dict[str, Scored]:
        """All sets by slug."""
        return {one.slug: one for one in self.sets}

    @property
    def led(self) -> str:
        """The run with its letter, leading to its overview (HTML)."""
        return f"{self.letter} · {presence.leading(self.run.name, self.run.config and self.run.config.data.name)}"

    def rows_with(self, other: Self, slug: str) -> tuple[Indices, Indices] | None:
        """The rows of the images of a set that both runs have scored, of this one and of the other; see `in_common`."""
        one, its = self.scored.get(slug), other.scored.get(slug)
        return views.in_common(one, its) if one and its else None


@dataclass(frozen=True, eq=False)
class View:
    """What the page shows: runs that have the in-distribution set under one setting and score, run A first.

    `ood` are the chosen OOD sets that run A has, `unscored` runs without the in-distribution set, `problems` why
    others could not be used.
    """

    data: str
    ood: tuple[str, ...]
    runs: tuple[Compared, ...]
    unscored: tuple[RunEntry, ...]
    problems: tuple[str, ...]
    setting: Setting
    measure: Measure


def letter(position: int) -> str:
    """Short name of a run by its place: A to Z, then numbers."""
    return chr(ord("A") + position) if position < 26 else str(position + 1)


def choose(selection: Selection, run: RunEntry, toolbar: DeltaGenerator) -> list[RunEntry]:
    """Run A, run B where there is one, and any others, chosen here; alone where there is nothing to compare with."""
    first = [run, *([selection.versus] if selection.versus else [])]
    others = {entry.name: entry for entry in loading.runs() if entry.name not in {one.name for one in first}}
    if not others:
        return first
    label, alike = "Further runs", []
    if not selection.versus:
        label, own = "Runs to compare with", run.config and run.config.data.name
        fit = [name for name, one in others.items() if own and one.config and one.config.data.name == own]
        # Of its own kind first: what a classifier says stands beside no likelihood.
        alike = sorted(fit, key=lambda name: _way(others[name]) != _way(run))[:OFFERED]
    with toolbar, state.shared():
        fold = st.popover("Runs", key="compared-runs", width="content")
    with fold:
        also = controls.choose_many(
            label, "also", list(others), alike,
            help="Run A and run B come from the sidebar. Any number may be added here.",
        )  # fmt: skip
    return first + [others[name] for name in also]


def _way(run: RunEntry) -> tuple[str, str] | None:
    """The kind of model, and how it takes its images."""
    return run.config and (run.config.model.kind, run.config.data.preprocessing)


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


def view(
    catalogues: Sequence[Catalogue], data: str, ood: Sequence[str], toolbar: DeltaGenerator
) -> tuple[View, DeltaGenerator]:
    """Draw the controls in the toolbar and measure the sets they name; also the room for further ones.

    The first run has a setting of `data`. Raises a TableError.
    """
    settings = catalogues[0].settings(data)
    with toolbar:
        about = next(entry.metadata for entry in catalogues[0].entries if entry.slug == data)
        score = choosing.choose_score(about)
        slot = controls.bar("level", width="content")
        further = controls.bar("further", width="content")
    with controls.advanced(toolbar):
        setting = choosing.choose_setting(settings)
        unit = choosing.choose_unit()
    depths = [depth for depth in _depths(catalogues, data, setting) if score.levels(depth)]
    with slot:
        k = choosing.choose_level(score, min(depths))
    measure = choosing.said_measure(score(k), unit)
    if k is not None and len(set(depths)) > 1:
        st.caption(f"k goes to {min(depths)} only, the layers that all of these runs have.")
    runs: list[Compared] = []
    problems: list[str] = []
    unscored = tuple(found.run for found in catalogues if found.find(data, setting) is None)
    for place, found in enumerate(catalogues):
        name = found.run.name
        if found.run in unscored:
            continue
        try:
            one = views.view(found, data, ood, setting, measure, BUDGET, unit)
        except TableError as error:
            if place == 0:
                raise
            problems.append(f"{name}: {error}")
            continue
        problems += [f"{name}: {line}" for line in one.problems]
        style = run_look(place, f"{letter(place)} · {components.escape(shortened(name))}")
        runs.append(Compared(**vars(one), letter=letter(place), look=style))
    there = tuple(slug for slug in ood if slug in runs[0].scored)
    return View(data, there, tuple(runs), unscored, tuple(problems), setting, measure), further


def _depths(catalogues: Sequence[Catalogue], data: str, setting: Setting) -> list[int]:
    found = [one.find(data, setting) for one in catalogues]
    return [entry.metadata.depth for entry in found if entry]


def what_is_missing(view: View, wanted: Sequence[str]) -> None:
    """Runs and sets that have no table under the setting, and the commands that make them, one a run."""
    for text in view.problems:
        components.problem(text)
    first = view.runs[0].run.config
    shapes = {run.name: run.config.model.image_shape for run in view.unscored if run.config}
    unfit = {name: shape for name, shape in shapes.items() if first and shape != first.model.image_shape}
    if unfit:
        spoken = "; ".join(f"{literal(name)} takes {' × '.join(map(str, shape))}" for name, shape in unfit.items())
        st.info(f"Left out, because these runs take images of another shape than run A: {spoken}.")
    absent = [(one.run, one.unscored) for one in view.runs]
    absent += [(run, (view.data, *wanted)) for run in view.unscored if run.name not in unfit]
    if commands := [presence.command(run, sets, view.setting.options) for run, sets in absent if sets]:
        components.missing(f"Not everything is scored with {view.setting}. This makes the rest:", "\n".join(commands))
