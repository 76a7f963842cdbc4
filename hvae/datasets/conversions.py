"""Data sets brought to another shape under a name that says so: ``mnist-as-32x32-colour``.

No known data set is converted in silence: what a model scored is in the name of every table, figure and file.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from hvae.datasets.base import DataSet, DataSetInfo, ImageSet, Progress
from hvae.datasets.own.conforming import conform_set, describe_change

_NAME = re.compile(r"([a-z0-9_]+)-as-([1-9][0-9]{0,3})x([1-9][0-9]{0,3})-(grey|colour)")
_CHANNELS = {"grey": 1, "colour": 3}


def converted_name(name: str, shape: tuple[int, int, int]) -> str:
    """Name of the data set ``name`` converted to ``shape`` ``(1 or 3 channels, height, width)``."""
    channels, height, width = shape
    return f"{name}-as-{height}x{width}-{'grey' if channels == 1 else 'colour'}"


def parse_name(name: str) -> tuple[str, tuple[int, int, int] | None]:
    """The data set behind a name, and the shape it is converted to; None where the name asks for no conversion."""
    match = _NAME.fullmatch(name)
    if match is None:
        return name, None
    source, height, width, kind = match.groups()
    return source, (_CHANNELS[kind], int(height), int(width))


@dataclass(frozen=True)
class Converted:
    """A data set of the registry in another ``shape``: padded to its aspect, resized, grey or colour."""

    source: DataSet
    shape: tuple[int, int, int]

    @property
    def info(self) -> DataSetInfo:
        """The facts about the source, with the conversion in title and preprocessing."""
        own = self.source.info
        _, _, words = converted_name("", self.shape).partition("-as-")
        done = describe_change(own.shape, self.shape)
        before = () if own.preprocessing == "none" else (own.preprocessing,)
        return replace(
            own,
            name=converted_name(own.name, self.shape),
            title=f"{own.title} as {words.replace('-', ' ')}",
            preprocessing="; ".join((*before, done)) or "none",
            shape=self.shape,
        )

    def available(self, root: Path) -> bool:
        """Whether the files of the source are there."""
        return self.source.available(root)

    def load(self, split: str, root: Path) -> ImageSet:
        """Images ``(n, *shape)`` of ``split``; the note names the change."""
        return replace(conform_set(self.source.load(split, root), self.shape), name=self.info.name)

    def fetch(self, root: Path, progress: Progress | None = None) -> None:
        """Download the source."""
        self.source.fetch(root, progress)
