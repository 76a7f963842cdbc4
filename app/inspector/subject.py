"""What the inspector looks at: one image, the run that has seen it, and its scores beside the in-distribution ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.frame.state import ImageId
from app.images.sources import whole
from app.inspector.waterfalls import Chosen
from app.looks.palette import look
from app.reading import loading
from app.reading.choosing import USUAL
from app.reading.loading import Seen
from app.reading.measures import Measure, Threshold, threshold
from app.reading.view import Scored, View, reference_part, view
from hvae.datasets import ImageSet, available, is_known
from hvae.errors import HvaeError, TableError
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import TableMetadata
from hvae.scores import everything, find
from hvae.stats.arrays import Floats

BUDGET = 0.05
"""False alarms at which an image is called OOD where no page says otherwise."""
UPLOADED = "upload"
"""Stands where one's own images have no data set: `upload:3` is the fourth of a job."""


@dataclass(frozen=True, eq=False)
class Picture:
    """Where the pixels of the image are: all images of its table, or the line that says why there are none."""

    images: ImageSet | None
    missing: str = ""


@dataclass(frozen=True, eq=False)
class Subject:
    """One image in the inspector.

    `chosen` is its row in a score table and `measure` the score the page is about, None where nothing is scored;
    `about` says with which noise it was scored. `words` are lines of HTML that stand below the image.
    """

    run: RunEntry | None
    image: ImageId
    title: str
    picture: Callable[[], Picture]
    about: TableMetadata | None = None
    chosen: Chosen | None = None
    measure: Measure | None = None
    threshold: Threshold | None = None
    unit: str = "nats"
    words: tuple[str, ...] = ()


def of_view(shown: View, image: ImageId) -> Subject:
    """An image of one of the sets of a view."""
    one = next(each for each in shown.sets if each.slug == image.slug)
    title = f"{look(image.slug).title} {image.index}"
    chosen = _chosen(shown, one, image, title)
    return Subject(
        shown.run,
        image,
        title,
        lambda: scored_picture(shown.run, image.slug, one.table),
        one.table.metadata,
        chosen,
        shown.measure,
        threshold(shown.inside.scores, shown.budget),
        shown.unit,
    )


def of_run(run: RunEntry, image: ImageId, picture: Picture) -> Subject:
    """An image of a whole data set, with its scores where the run has a table of the whole set."""
    found = loading.catalogue(run)
    size = len(picture.images.images) if picture.images is not None else None
    for setting in found.settings(found.own or ""):
        entry = found.find(image.slug, setting)
        if entry is None or found.own is None:
            continue
        try:
            one = view(found, found.own, [image.slug], setting, usual(entry.metadata), BUDGET, "nats")
        except TableError:
            continue
        for each in one.sets:
            if each.slug == image.slug and size in (None, len(each.scores)):
                return of_view(one, image)
    return Subject(run, image, f"{look(image.slug).title} {image.index}", lambda: picture)


def of_whole(run: RunEntry, image: ImageId) -> Subject:
    """An image of what stands for its set on this machine. Raises a DataError where that is away."""
    return of_run(run, image, Picture(whole(image.slug, run)))


def usual(about: TableMetadata) -> Measure:
    """The score that is taken where no page says which. Raises a TableError where there is none."""
    found = [one for one in everything(about.depth, about.preprocessing, about.task) if not one.model_free]
    if not found:
        raise TableError("no score has anything to say about this model")
    level = find(USUAL).usual_level(about.depth)
    return Measure(next((one for one in found if (one.name, one.k) == (USUAL, level)), found[0]))


def _chosen(shown: View, one: Scored, image: ImageId, title: str) -> Chosen:
    def values(measure: Measure) -> tuple[Floats, Floats]:
        return shown.by(measure).scores, shown.by(measure, one).scores

    entry = reference_part(shown.catalogue, shown.setting)
    reference = loading.table(shown.catalogue, entry) if entry else None
    stamp = f"{shown.inside.stamp}\n{one.stamp}\n{title}"
    return Chosen(title, one.table, image.index, shown.inside.table, shown.inside.slug, values, stamp, reference)


def scored_picture(run: RunEntry, slug: str, seen: Seen) -> Picture:
    """The images of a table of a run, or why they cannot be shown."""
    if is_known(slug) and not available(slug):
        return Picture(None, f"{look(slug).title} is not on this machine: hvae data fetch {slug}")
    try:
        return Picture(loading.scored_images(run, seen))
    except (HvaeError, OSError) as error:
        return Picture(None, f"The image cannot be shown: {error}")


def loose_picture(images: np.ndarray, slug: str, names: Sequence[str]) -> Picture:
    """Pictures without a data set, `(n, channel, height, width)` uint8, with a name each."""
    return Picture(ImageSet(slug, "", images, np.zeros(len(images), np.int64), names=tuple(names)))
