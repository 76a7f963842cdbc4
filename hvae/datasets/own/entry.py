"""``folder:PATH`` and ``npz:PATH``, one's own images, as entries of the registry."""

import itertools
import math
import zipfile
import zlib
from collections import Counter
from pathlib import Path

import numpy as np

from hvae.datasets.base import DataSet, DataSetInfo, ImageSet, Progress, about
from hvae.datasets.conversions import conform, conform_set, describe_change
from hvae.datasets.own.decoding import SUFFIXES, decode
from hvae.datasets.own.outside import MAX_PATH, files_below, shown_name
from hvae.errors import DataError

MAX_BYTES = 2 * 2**30
"""Largest array read, unpacked."""


def load_npz(path: Path, image_shape: tuple[int, int, int], name: str, split: str) -> ImageSet:
    """A data set of ``images``, ``labels`` and ``names`` of an ``.npz`` file, padded and resized to ``image_shape``.

    ``images`` is ``(n, h, w)``, ``(n, h, w, c)`` or ``(n, c, h, w)`` with c = 1 or 3, uint8 or floats in [0, 1] or
    [0, 255]; ``labels`` is ``(n,)`` integers, ``names`` ``(n,)`` text, both optional. Sizes are bounded before arrays
    are read; pickled objects are refused. `DataError` if the file is missing, damaged, too large or another.
    """
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
            if "images.npy" not in members:
                known = ", ".join(sorted(members)[:5]) or "nothing"
                held = f"{path} has no array `images` (it holds {known})"
                raise DataError(f"{held}; save with np.savez(path, images=...)")
            images = read_array(archive, "images")
            labels = read_array(archive, "labels") if "labels.npy" in members else None
            names = read_array(archive, "names", kinds="U").tolist() if "names.npy" in members else None
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} is no npz archive ({error}); save with np.savez(path, images=...)") from error
    # A damaged member may surface as any of these from zipfile, zlib and numpy's header parser; text of numbers that no
    # character has, as a SystemError.
    except (OSError, RuntimeError, NotImplementedError, EOFError, ValueError, SystemError, zlib.error) as error:
        if isinstance(error, DataError):
            raise DataError(f"{path}: {error}") if str(path) not in str(error) else error from None
        raise DataError(f"{path} is damaged or encrypted ({error})") from error
    with about(path):
        pixels, note = _to_uint8(_channels_first(images))
        n = len(pixels)
        if labels is None:
            labels = np.zeros(n, np.int64)
        elif labels.shape != (n,) or labels.dtype.kind not in "ui":
            raise DataError(f"`labels` is {labels.shape} {labels.dtype}; needed is ({n},) integers")
        if names is not None and (not isinstance(names, list) or len(names) != n or not isinstance(names[0], str)):
            raise DataError(f"`names` is not one text for each of the {n} images")
    shown = tuple(shown_name(one, MAX_PATH) for one in names or ())
    return conform_set(ImageSet(name, split, pixels, labels.astype(np.int64), note, names=shown), image_shape)


def read_array(archive: zipfile.ZipFile, name: str, kinds: str = "uif") -> np.ndarray:
    """One array from an opened ``.npz``, of numpy's ``kinds`` of dtype; its header is checked before it is read.

    `DataError` if it holds pickled objects or another kind, is larger than `MAX_BYTES`, or is cut short.
    """
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    with archive.open(f"{name}.npy") as member:
        version = np.lib.format.read_magic(member)
        if version not in readers:
            raise DataError(f"npy format {version[0]}.{version[1]} is not read; save plain numbers with np.savez")
        shape, _, dtype = readers[version](member)
    if dtype.hasobject:
        raise DataError(f"`{name}` holds pickled Python objects, which are never loaded; save a plain array")
    if dtype.kind not in kinds:
        raise DataError(f"`{name}` holds {dtype}, not {'text' if kinds == 'U' else 'numbers'}")
    size = math.prod(shape) * dtype.itemsize
    if size > MAX_BYTES:
        raise DataError(f"`{name}` has {size:,} bytes, more than the {MAX_BYTES:,} allowed")
    if archive.getinfo(f"{name}.npy").file_size < size:
        raise DataError(f"`{name}` is truncated: its header announces {size:,} bytes")
    with archive.open(f"{name}.npy") as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _channels_first(images: np.ndarray) -> np.ndarray:
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and (images.shape[1] in (1, 3)) != (images.shape[3] in (1, 3)):
        images = images if images.shape[1] in (1, 3) else images.transpose(0, 3, 1, 2)
    else:
        needed = "(n, h, w), (n, h, w, c) or (n, c, h, w) with c = 1 or 3 on one side only"
        raise DataError(f"`images` has shape {images.shape}; needed is {needed}")
    if images.size == 0:
        raise DataError(f"`images` is empty (shape {images.shape})")
    return images


