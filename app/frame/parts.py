"""Parts of a page that are looked at one at a time: all of them together take a browser seconds to draw."""

from collections.abc import Sequence

from app.frame import controls

IMAGES, LIKELIHOOD, LEVELS, CHECKS = "The images", "Beside the likelihood", "Every level", "Checks"
SAME_HEIGHT, EVERY_PAIR = "Layers of the same height", "Every pair of layers and units"
CURVES, AGREEMENT, SEEDS = "Against one set", "Image by image", "Over seeds"
EVERY_RUN, LEARNING, ROBUSTNESS = "All runs", "Learning curves", "Robustness"
TABLES, NOTES = "Score tables", "Notes"
COMMANDS, IMPORT = "Commands", "Import"

PARTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "scores": ("part", (IMAGES, LIKELIHOOD, LEVELS, CHECKS)),
    "features": ("between", (SAME_HEIGHT, EVERY_PAIR)),
    "compare": ("by", (CURVES, AGREEMENT, SEEDS)),
    "runs": ("about", (EVERY_RUN, LEARNING, ROBUSTNESS, TABLES, NOTES, COMMANDS, IMPORT)),
}
"""Name in the address and parts of every page that has some, the first being shown where none is chosen."""


OF_MODELS = (LEARNING, ROBUSTNESS)
"""Parts of a run whose configuration can be read."""


def choose(page: str, offered: Sequence[str] | None = None) -> str:
    """The part of a page to draw, bound to the address: one of those that can be shown, of all if None."""
    key, parts = PARTS[page]
    # Beside the runs, the score and the set of Compare, parts in a row would take a second line.
    narrow = {"select": True, "width": 160} if page == "compare" else {}
    return controls.choose("Show", key, offered or parts, **narrow)
