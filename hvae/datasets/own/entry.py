"""``folder:PATH`` and ``npz:PATH``, one's own images, as entries of the registry."""

import itertools
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from hvae.datasets.base import DataSet, DataSetInfo, ImageSet, Progress
from hvae.datasets.own.arrays import read_arrays, splits_of
from hvae.datasets.own.decoding import DecodedImage
from hvae.datasets.own.folders import files_below
from hvae.datasets.own.names import MAX_PATH, cut, readable_name, shown_name
from hvae.datasets.own.naming import on_disk, split_path, treatment_of
from hvae.datasets.own.outside import Picture, Treatment, prepared, read_entries
from hvae.errors import DataError

MAX_FILES = 200_000
_MOST_NAMED = 5


def load_arrays(path: Path, how: Treatment, name: str, split: str) -> ImageSet:
    """The images of a split of a file of arrays (see `hvae.datasets.own.arrays`), prepared for a model.

    `DataError` if the file is missing, damaged, too large or another.
    """
    found = read_arrays(path, "all" if not splits_of(path) else split)
    images, notes = found.images, [*found.notes, *(one.sentence for one in found.caveats)]
    if images.shape[1:] != how.image_shape or how != Treatment(how.image_shape):
        rows = (DecodedImage(one.transpose(1, 2, 0), (), (one.shape[1], one.shape[2])) for one in images)
        pictures = [prepared(one, "", how) for one in rows]
        images = np.stack([picture.image for picture in pictures])
        notes += _counted(pictures, len(pictures))
    names = tuple(shown_name(one, MAX_PATH) for one in found.names)
    return ImageSet(name, split, images, found.labels, "; ".join(notes), names=names)


def load_folder(folder: Path, how: Treatment, name: str, split: str) -> ImageSet:
    """Every image below a folder, whatever it is called, prepared for a model.

    In the order of their paths; the labels number the sorted first-level sub-folders. The note counts the images of
    each kind of change, the files that could not be used and what was left out. `DataError` if there is no such folder,
    or no readable image in it.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}")
    entries = list(itertools.islice(files_below(folder), MAX_FILES + 1))
    if len(entries) > MAX_FILES:
        raise DataError(f"{folder} holds more than the {MAX_FILES:,} images this program reads")
    entries.sort(key=lambda one: one.name)
    passed = [f"{one.name} ({one.passed})" for one in entries if one.passed]
    pictures, skipped = [], []
    for one in read_entries((one for one in entries if not one.passed), how):
        if isinstance(one, Picture):
            pictures.append(one)
        else:
            skipped.append(f"{one.name}: {one.reason}")
    if not pictures:
        first = "; ".join(skipped[:_MOST_NAMED] or passed[:_MOST_NAMED])
        raise DataError(f"no readable image in {folder}" + (f" ({first})" if first else ""))
    files = [picture.name for picture in pictures]
    _, labels = np.unique([file.split("/")[0] if "/" in file else "" for file in files], return_inverse=True)
    done = _counted(pictures)
    if passed:
        done.append(f"left out: {_listed(passed)}")
    if skipped:
        done.append(f"{len(skipped):,} skipped ({_listed(skipped)})")
    note = f"{len(files):,} images" + (": " + ", ".join(done) if done else "")
    images = np.stack([picture.image for picture in pictures])
    shown = tuple(cut(file, MAX_PATH) for file in files)
    return ImageSet(name, split, images, labels.astype(np.int64), note, names=shown, unread=tuple(skipped))


def _counted(pictures: Iterable[Picture], n: int = 0) -> list[str]:
    """How many images each change was made to and each doubt is about; without a count where it is all of ``n``.

    Of a resized folder only the kind is counted: every photo may have a size of its own.
    """
    changes: Counter[str] = Counter()
    for picture in pictures:
        done = picture.changes if n else (part for one in picture.changes for part in _kinds(one))
        changes.update([*done, *(f"doubtful ({caveat.kind})" for caveat in picture.caveats)])
    return [change if count == n else f"{count:,} {change}" for change, count in changes.items()]


def _kinds(change: str) -> list[str]:
    plain = re.sub(r"resized from \d+x\d+ to", "resized to", change)
    return [part for part in re.split(r", | \(|\)$", plain) if part]


def _listed(lines: list[str]) -> str:
    more = f"; and {len(lines) - _MOST_NAMED:,} more" if len(lines) > _MOST_NAMED else ""
    return "; ".join(lines[:_MOST_NAMED]) + more


NORMAL, ABNORMAL = "normal", "abnormal"
"""Sub-folders with a meaning: a model is trained and calibrated on `normal` alone, `abnormal` is only measured, and
whatever else is there waits to be judged."""


def by_role(name: str, split: str) -> tuple[str, str]:
    """(name, split) of what is asked for: the split `abnormal` of a folder is that beside `normal`, where both are."""
    kind, _, path = name.partition(":")
    place, words = split_path(path)
    folder = Path(place).expanduser()
    if kind != "folder" or split != ABNORMAL or not all((folder / one).is_dir() for one in (NORMAL, ABNORMAL)):
        return name, split
    return f"folder:{Path(place) / split}" + (f"#{words}" if words else ""), "all"


KINDS = {
    "folder": (
        "every PNG, JPEG, WebP, BMP, TIFF and PPM image below the folder, known by its content; where it has a "
        "sub-folder `normal`, of that alone",
        "padded with black to the model's aspect, resized (area when shrinking, bicubic when enlarging), converted to "
        "the model's channels",
    ),
    "npz": (
        "the array `images` of the file (or `train_images`, `x_train`, ..., a .npy or idx file), its labels and names",
        "other values rescaled to 0..255; other sizes padded and resized; the model's channels",
    ),
}
"""What the images of each kind are, and what is done to them."""


class OwnImages(DataSet):
    """One's own images, a folder or file as the user wrote it: one split under two names, ``test`` and ``all``.

    A file whose arrays are split (``train_images``, ``test_images``) has those splits, and ``all`` is all of them.
    """

    def __init__(self, kind: str, path: str, image_shape: tuple[int, int, int]) -> None:
        plain, words = split_path(path)
        self._path, self._is_folder = on_disk(plain), kind == "folder"
        self._how = treatment_of(words, image_shape)
        splits = () if self._is_folder else splits_of(self._path)
        images, preprocessing = KINDS[kind]
        self.info = DataSetInfo(
            name=f"{kind}:{readable_name(path)}",
            title=f"Images in {readable_name(self._path.name or path)}",
            images=images,
            licence="the user's own",
            citation="",
            preprocessing=preprocessing,
            splits=(*(splits or ("test",)), "all"),
            downloadable=False,
            shape=image_shape,
        )

    def available(self, root: Path) -> bool:
        """Whether the folder or file exists."""
        return self._path.is_dir() if self._is_folder else self._path.is_file()

    def load(self, split: str, root: Path) -> ImageSet:
        """The images of a split, which are all of them where the source has none."""
        if not self._is_folder:
            return load_arrays(self._path, self._how, self.info.name, split)
        normal = self._path / NORMAL
        return load_folder(normal if normal.is_dir() else self._path, self._how, self.info.name, split)

    def fetch(self, root: Path, progress: Progress | None = None) -> None:
        """Refuse: there is nothing to download."""
        what = "folder" if self._is_folder else "file"
        raise DataError(f"{self.info.name} is a {what} of your own: there is nothing to download")
