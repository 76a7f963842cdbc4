"""One look per data set: Okabe-Ito colour, dash and marker, the same in every figure.

Colour never stands alone: the dash and the marker tell the sets apart in grey print and for colour-blind readers. All
colours are mid-tones that keep their contrast on the light and on the dark background.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from hvae.datasets.conversions import parse_name

BLUE, ORANGE, GREEN, PINK = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, VERMILION, GREY = "#56B4E9", "#D55E00", "#8A919B"
HEAT_MAP = "Cividis"
"""Colour scale of heat maps: perceptually uniform and the same to colour-blind readers."""


@dataclass(frozen=True)
class Look:
    """How one data set is drawn.

    Attributes:
        title: name for people.
        colour: hex colour of lines and marks.
        dash: plotly line dash.
        marker: plotly marker symbol.
    """

    title: str
    colour: str
    dash: str
    marker: str

    def fill(self, opacity: float = 0.18) -> str:
        """The colour as `rgba(...)` for areas."""
        red, green, blue = (int(self.colour[index : index + 2], 16) for index in (1, 3, 5))
        return f"rgba({red}, {green}, {blue}, {opacity})"


LOOKS: dict[str, Look] = {
    "fashionmnist": Look("FashionMNIST", BLUE, "solid", "circle"),
    "mnist": Look("MNIST", ORANGE, "dash", "square"),
    "notmnist": Look("notMNIST", GREEN, "dot", "diamond"),
    "digits": Look("Digits (scikit-learn)", PINK, "dashdot", "triangle-up"),
    "glyphs": Look("Glyphs (rendered)", VERMILION, "longdash", "cross"),
    "kmnist": Look("KMNIST", SKY, "longdashdot", "x"),
    "omniglot28": Look("Omniglot", GREEN, "dash", "star"),
    "omniglot28_inverted": Look("Omniglot, inverted", GREEN, "dashdot", "star-open"),
    "smallnorb28": Look("SmallNORB", PINK, "dot", "hexagon"),
    "smallnorb28_inverted": Look("SmallNORB, inverted", PINK, "dash", "hexagon-open"),
    "cifar10": Look("CIFAR-10", BLUE, "longdash", "circle-open"),
    "cifar100": Look("CIFAR-100", SKY, "dot", "diamond-open"),
    "svhn": Look("SVHN", ORANGE, "dot", "square-open"),
    "celeba32": Look("CelebA", VERMILION, "dashdot", "triangle-down"),
    "imagenet32": Look("ImageNet 32x32", SKY, "longdash", "cross-open"),
}
"""Fixed by name, so that a set looks the same whatever stands beside it."""

_labels: Mapping[str, str] = {}


def name_sets(labels: Mapping[str, str]) -> None:
    """Take the names of one's own sets, by slug; the same for every visitor, as the runs are."""
    global _labels
    _labels = labels


_SPARE_COLOURS = (SKY, VERMILION, PINK, GREEN)
_SPARE_DASHES = ("dashdot", "dot", "longdash", "longdashdot")
_SPARE_MARKERS = ("pentagon", "bowtie", "hourglass", "star-diamond")


def look(slug: str) -> Look:
    """The look of a data set; one of a folder or file is derived from its slug, always the same.

    A converted set (`mnist-as-32x32-colour`) is drawn as the one it was made from; its title names the conversion.
    """
    source, shape = parse_name(slug)
    if source in LOOKS:
        own = LOOKS[source]
        return own if shape is None else replace(own, title=f"{own.title}{slug.removeprefix(source).replace('-', ' ')}")
    number = zlib.crc32(slug.encode())
    return Look(
        _labels.get(slug, slug),
        _SPARE_COLOURS[number % 4],
        _SPARE_DASHES[number // 4 % 4],
        _SPARE_MARKERS[number // 16 % 4],
    )


_RUN_COLOURS = (VERMILION, SKY, PINK, GREEN, ORANGE, BLUE)
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_RUN_MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "star")


def run_look(position: int, title: str) -> Look:
    """The look of a run by its place in a comparison, 0 for run A; colours repeat after six, with another dash.

    Args:
        position: from 0.
        title: its name, as HTML.
    """
    turn, place = divmod(position, len(_RUN_COLOURS))
    shifted = (place + turn) % len(_DASHES)
    return Look(title, _RUN_COLOURS[place], _DASHES[shifted], _RUN_MARKERS[shifted])


def layer_colour(layer: int) -> str:
    """Colour of a latent layer, counted from 1; the layers are ordered, so are the blues."""
    return ("#56B4E9", "#0072B2", "#7A5AA6", "#CC79A7")[(layer - 1) % 4]
