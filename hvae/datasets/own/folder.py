"""One's own images: every readable image file below a folder."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hvae.datasets.base import ImageSet
from hvae.datasets.own.conforming import conform, describe_change
from hvae.datasets.own.decoding import SUFFIXES, decode
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
