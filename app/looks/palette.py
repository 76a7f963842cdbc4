"""The look of data sets and runs in every figure; what a known set is drawn as stands in `hvae.datasets.looks`."""

import html
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hvae.datasets import looks
from hvae.datasets.base import set_labels
from hvae.datasets.looks import BLUE, GREEN, ORANGE, PINK, SKY, VERMILION, drawn_as

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
    own = set_labels({slug: slug}) if ":" in slug else _labels
    return Look(html.escape(looks.title(slug, own)), *drawn_as(slug))


def titles(slugs: Iterable[str]) -> dict[str, str]:
    """What a menu calls data sets, in plain text: no two alike."""
    named = {slug: html.unescape(look(slug).title) for slug in slugs}
    often = Counter(named.values())
    return {slug: title if often[title] == 1 else f"{title} ({slug})" for slug, title in named.items()}


def image_titles(ids: Iterable[str]) -> dict[str, str]:
    """What a menu calls images `<slug>:<index>`."""
    apart = {one: one.rpartition(":") for one in ids}
    named = titles(dict.fromkeys(slug for slug, _, _ in apart.values()))
    return {one: f"{named[slug]} {index}" for one, (slug, _, index) in apart.items()}


_RUN_COLOURS = (VERMILION, SKY, PINK, GREEN, ORANGE, BLUE)
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_RUN_MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "star")


def run_look(position: int, title: str) -> Look:
    """The look of a run by its place in a comparison, 0 for run A; colours repeat after six, with another dash."""
    turn, place = divmod(position, len(_RUN_COLOURS))
    shifted = (place + turn) % len(_DASHES)
    return Look(title, _RUN_COLOURS[place], _DASHES[shifted], _RUN_MARKERS[shifted])
