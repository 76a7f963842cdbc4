"""One name and one look per data set: colour, dash and marker, the same on every page and in every printed figure.

Colour never stands alone: the dash and the marker tell the sets apart in grey print and for colour-blind readers. All
colours are mid-tones that keep their contrast on the light and on the dark background.
"""

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping

from hvae.datasets.base import set_labels
from hvae.datasets.conversions import parse_name
from hvae.datasets.registry import info, is_known, names

BLUE, ORANGE, GREEN, PINK = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, VERMILION, GREY = "#56B4E9", "#D55E00", "#8A919B"
"""After Okabe and Ito, for known sets."""

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
    "cifar10": (SKY, "longdash", "circle-open"),
    "cifar100": (BLUE, "dot", "diamond-open"),
    "svhn": (ORANGE, "dot", "square-open"),
    "celeba32": (VERMILION, "dashdot", "triangle-down"),
    "imagenet32": (BLUE, "longdash", "cross-open"),
}
"""Colour, dash and marker of data sets, fixed by name: a set looks the same whatever stands beside it.

One without a line here has a look derived from its name, in a colour that none of these has."""

# After Paul Tol's muted scheme, so that one's own images never share a colour with a known set.
_SPARE_COLOURS = ("#AA4499", "#999933", "#8C564B")
_SPARE_DASHES = ("dashdot", "dot", "longdash", "longdashdot")
_SPARE_MARKERS = ("pentagon", "bowtie", "hourglass", "star-diamond")


def drawn_as(slug: str) -> tuple[str, str, str]:
    """Colour, dash and marker of a data set; a converted one (`mnist-as-32x32-colour`) is drawn as its source."""
    source, _ = parse_name(slug)
    number = zlib.crc32(source.encode())
    spare = _SPARE_COLOURS[number % 3], _SPARE_DASHES[number // 4 % 4], _SPARE_MARKERS[number // 16 % 4]
    return LOOKS.get(source, spare)


def title(slug: str, own: Mapping[str, str]) -> str:
    """A data set as people call it: a known one, converted or not, by its title; one's own as in `own_titles`."""
    source, _ = parse_name(slug)
    if is_known(source):
        return info(source).title + slug.removeprefix(source).replace("-", " ")
    return own.get(slug, slug)


def own_titles(places: Mapping[str, str], scored: Iterable[str]) -> dict[str, str]:
    """A title for each set of one's own by its slug, as long as no other set, a known one included, has the same.

    Of those whose ``folder:PATH`` or ``npz:PATH`` is in ``places`` it is their label (`hvae.datasets.base.set_labels`);
    of others that were ``scored`` somewhere, their slug without its digits.
    """
    bare = {slug: slug[:-9] for slug in scored if slug not in places and re.fullmatch(r"[\w-]+-[0-9a-f]{8}", slug)}
    titles = set_labels(places) | bare
    taken = Counter(one.casefold() for one in titles.values())
    taken.update({one.casefold() for name in names() for one in (name, info(name).title)})
    return {slug: one if taken[one.casefold()] == 1 else slug for slug, one in titles.items()}
