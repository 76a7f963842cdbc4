"""The look of data sets and runs in every figure; what a known set is drawn as stands in `hvae.datasets.looks`."""

import html
from collections.abc import Mapping
from dataclasses import dataclass

from hvae.datasets.base import set_labels
from hvae.datasets.looks import BLUE, GREEN, ORANGE, PINK, SKY, VERMILION, drawn_as, known_title

HEAT_MAP = "Cividis"
"""Colour scale of heat maps: perceptually uniform and the same to colour-blind readers."""


@dataclass(frozen=True)
class Look:
    """How one data set, or one run, is drawn; the title is its name for people, safe in HTML."""

    title: str
    colour: str
    dash: str
    marker: str

    def fill(self, opacity: float = 0.18) -> str:
        """The colour as `rgba(...)` for areas."""
        red, green, blue = (int(self.colour[index : index + 2], 16) for index in (1, 3, 5))
        return f"rgba({red}, {green}, {blue}, {opacity})"


_labels: Mapping[str, str] = {}


def name_sets(labels: Mapping[str, str]) -> None:
    """Take the names of one's own sets, by slug; the same for every visitor, as the runs are."""
    global _labels
    _labels = labels


def look(slug: str) -> Look:
    """The look of a data set, always the same."""
    own = _labels.get(slug) or (set_labels({slug: slug})[slug] if ":" in slug else html.escape(slug))
    return Look(known_title(slug) or own, *drawn_as(slug))


_RUN_COLOURS = (VERMILION, SKY, PINK, GREEN, ORANGE, BLUE)
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_RUN_MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "star")


def run_look(position: int, title: str) -> Look:
    """The look of a run by its place in a comparison, 0 for run A; colours repeat after six, with another dash."""
    turn, place = divmod(position, len(_RUN_COLOURS))
    shifted = (place + turn) % len(_DASHES)
    return Look(title, _RUN_COLOURS[place], _DASHES[shifted], _RUN_MARKERS[shifted])
