"""``folder:PATH`` and ``npz:PATH``, one's own images, as entries of the registry; and what a folder holds."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hvae.datasets.base import DataSetInfo, ImageSet, Progress
from hvae.datasets.own.conforming import conform, describe_change
from hvae.datasets.own.decoding import SUFFIXES, decode
from hvae.datasets.own.npz import load_npz
from hvae.datasets.own.outside import MAX_PATH, files_below, shown_name
from hvae.errors import DataError

MAX_FILES = 200_000


@dataclass(frozen=True, eq=False)
class FolderScan:
    """What a folder holds.

    Attributes:
        images: ``(n, channels, height, width)`` uint8, in the order of ``files``.
        labels: ``(n,)`` int64, index into ``classes``.
        files: Path of each image relative to the folder, with forward slashes, sorted.
        classes: Names of the first-level sub-folders with images, sorted; ``""`` stands for the folder itself.
        skipped: ``(relative path, reason)`` of each image file that could not be used.
        changes: How many images each kind of change was made to.
    """

    images: np.ndarray
    labels: np.ndarray
    files: tuple[str, ...]
    classes: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    changes: dict[str, int]

    @property
    def note(self) -> str:
        """The changes and skipped files in one sentence."""
        parts = [f"{count:,} {change}" for change, count in self.changes.items()]
        if self.skipped:
            shown = "; ".join(f"{file}: {reason}" for file, reason in self.skipped[:5])
            more = f"; and {len(self.skipped) - 5:,} more" if len(self.skipped) > 5 else ""
            parts.append(f"{len(self.skipped):,} skipped ({shown}{more})")
        return f"{len(self.files):,} images" + (": " + ", ".join(parts) if parts else "")


def load_folder(folder: Path, image_shape: tuple[int, int, int], name: str, split: str) -> ImageSet:
    """All images of a folder as a data set."""
    scan = scan_folder(folder, image_shape)
    names = tuple(shown_name(file, MAX_PATH) for file in scan.files)
    return ImageSet(name, split, scan.images, scan.labels, scan.note, names=names)


def scan_folder(folder: Path, image_shape: tuple[int, int, int]) -> FolderScan:
    """Read every PNG, JPEG, WebP, BMP, TIFF and PPM file below ``folder``, padded and resized to ``image_shape``.

    Hidden files and folders, and links that lead out of the folder, are passed over. `DataError` if there is no such
    folder, or no readable image in it.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}")
    images, files, skipped = [], [], []
    changes: Counter[str] = Counter()
    for name in sorted(_image_files(folder)):
        try:
            decoded = decode(folder / name)
        except DataError as error:
            skipped.append((name, str(error)))
            continue
        height, width, channels = decoded.pixels.shape
        images.append(conform(decoded.pixels, image_shape))
        files.append(name)
        changes.update(decoded.changes)
        # Only the kind is counted: every photo may have a size of its own.
        if channels != image_shape[0]:
            changes[describe_change((channels, *image_shape[1:]), image_shape)] += 1
        if (height, width) != tuple(image_shape[1:]):
            changes[f"resized to {image_shape[1]}x{image_shape[2]}"] += 1
    if not images:
        reasons = "; ".join(f"{file}: {reason}" for file, reason in skipped[:5])
        raise DataError(f"no readable image in {folder}" + (f" ({reasons})" if reasons else ""))
    classes, labels = np.unique([file.split("/")[0] if "/" in file else "" for file in files], return_inverse=True)
    names = tuple(classes.tolist())
    return FolderScan(np.stack(images), labels.astype(np.int64), tuple(files), names, tuple(skipped), dict(changes))


def _image_files(folder: Path) -> list[str]:
    found = []
    for name, path, leads_out in files_below(folder):
        if path.suffix.lower() in SUFFIXES and not leads_out:
            found.append(name)
            if len(found) > MAX_FILES:
                raise DataError(f"{folder} holds more than the {MAX_FILES:,} images this program reads")
    return found


KINDS = ("folder", "npz")


@dataclass(frozen=True)
class OwnImages:
    """One's own images, a folder or file as the user wrote it: one split under two names, ``test`` and ``all``.

    Every image is brought to the ``image_shape``, ``(channels, height, width)``.
    """

    kind: str
    path: str
    image_shape: tuple[int, int, int]

    @property
    def info(self) -> DataSetInfo:
        """The facts about it."""
        images = "the array `images` of the file, labels from `labels`, names of the images from `names`"
        preprocessing = "floats rescaled to 0..255; other sizes padded and resized; the model's channels"
        if self.kind == "folder":
            images = "every PNG, JPEG, WebP, BMP, TIFF and PPM file below the folder"
            preprocessing = "padded with black to the model's aspect, resized (area when shrinking, bicubic when "
            preprocessing += "enlarging), converted to the model's channels"
        return DataSetInfo(
            name=f"{self.kind}:{self.path}",
            title=f"Images in {Path(self.path).name or self.path}",
            images=images,
            licence="the user's own",
            citation="",
            preprocessing=preprocessing,
            splits=("test", "all"),
            downloadable=False,
            shape=self.image_shape,
        )

    def available(self, root: Path) -> bool:
        """Whether the folder or file exists."""
        path = Path(self.path).expanduser()
        return path.is_dir() if self.kind == "folder" else path.is_file()

    def load(self, split: str, root: Path) -> ImageSet:
        """All images."""
        load = load_folder if self.kind == "folder" else load_npz
        return load(Path(self.path).expanduser(), self.image_shape, self.info.name, split)

    def fetch(self, root: Path, progress: Progress | None = None) -> None:
        """Refuse: there is nothing to download."""
        what = "folder" if self.kind == "folder" else "file"
        raise DataError(f"{self.info.name} is a {what} of your own: there is nothing to download")
