"""What the inspector says of an image: the one list, a module a section. One is shown at a time, below the verdict."""

from collections.abc import Callable
from dataclasses import dataclass

from app.inspector import neighbours, noted, rebuilt, standing, why
from app.inspector.subject import Subject


@dataclass(frozen=True)
class Section:
    """A part of the panel, chosen by its label.

    What is `late` is drawn when the page beside the panel stands. `fits` says whether there is anything to draw.
    """

    label: str
    draw: Callable[[Subject], None]
    late: bool = False
    fits: Callable[[Subject], bool] = lambda subject: True


COMPARED = "Compared"
"""Label of the section that a page has of its own."""
SECTIONS: tuple[Section, ...] = (
    Section("Why", why.parts, fits=why.is_scored),
    Section("Likelihood", why.bound, fits=why.is_scored),
    Section("Statistics", why.statistics, fits=why.is_scored),
    Section("Rebuilt", rebuilt.draw, late=True, fits=rebuilt.fits),
    Section("Where", rebuilt.where, late=True, fits=rebuilt.can),
    Section("Neighbours", neighbours.draw, late=True, fits=neighbours.fits),
    Section("Levels", standing.every_level, fits=why.is_scored),
    Section("All scores", standing.every_score, fits=why.is_scored),
    Section("Notes", noted.draw, fits=noted.fits),
)
