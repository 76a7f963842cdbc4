"""What the inspector says of an image, from the top down: the one list, a module a section."""

from collections.abc import Callable
from dataclasses import dataclass

from app.inspector import neighbours, noted, rebuilt, standing, verdict, why
from app.inspector.subject import Subject


@dataclass(frozen=True)
class Section:
    """A part of the panel.

    `fold` is the label of a fold whose contents are made when it is opened, empty where it always shows; what is
    `late` is drawn when the page beside the panel stands. `fits` says whether there is anything to draw.
    """

    name: str
    draw: Callable[[Subject], None]
    fold: str = ""
    late: bool = False
    fits: Callable[[Subject], bool] = lambda subject: True


SECTIONS: tuple[Section, ...] = (
    Section("verdict", verdict.draw),
    Section("why", why.parts, fits=why.is_scored),
    Section("rebuilt", rebuilt.draw, late=True, fits=rebuilt.fits),
    Section("where", rebuilt.where, "Where on the image likelihood is lost", late=True, fits=rebuilt.can),
    Section(
        "neighbours", neighbours.draw, "The nearest training images, level by level", late=True, fits=neighbours.fits
    ),
    Section("bound", why.bound, "How its likelihood adds up", fits=why.is_scored),
    Section("statistics", why.statistics, "Which of its statistics are unusual", fits=why.is_scored),
    Section("levels", standing.every_level, "The score at every level", fits=why.is_scored),
    Section("scores", standing.every_score, "The image under every score", fits=why.is_scored),
    Section("notes", noted.draw, fits=noted.fits),
)
