"""What people are shown as the name of one's own images: short, and of one set only."""

import re
from collections.abc import Mapping
from pathlib import Path

LONGEST_PART = 30


def set_labels(places: Mapping[str, str]) -> dict[str, str]:
    """A label for each set of one's own images: the last two names of its path, ``clothes/images``.

    Two sets whose paths end alike are told apart by the digits of their slugs behind the last name. Two names rather
    than one, so that a folder called ``mnist`` is not taken for the data set of that name. ``places`` has the slug of
    each set and its ``folder:PATH`` or ``npz:PATH``, absolute; labels have no characters that Markdown or HTML read.
    """
    short = {slug: _label(place) for slug, place in places.items()}
    shown = list(short.values())
    return {
        slug: label if shown.count(label) == 1 else f"{label.rpartition('/')[2]} {slug[-8:]}"
        for slug, label in short.items()
    }


def _label(place: str) -> str:
    parts = [part for part in Path(place.partition(":")[2]).parts if part != "/"][-2:]
    plain = [re.sub(r"[^\w .()+,-]", "-", part) for part in parts]
    short = [part if len(part) <= LONGEST_PART else f"{part[: LONGEST_PART - 1]}…" for part in plain]
    return "/".join(short) or "/"
