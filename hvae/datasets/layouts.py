"""How the images of a data set lie in their frame, as far as others can be prepared to lie as they do."""

from dataclasses import dataclass, replace
from functools import lru_cache

from hvae.datasets.conversions import parse_name


@dataclass(frozen=True)
class Layout:
    """What all images of a data set have in common."""

    light_on_dark: bool = False
    """Whether they are light things on black, and not photographs or dark strokes."""
    box: float = 1.0
    """Longer side of the thing shown, as a share of the frame's."""
    by_mass: bool = False
    """Whether the centre of mass is in the middle of the frame, and not the middle of the box."""
    as_published: bool = False
    """Whether models are trained on them at their own size, channels and aspect."""


_LIGHT = Layout(light_on_dark=True)
_LAYOUTS = {
    "mnist": Layout(light_on_dark=True, box=20 / 28, by_mass=True),
    "digits": Layout(light_on_dark=True, box=20 / 28),
    **dict.fromkeys(("fashionmnist", "notmnist", "kmnist", "glyphs", "omniglot28_inverted"), _LIGHT),
}


@lru_cache
def layout(name: str) -> Layout:
    """The layout of a data set by its name; nothing is known of one's own images, which were prepared to train on."""
    source, shape = parse_name(name)
    return replace(_LAYOUTS.get(source, Layout()), as_published=bool(name) and ":" not in name and shape is None)
