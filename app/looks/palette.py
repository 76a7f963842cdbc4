"""One look per data set: Okabe-Ito colour, dash and marker, the same in every figure.

Colour never stands alone: the dash and the marker tell the sets apart in grey print and for colour-blind readers. All
colours are mid-tones that keep their contrast on the light and on the dark background.
"""

import html
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from hvae.datasets import info, is_known
from hvae.datasets.base import set_labels
from hvae.datasets.conversions import parse_name

BLUE, ORANGE, GREEN, PINK = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, VERMILION, GREY = "#56B4E9", "#D55E00", "#8A919B"
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


LOOKS: dict[str, tuple[str, str, str]] = {
    "fashionmnist": (BLUE, "solid", "circle"),
    "mnist": (ORANGE, "dash", "square"),
    "notmnist": (GREEN, "dot", "diamond"),
    "digits": (PINK, "dashdot", "triangle-up"),
    "glyphs": (VERMILION, "longdash", "cross"),
    "kmnist": (SKY, "longdashdot", "x"),
    "omniglot28": (GREEN, "dash", "star"),
    "omniglot28_inverted": (GREEN, "dashdot", "star-open"),
    "smallnorb28": (PINK, "dot", "hexagon"),
    "smallnorb28_inverted": (PINK, "dash", "hexagon-open"),
    "cifar10": (BLUE, "longdash", "circle-open"),
    "cifar100": (SKY, "dot", "diamond-open"),
    "svhn": (ORANGE, "dot", "square-open"),
    "celeba32": (VERMILION, "dashdot", "triangle-down"),
    "imagenet32": (SKY, "longdash", "cross-open"),
}
"""Colour, dash and marker of data sets, fixed by name: a set looks the same whatever stands beside it.

One without a line here has a look derived from its name."""

_labels: Mapping[str, str] = {}


def name_sets(labels: Mapping[str, str]) -> None:
    """Take the names of one's own sets, by slug; the same for every visitor, as the runs are."""
    global _labels
    _labels = labels


_SPARE_COLOURS = (SKY, VERMILION, PINK, GREEN)
_SPARE_DASHES = ("dashdot", "dot", "longdash", "longdashdot")
_SPARE_MARKERS = ("pentagon", "bowtie", "hourglass", "star-diamond")


def look(slug: str) -> Look:
    """The look of a data set, always the same; a converted one (`mnist-as-32x32-colour`) is drawn as its source."""
    source, _ = parse_name(slug)
    if is_known(source):
        title = info(source).title + slug.removeprefix(source).replace("-", " ")
    else:
        title = _labels.get(slug) or (set_labels({slug: slug})[slug] if ":" in slug else html.escape(slug))
    if source in LOOKS:
        return Look(title, *LOOKS[source])
    number = zlib.crc32(source.encode())
    spare = _SPARE_COLOURS[number % 4], _SPARE_DASHES[number // 4 % 4], _SPARE_MARKERS[number // 16 % 4]
    return Look(title, *spare)


_RUN_COLOURS = (VERMILION, SKY, PINK, GREEN, ORANGE, BLUE)
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_RUN_MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "star")


def run_look(position: int, title: str) -> Look:
    """The look of a run by its place in a comparison, 0 for run A; colours repeat after six, with another dash."""
    turn, place = divmod(position, len(_RUN_COLOURS))
    shifted = (place + turn) % len(_DASHES)
    return Look(title, _RUN_COLOURS[place], _DASHES[shifted], _RUN_MARKERS[shifted])
