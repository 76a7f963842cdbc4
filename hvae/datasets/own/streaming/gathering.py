"""Prepared images as they come, put together to a set: pixels, names, labels, and in words what was done to them."""

import re
from array import array
from collections import Counter
from collections.abc import Sequence

import numpy as np

from hvae.datasets.base import ImageSet
from hvae.datasets.held import Growing, NameList
from hvae.datasets.own.names import MAX_PATH, cut
from hvae.datasets.own.outside import Picture, Refusal
from hvae.errors import DataError

_MOST_NAMED = 5


class Gathered:
    """Images of one shape, one at a time."""

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        self.images = Growing(image_shape, np.uint8)
        self._skipped: list[str] = []
        self._whole: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._names = NameList()
        self._folders: dict[str, int] = {}
        self._codes, self._labels = array("q"), array("q")
        self._labelled = False

    def __len__(self) -> int:
        return len(self._codes)

    def add(self, one: Picture | Refusal, label: int | None = None) -> None:
        """An image with its label where it has one of its own, or why a file is none."""
        if isinstance(one, Refusal):
            self._skipped.append(f"{one.name}: {one.reason}")
            return
        self.images.append(one.image[None])
        self._names.append(cut(one.name, MAX_PATH))
        folder = one.name.split("/")[0] if "/" in one.name else ""
        self._codes.append(self._folders.setdefault(folder, len(self._folders)))
        self._labels.append(label or 0)
        self._labelled |= label is not None
        doubts = [f"doubtful ({caveat.kind})" for caveat in one.caveats]
        self._whole.update([*one.changes, *doubts])
        self._kinds.update([*(part for change in one.changes for part in _kinds(change)), *doubts])

    def changed(self, whole: bool = False) -> list[str]:
        """How many images each change was made to and each doubt is about.

        Of files only the kind of a change is counted: every photo may have a size of its own. Of a `whole` array it is
        the change itself, without a count where it is all of them.
        """
        counted = self._whole if whole else self._kinds
        return [change if whole and count == len(self) else f"{count:,} {change}" for change, count in counted.items()]

    def image_set(
        self, name: str, split: str, where: str, passed: Sequence[str], notes: Sequence[str] = ()
    ) -> ImageSet:
        """The set; labels number the sorted first-level folders where the images have none of their own.

        `DataError` where there is no image in `where`; `passed` was left out by design.
        """
        if not len(self):
            first = "; ".join(self._skipped[:_MOST_NAMED] or passed[:_MOST_NAMED])
            raise DataError(f"no readable image in {where}" + (f" ({first})" if first else ""))
        done = [*notes, *self.changed()]
        if passed:
            done.append(f"left out: {_listed(passed)}")
        if self._skipped:
            done.append(f"{len(self._skipped):,} skipped ({_listed(self._skipped)})")
        note = f"{len(self):,} images" + (": " + ", ".join(done) if done else "")
        labels = np.array(self._labels, np.int64) if self._labelled else self._numbers()
        names = self._names.names()
        return ImageSet(name, split, self.images.array(), labels, note, names=names, unread=tuple(self._skipped))

    def _numbers(self) -> np.ndarray:
        place = {folder: number for number, folder in enumerate(sorted(self._folders))}
        return np.array([place[folder] for folder in self._folders], np.int64)[np.array(self._codes, np.int64)]


def _kinds(change: str) -> list[str]:
    plain = re.sub(r"resized from \d+x\d+ to", "resized to", change)
    return [part for part in re.split(r", | \(|\)$", plain) if part]


def _listed(lines: Sequence[str]) -> str:
    more = f"; and {len(lines) - _MOST_NAMED:,} more" if len(lines) > _MOST_NAMED else ""
    return "; ".join(lines[:_MOST_NAMED]) + more
