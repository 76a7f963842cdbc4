"""What people are shown as the name of one's own images: short, and of one set only."""

import re
from collections.abc import Mapping
from pathlib import Path

LONGEST_PART = 30


def set_labels(places: Mapping[str, str]) -> dict[str, str]:
    """A label for each set of one's own images: the last two names of its path, ``clothes/images``.

    Two sets whose paths end alike are told apart by the digits of their slugs behind the last name. Two names rather
    than one, so that a folder called ``mnist`` is not taken for the data set of that name.

    Args:
        places: Slug of each set and where it lies, ``folder:PATH`` or ``npz:PATH`` with an absolute path.

    Returns:
        Slug and label, plain text without characters that Markdown or HTML would read.
    """
    short = {slug: _label(place) for slug, place in places.items()}
    shown = list(short.values())
    return {
        slug: label if shown.count(label) == 1 else f"{label.rpartition('/')[2]} {slug[-8:]}"
        for slug, label in short.items()
    }


def _label(place: str) -> str:
    parts = [part for part in Path(place.partition(":")[2]).parts if part != "/"][-2:]
    return "/".join(_plain(part) for part in parts) or "/"


def _plain(part: str) -> str:
    part = re.sub(r"[^\w .()+,-]", "-", part)
    return part if len(part) <= LONGEST_PART else f"{part[: LONGEST_PART - 1]}…"