def _to_uint8(images: np.ndarray) -> tuple[np.ndarray, str]:
    if images.dtype == np.uint8:
        return np.ascontiguousarray(images), ""
    if images.dtype.kind != "f":
        raise DataError(f"`images` is {images.dtype}; needed is uint8, or floats in [0, 1] or [0, 255]")
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 255):
        raise DataError(f"`images` reaches from {low:g} to {high:g}; needed is [0, 1] or [0, 255], all finite")
    unit = high <= 1
    note = f"floats in [0, {1 if unit else 255}] {'rescaled to 0..255' if unit else 'rounded to whole numbers'}"
    return np.rint(images * 255 if unit else images).astype(np.uint8, order="C"), note


MAX_FILES = 200_000


def load_folder(folder: Path, image_shape: tuple[int, int, int], name: str, split: str) -> ImageSet:
    """Every PNG, JPEG, WebP, BMP, TIFF and PPM file below ``folder``, padded and resized to ``image_shape``.

    In the order of their paths; the labels number the sorted first-level sub-folders. The note counts the images of
    each kind of change and the files that could not be used. Hidden files and folders, and links that lead out of the
    folder, are passed over. `DataError` if there is no such folder, or no readable image in it.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}")
    images, files, skipped = [], [], []
    changes: Counter[str] = Counter()
    below = (name for name, path, out in files_below(folder) if path.suffix.lower() in SUFFIXES and not out)
    paths = list(itertools.islice(below, MAX_FILES + 1))
    if len(paths) > MAX_FILES:
        raise DataError(f"{folder} holds more than the {MAX_FILES:,} images this program reads")
    for path in sorted(paths):
        try:
            decoded = decode(folder / path)
        except DataError as error:
            skipped.append(f"{path}: {error}")
            continue
        height, width, channels = decoded.pixels.shape
        images.append(conform(decoded.pixels, image_shape))
        files.append(path)
        changes.update(decoded.changes)
        # Only the kind is counted: every photo may have a size of its own.
        if channels != image_shape[0]:
            changes[describe_change((channels, *image_shape[1:]), image_shape)] += 1
        if (height, width) != tuple(image_shape[1:]):
            changes[f"resized to {image_shape[1]}x{image_shape[2]}"] += 1
    first = "; ".join(skipped[:5])
    if not images:
        raise DataError(f"no readable image in {folder}" + (f" ({first})" if first else ""))
    _, labels = np.unique([path.split("/")[0] if "/" in path else "" for path in files], return_inverse=True)
    done = [f"{count:,} {change}" for change, count in changes.items()]
    if skipped:
        more = f"; and {len(skipped) - 5:,} more" if len(skipped) > 5 else ""
        done.append(f"{len(skipped):,} skipped ({first}{more})")
    note = f"{len(files):,} images" + (": " + ", ".join(done) if done else "")
    shown = tuple(shown_name(path, MAX_PATH) for path in files)
    return ImageSet(name, split, np.stack(images), labels.astype(np.int64), note, names=shown)


KINDS = {
    "folder": (
        "every PNG, JPEG, WebP, BMP, TIFF and PPM file below the folder",
        "padded with black to the model's aspect, resized (area when shrinking, bicubic when enlarging), converted to "
        "the model's channels",
    ),
    "npz": (
        "the array `images` of the file, labels from `labels`, names of the images from `names`",
        "floats rescaled to 0..255; other sizes padded and resized; the model's channels",
    ),
}
"""What the images of each kind are, and what is done to them."""


class OwnImages(DataSet):
    """One's own images, a folder or file as the user wrote it: one split under two names, ``test`` and ``all``."""

    def __init__(self, kind: str, path: str, image_shape: tuple[int, int, int]) -> None:
        self._path, self._is_folder = Path(path), kind == "folder"
        images, preprocessing = KINDS[kind]
        self.info = DataSetInfo(
            name=f"{kind}:{path}",
            title=f"Images in {self._path.name or path}",
            images=images,
            licence="the user's own",
            citation="",
            preprocessing=preprocessing,
            splits=("test", "all"),
            downloadable=False,
            shape=image_shape,
        )

    def available(self, root: Path) -> bool:
        """Whether the folder or file exists."""
        path = self._path.expanduser()
        return path.is_dir() if self._is_folder else path.is_file()

    def load(self, split: str, root: Path) -> ImageSet:
        """All images."""
        load = load_folder if self._is_folder else load_npz
        return load(self._path.expanduser(), self.info.shape, self.info.name, split)

    def fetch(self, root: Path, progress: Progress | None = None) -> None:
        """Refuse: there is nothing to download."""
        what = "folder" if self._is_folder else "file"
        raise DataError(f"{self.info.name} is a {what} of your own: there is nothing to download")
