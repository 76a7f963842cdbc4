"""One's own images: every readable image file below a folder."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hvae.datasets.base import DataSetInfo, ImageSet, Progress
from hvae.datasets.own.conforming import conform, describe_change
from hvae.datasets.own.decoding import SUFFIXES, decode
from hvae.datasets.own.outside import MAX_PATH, shown_name
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


def scan_folder(folder: Path, image_shape: tuple[int, int, int]) -> FolderScan:
    """Read every PNG, JPEG, WebP, BMP, TIFF and PPM file below ``folder``.

    Hidden files and folders, and links that lead out of the folder, are passed over.

    Args:
        folder: The folder.
        image_shape: ``(channels, height, width)`` to bring every image to: padded to its aspect, then resized.

    Returns:
        Images, labels and what was skipped, with reasons.

    Raises:
        DataError: If there is no such folder, or no readable image in it.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}")
    images, files, skipped = [], [], []
    changes: Counter[str] = Counter()
    for path in sorted(_image_files(folder), key=lambda path: path.relative_to(folder).as_posix()):
        name = path.relative_to(folder).as_posix()
        try:
            decoded = decode(path)
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
    groups = [file.split("/")[0] if "/" in file else "" for file in files]
    classes = sorted(set(groups))
    labels = np.array([classes.index(group) for group in groups], dtype=np.int64)
    return FolderScan(np.stack(images), labels, tuple(files), tuple(classes), tuple(skipped), dict(changes))


@dataclass(frozen=True)
class FolderDataSet:
    """``folder:PATH`` as an entry of the registry; one split under two names, ``test`` and ``all``.

    Attributes:
        path: The folder as the user wrote it.
        image_shape: ``(channels, height, width)`` to bring every image to.
    """

    path: str
    image_shape: tuple[int, int, int]

    @property
    def info(self) -> DataSetInfo:
        """The facts about it."""
        return DataSetInfo(
            name=f"folder:{self.path}",
            title=f"Images in {Path(self.path).name or self.path}",
            images="every PNG, JPEG, WebP, BMP, TIFF and PPM file below the folder",
            licence="the user's own",
            citation="",
            preprocessing="padded with black to the model's aspect, resized (area when shrinking, bicubic when "
            "enlarging), converted to the model's channels",
            splits=("test", "all"),
            downloadable=False,
            shape=self.image_shape,
        )

    def available(self, root: Path) -> bool:
        """Whether the folder exists; ``root`` plays no part."""
        return self._folder.is_dir()

    def load(self, split: str, root: Path) -> ImageSet:
        """All images of the folder."""
        scan = scan_folder(self._folder, self.image_shape)
        names = tuple(shown_name(file, MAX_PATH) for file in scan.files)
        return ImageSet(self.info.name, split, scan.images, scan.labels, scan.note, names=names)

    def fetch(self, root: Path, progress: Progress | None = None) -> None:
        """Refuse: there is nothing to download."""
        raise DataError(f"{self.info.name} is a folder of your own: there is nothing to download")

    @property
    def _folder(self) -> Path:
        return Path(self.path).expanduser()


def _image_files(folder: Path) -> Iterator[Path]:
    inside = folder.resolve()
    found = 0
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(parent, name)
            if name.startswith(".") or path.suffix.lower() not in SUFFIXES:
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(inside):
                continue
            found += 1
            if found > MAX_FILES:
                raise DataError(f"{folder} holds more than the {MAX_FILES:,} images this program reads")
            yield path
