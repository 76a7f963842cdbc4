"""``folder:PATH``, ``npz:PATH`` and ``shards:PATH``, one's own images, as entries of the registry."""

from collections.abc import Iterator
from pathlib import Path

from hvae.datasets.base import DataSet, DataSetInfo, ImageSet, Progress
from hvae.datasets.held import packed, portions
from hvae.datasets.own.arrays import read_arrays, splits_of
from hvae.datasets.own.decoding import DecodedImage
from hvae.datasets.own.folders import Entry
from hvae.datasets.own.names import MAX_PATH, readable_name, shown_name
from hvae.datasets.own.naming import on_disk, split_path, treatment_of
from hvae.datasets.own.outside import Treatment, prepared, read_entries
from hvae.datasets.own.streaming.gathering import Gathered
from hvae.datasets.own.streaming.listing import entries_below
from hvae.datasets.own.streaming.shards import load_shards
from hvae.errors import DataError

MAX_FILES = 2_000_000


def load_arrays(path: Path, how: Treatment, name: str, split: str) -> ImageSet:
    """The images of a split of a file of arrays (see `hvae.datasets.own.arrays`), prepared for a model.

    `DataError` if the file is missing, damaged, too large or another.
    """
    found = read_arrays(path, "all" if not splits_of(path) else split)
    images, notes = found.images, [*found.notes, *(one.sentence for one in found.caveats)]
    if images.shape[1:] != how.image_shape or how != Treatment(how.image_shape):
        gathered = Gathered(how.image_shape)
        for part in portions(images):
            for one in part:
                decoded = DecodedImage(one.transpose(1, 2, 0), (), (one.shape[1], one.shape[2]))
                gathered.add(prepared(decoded, "", how))
        images = gathered.images.array()
        notes += gathered.changed(whole=True)
    names = packed(shown_name(one, MAX_PATH) for one in found.names)
    return ImageSet(name, split, images, found.labels, "; ".join(notes), names=names)


def load_folder(folder: Path, how: Treatment, name: str, split: str) -> ImageSet:
    """Every image below a folder, whatever it is called, prepared for a model.

    In the order of their paths; the labels number the sorted first-level sub-folders. The note counts the images of
    each kind of change, the files that could not be used and what was left out. `DataError` if there is no such folder,
    or no readable image in it.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}")
    passed: list[str] = []
    gathered = Gathered(how.image_shape)

    def entries() -> Iterator[Entry]:
        for one in entries_below(folder, MAX_FILES):
            if one.passed:
                passed.append(f"{one.name} ({one.passed})")
            else:
                yield one

    for one in read_entries(entries(), how):
        gathered.add(one)
    return gathered.image_set(name, split, str(folder), passed)


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
    "shards": (
        "the images of every .npz, .parquet and .tar of the folder, or of one such file, in the order of their names",
        "as those of a folder",
    ),
}
"""What the images of each kind are, and what is done to them."""


class OwnImages(DataSet):
    """One's own images, a folder or file as the user wrote it: one split under two names, ``test`` and ``all``.

    A file whose arrays are split (``train_images``, ``test_images``) has those splits, and ``all`` is all of them.
    """

    def __init__(self, kind: str, path: str, image_shape: tuple[int, int, int]) -> None:
        plain, words = split_path(path)
        self._path, self._kind = on_disk(plain), kind
        self._how = treatment_of(words, image_shape)
        splits = splits_of(self._path) if kind == "npz" else ()
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
        return {"folder": self._path.is_dir, "npz": self._path.is_file, "shards": self._path.exists}[self._kind]()

    def load(self, split: str, root: Path) -> ImageSet:
        """The images of a split, which are all of them where the source has none."""
        if self._kind != "folder":
            load = load_arrays if self._kind == "npz" else load_shards
            return load(self._path, self._how, self.info.name, split)
        normal = self._path / NORMAL
        return load_folder(normal if normal.is_dir() else self._path, self._how, self.info.name, split)

    def fetch(self, root: Path, progress: Progress | None = None) -> None:
        """Refuse: there is nothing to download."""
        what = "folder" if self._path.is_dir() else "file"
        raise DataError(f"{self.info.name} is a {what} of your own: there is nothing to download")
