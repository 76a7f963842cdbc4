"""What a data set is: images with labels, a fingerprint, its name for people, and the facts a report has to name."""

import hashlib
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from hvae.datasets import held
from hvae.errors import DataError

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all); the total is 0 while it is unknown. May raise to cancel."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with their labels, in a fixed order: the order of every score table made from them.

    Attributes:
        name: In the registry (``fashionmnist``, ``folder:PATH``, ...).
        split: ``train``, ``test``, ``all`` or a part of the training set (see `hvae.datasets.registry`).
        images: ``(n, channels, height, width)`` uint8 in 0..255; of a large set of one's own a temporary file.
        labels: ``(n,)`` int64; 0 throughout where the source has no classes.
        note: In words, what was done to the images (resized, converted, inverted, skipped); empty when nothing was.
        origin: Fingerprint of the set these images were taken from; empty for a whole set.
        names: File name of each image of one's own, as it is shown; empty where the source has none.
        unread: A line for each file of the source that could not be read, with the reason.
    """

    name: str
    split: str
    images: np.ndarray
    labels: np.ndarray
    note: str = ""
    origin: str = ""
    names: Sequence[str] = ()
    unread: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.dtype != np.uint8:
            held = f"{self.images.shape} {self.images.dtype}"
            raise ValueError(f"images must be (n, channels, height, width) uint8, not {held}")
        if self.labels.shape != self.images.shape[:1] or self.labels.dtype != np.int64:
            raise ValueError(f"labels must be ({len(self.images)},) int64, not {self.labels.shape} {self.labels.dtype}")
        if self.names and len(self.names) != len(self.images):
            raise ValueError(f"names must be one an image, not {len(self.names)} for {len(self.images)} images")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(channels, height, width)`` of one image."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over the shape and the image bytes: two sets with equal fingerprints hold equal images."""
        digest = hashlib.sha256(repr(self.images.shape).encode())
        for images in held.portions(self.images):
            digest.update(np.ascontiguousarray(images).data)
        return digest.hexdigest()

    @property
    def whole_fingerprint(self) -> str:
        """Fingerprint of the whole set that these images are, or were taken from: the identity of the set."""
        return self.origin or self.fingerprint

    @property
    def slug(self) -> str:
        """Name fit for a file and an address; for ``folder:`` and ``npz:`` the path's last name and 8 hex digits.

        The digits come from the fingerprint of the whole set, so that a subset keeps the slug it was taken under.
        """
        return f"{slug_stem(self.name)}-{self.whole_fingerprint[:8]}" if ":" in self.name else self.name

    def take(self, indices: np.ndarray) -> "ImageSet":
        """The images at ``indices`` ``(m,)``, in that order, under the same name and split."""
        return replace(
            self,
            images=held.taken(self.images, indices),
            labels=self.labels[indices],
            origin=self.whole_fingerprint,
            names=held.some_names(self.names, indices),
        )

    def spread(self, n: int | None) -> "ImageSet":
        """``n`` of the images, spread evenly over them; all where there are no more, or ``n`` is None."""
        if n is None or n >= len(self):
            return self
        return self.take(spread_rows(len(self), n))


def spread_rows(total: int, n: int) -> np.ndarray:
    """Where `ImageSet.spread` takes ``n`` of ``total`` images from, ``(n,)`` ascending."""
    return np.linspace(0, total - 1, n).round().astype(int)


def slug_stem(name: str) -> str:
    """What the slug of a ``folder:`` or ``npz:`` begins with.

    Noise depends on a slug: that of a name with any of a-z and 0-9 is made of these alone, as it always was.
    """
    last = unicodedata.normalize("NFC", last_name(name).lower())
    stem = re.sub(r"[^a-z0-9]+", "-", last).strip("-") or re.sub(r"[\W_]+", "-", last).strip("-")
    return (stem or name.partition(":")[0])[:40]


def last_name(name: str) -> str:
    """What people call a set: of ``folder:PATH`` the folder, dots included; of ``npz:PATH`` the file without suffix."""
    kind, separator, path = name.partition(":")
    if not separator:
        return name
    # How they are prepared, as `hvae.datasets.own.naming` writes it.
    path = re.sub(r"#(?=[\w=+,-]+$)", "-", path)
    return Path(path).name if kind == "folder" else Path(path).stem


@dataclass(frozen=True)
class DataSetInfo:
    """What a person should know before using a data set.

    ``images`` are their kind, size and number, ``preprocessing`` is what is done to the published images before they
    are ``shape`` ``(channels, height, width)`` uint8, and ``downloadable`` is from a public address, so many
    ``download_bytes`` in all (0: not known).
    """

    name: str
    title: str
    images: str
    licence: str
    citation: str
    preprocessing: str = "none"
    splits: tuple[str, ...] = ("train", "test")
    downloadable: bool = True
    download_bytes: int = 0
    shape: tuple[int, int, int] = (1, 28, 28)

    def inverted(self, words: str) -> "DataSetInfo":
        """The facts about the same images inverted, which ``words`` add to the preprocessing."""
        done = f"{self.preprocessing}, {words}"
        return replace(self, name=f"{self.name}_inverted", title=f"{self.title}, inverted", preprocessing=done)


class DataSet(ABC):
    """One entry of the registry: what a data set module defines as ``DATA_SET``."""

    info: DataSetInfo

    def available(self, root: Path) -> bool:
        """Whether `load` would find its files below ``root``; cheap. True for what comes with a package."""
        return True

    @abstractmethod
    def load(self, split: str, root: Path) -> ImageSet:
        """The images of ``split`` at the data set's own size; `DataError` if files are missing or not the expected."""

    def fetch(self, root: Path, progress: Progress | None = None) -> None:  # noqa: B027  # what comes with a package
        """Put what is not there and intact below ``root``; `DataError` says why not, and how to place it by hand."""


@contextmanager
def about(where: object, hint: str = "") -> Iterator[None]:
    """Has every `DataError` within say which file it is about."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{where}: {error}{hint}") from error


LONGEST_PART = 30


def set_labels(places: Mapping[str, str]) -> dict[str, str]:
    """A label for each set of one's own images by its slug, of its ``folder:PATH`` or ``npz:PATH``, absolute.

    The last two names of the path, so that a folder called ``mnist`` is not taken for the data set, or only the file
    in a folder of the same name; the digits of the slugs tell two alike apart. Labels have no characters that Markdown
    or HTML read.
    """
    short = {slug: _label(place) for slug, place in places.items()}
    shown = list(short.values())
    return {
        slug: label if shown.count(label) == 1 else f"{label.rpartition('/')[2]} {slug[-8:]}"
        for slug, label in short.items()
    }


def _label(place: str) -> str:
    path = Path(place.partition(":")[2])
    # In a folder of its own name, a file says all.
    several = 1 if path.suffix and path.stem == path.parent.name else 2
    parts = [part for part in path.parts if part != "/"][-several:]
    plain = [re.sub(r"[^\w .()+,-]", "-", part) for part in parts]
    short = [part if len(part) <= LONGEST_PART else f"{part[: LONGEST_PART - 1]}…" for part in plain]
    return "/".join(short) or "/"
