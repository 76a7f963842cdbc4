"""A look at images before a model is trained on them: how many, how large, repeated, empty, and what the parts hold."""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hvae.datasets.own.doubts import ONE_VALUE
from hvae.datasets.own.entry import NORMAL
from hvae.datasets.own.outside import Named, Picture, Refusal, collect, count
from hvae.datasets.own.preparing import Treatment
from hvae.datasets.registry import parts
from hvae.errors import DataError

LEAST = 10
"""Images that can be divided into parts at all."""
MOST_LOOKED_AT = 3_000
"""Files, or images of arrays, that are decoded for a survey, chosen at random from all."""
SHOWN = 24
"""Images kept to be shown."""
_SEEN = Treatment((3, 32, 32))

Source = Path | Sequence[Named]


@dataclass(frozen=True, eq=False)
class Survey:
    """What was found in some images from outside."""

    files: int
    """Files there are."""
    images: int
    """Of the files looked at, those that could be read."""
    refused: tuple[Refusal, ...]
    sizes: tuple[tuple[tuple[int, int], int], ...]
    """((height, width) in pixels, images) of every size, the most common first."""
    coloured: int
    blank: int
    """Images of which almost every pixel has one value."""
    repeated: int
    """Images that show the same, at 32 x 32 pixels, as one before them."""
    shown: np.ndarray
    """Some of the images, `(m, 3, 32, 32)` uint8."""
    in_place: bool
    """Whether they are trained on where they are, repeated and empty ones too: `gathered` leaves these out."""

    @property
    def looked_at(self) -> int:
        """Files that were opened."""
        return self.images + len(self.refused)

    @property
    def expected(self) -> int:
        """Images there are; an estimate where not every file was opened."""
        return round(self.files * self.images / self.looked_at) if self.looked_at else 0

    @property
    def distinct(self) -> int:
        """Of the images looked at, those that show something, each once."""
        return self.images - self.repeated - self.blank

    @property
    def trained_on(self) -> int:
        """Images that a model would be trained on; an estimate where not every file was opened."""
        if self.in_place or not self.looked_at:
            return self.expected
        return round(self.files * self.distinct / self.looked_at)

    def parts(self) -> dict[str, int]:
        """How many images each part of the training set would hold; `DataError` where they are too few."""
        return {part: len(index) for part, index in parts(self.trained_on, 0).items()}

    def obstacle(self) -> str:
        """Why no model can be trained on these images; empty where one can."""
        some = self.looked_at < self.files
        looked = f"{self.looked_at:,} of {self.files:,}, chosen at random, were looked at. " if some else ""
        if self.images == 0:
            if len(self.refused) == 1:
                return f"{self.refused[0].name}: {self.refused[0].reason}."
            return f"{looked}None of these files could be read as an image."
        if self.distinct == 0:
            return f"{looked}Almost every pixel of every image has one value: there is nothing to learn."
        if self.distinct < LEAST:
            of_its_own = "shows something of its own" if self.distinct == 1 else "show something of their own"
            same = f", of which {self.distinct:,} {of_its_own}" if self.distinct < self.images else ""
            these = "This is 1 image" if self.images == 1 else f"These are {self.images:,} images"
            return f"{looked}{these}{same}: at least {LEAST} are needed, and some hundreds to judge."
        return ""


def survey(source: Source, most: int, on_progress: Callable[[int, int], object] = lambda done, total: None) -> Survey:
    """Look at some images of a folder, file or upload; `on_progress` hears (files opened, files to be opened).

    `DataError` where there are more than `most`: the first ones are often of one class alone, and to a model of them
    all others would be unusual.
    """
    files = count(_places(source), most + 1)
    if files > most:
        raise DataError(f"There are more than {most:,} files or images, the most that a model is trained on here")
    in_place = isinstance(source, Path) and source.is_dir()
    if files > MOST_LOOKED_AT:
        # Not every so many: what alternates, such as a picture and its copy, would be seen from one side.
        some = np.random.default_rng(0).choice(files, MOST_LOOKED_AT, replace=False).tolist()
        found = _looked(source, frozenset(some), files, in_place, on_progress)
        # How many others are repeated does not follow from some of them; and an array may announce what it lacks.
        if found.looked_at == len(some) and (in_place or not found.repeated):
            return found
    return _looked(source, range(files), files, in_place, on_progress)


def _looked(
    source: Source, some: Collection[int], files: int, in_place: bool, on_progress: Callable[[int, int], object]
) -> Survey:
    """What `some` of so many files hold, by their numbers."""
    sizes: Counter[tuple[int, int]] = Counter()
    shown: list[np.ndarray] = []
    refused: list[Refusal] = []
    coloured, marks = 0, _Marks()
    for done, one in enumerate(collect(_places(source), _SEEN, max_files=files, only=some), start=1):
        on_progress(done, len(some))
        if isinstance(one, Refusal):
            refused.append(one)
            continue
        sizes[one.size] += 1
        coloured += one.coloured
        marks.keeps(one)
        if len(shown) < SHOWN:
            shown.append(one.image)
    images = sizes.total()
    pictures = np.stack(shown) if shown else np.zeros((0, 3, 32, 32), np.uint8)
    common = tuple(sizes.most_common())
    return Survey(
        files if len(some) < files else images + len(refused),
        images,
        tuple(refused),
        common,
        coloured,
        marks.blank,
        marks.repeated,
        pictures,
        in_place,
    )


def gathered(
    source: Source, how: Treatment, most: int, on_progress: Callable[[int, int], object] = lambda done, total: None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """(images `(n, channel, height, width)` uint8, their names) of a file or upload, ready for a model.

    Each picture once, and none of which almost every pixel has one value. `DataError` where none is left.
    """
    marks, kept = _Marks(), []
    for done, one in enumerate(collect(_places(source), how, max_files=most), start=1):
        on_progress(done, 0)
        if isinstance(one, Picture) and marks.keeps(one):
            kept.append(one)
    if not kept:
        raise DataError("none of these files could be read as an image that shows something")
    return np.stack([one.image for one in kept]), tuple(one.name for one in kept)


def normal_of(folder: Path) -> Path:
    """The folder that a model is trained on: its sub-folder `normal` where it has one."""
    return folder / NORMAL if (folder / NORMAL).is_dir() else folder


def _places(source: Source) -> Sequence[Path | Named]:
    return [normal_of(source)] if isinstance(source, Path) else source


class _Marks:
    """What tells whether a picture was there before or is empty."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()
        self.blank = self.repeated = 0

    def keeps(self, one: Picture) -> bool:
        """Whether a picture shows something that none before it did."""
        mark = hashlib.sha256(one.image.tobytes()).digest()
        blank, repeated = any(caveat.kind == ONE_VALUE for caveat in one.caveats), mark in self._seen
        self._seen.add(mark)
        self.blank += blank
        self.repeated += repeated and not blank
        return not blank and not repeated
