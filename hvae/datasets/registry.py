"""Data sets by name, and the parts of their training sets. A new one is a module in `known`, named in `_FAMILIES`.

The test images are only for reports: everything a model or a threshold is chosen or calibrated on comes from the
training set, each purpose from images of its own.
"""

import difflib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from hvae.datasets.base import DataSet, DataSetInfo, ImageSet, Progress
from hvae.datasets.conversions import check_image_shape, conform_set, converted_info, converted_name, parse_name
from hvae.datasets.known import bundled, celeba, cifar, imagenet32, mnist, released, svhn
from hvae.datasets.own.entry import KINDS, OwnImages
from hvae.errors import ConfigError, DataError
from hvae.inputs import named_path

_FAMILIES = (mnist, released, bundled, cifar, svhn, celeba, imagenet32)
_DATA_SETS: dict[str, DataSet] = {one.info.name: one for family in _FAMILIES for one in family.DATA_SETS}
_GREY_28 = (1, 28, 28)


def names() -> list[str]:
    """Names of all known data sets; `load` also takes ``folder:PATH``, ``npz:PATH`` and ``mnist-as-32x32-colour``."""
    return list(_DATA_SETS)


def names_for(image_shape: tuple[int, int, int]) -> list[str]:
    """The name of every data set for a model of this ``image_shape``: with a conversion where its images differ."""
    return [_fitting(name, image_shape) for name in names()]


def _fitting(name: str, image_shape: tuple[int, int, int]) -> str:
    return name if info(name).shape == tuple(image_shape) else converted_name(name, image_shape)


def is_known(name: str) -> bool:
    """Whether ``name`` is that of a data set here, converted or not; not so for ``folder:PATH`` and ``npz:PATH``."""
    return parse_name(name)[0] in _DATA_SETS


def info(name: str) -> DataSetInfo:
    """The facts about the data set ``name``; `DataError` with the closest names if there is none."""
    return _find(name)[1]


def available(name: str, root: Path | None = None) -> bool:
    """Whether the files of ``name`` are below ``root`` (default `data_root`); reads no image."""
    return _find(name)[0].available(root or data_root())


def load(
    name: str, split: str = "test", root: Path | None = None, image_shape: tuple[int, int, int] | None = None
) -> ImageSet:
    """Load the images of one split from below ``root`` (default `data_root`).

    One's own images are padded and resized to ``image_shape`` ``(channels, height, width)``, 28x28 grey by default. A
    known data set has to be of that shape already, or be converted by its name (see `hvae.datasets.conversions`).
    `DataError` for an unknown name or split (see `info`), another shape, or files that are missing or damaged.
    """
    if image_shape is not None:
        check_image_shape(image_shape)
    data_set, facts = _find(name, image_shape or _GREY_28)
    if split not in facts.splits:
        raise DataError(f"{name} has no split {split!r}; it has {', '.join(facts.splits)}")
    if image_shape is not None and facts.shape != tuple(image_shape):
        held, wanted = (" x ".join(map(str, shape)) for shape in (facts.shape, image_shape))
        source = parse_name(name)[0]
        fitting = _fitting(source, image_shape)
        hint = "" if fitting == source else " to convert them"
        raise DataError(f"{name} has images of {held}, the model takes {wanted}: write {fitting}{hint}")
    images = data_set.load(split, root or data_root())
    return images if facts is data_set.info else replace(conform_set(images, facts.shape), name=facts.name)


def fetch(name: str, root: Path | None = None, progress: Progress | None = None) -> None:
    """Download ``name`` to ``root``; what is there and intact stays. `DataError` says why not, and what to do."""
    _find(name)[0].fetch(root or data_root(), progress)


def _find(name: str, own_shape: tuple[int, int, int] = _GREY_28) -> tuple[DataSet, DataSetInfo]:
    """A data set, and the facts about it under this name: converted where the name says so."""
    source, shape = parse_name(name)
    if source in _DATA_SETS:
        found = _DATA_SETS[source]
        if shape is None:
            return found, found.info
        check_image_shape(shape)
        return found, converted_info(found.info, shape)
    kind, _, path = name.partition(":")
    if kind in KINDS:
        if not path:
            raise DataError(f"{name!r} names no path; write {kind}:PATH")
        own = OwnImages(kind, path, own_shape)
        return own, own.info
    if shape is None and "-as-" in name:
        raise DataError(f"there is no data set {name!r}: a conversion is written NAME-as-32x32-colour or -grey")
    close = difflib.get_close_matches(source.lower(), _DATA_SETS, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(_DATA_SETS)}"
    raise DataError(f"there is no data set {name!r}: {hint} (one's own images: folder:PATH or npz:PATH)")


def data_root() -> Path:
    """Folder of the data sets: ``$HVAE_DATA``, else ``hvae/data`` in the user's cache folder (not created here).

    Raises:
        ConfigError: `HVAE_DATA` names something that is there and no folder.
    """
    named = named_path("HVAE_DATA")
    if named and os.path.lexists(named) and not named.is_dir():
        raise ConfigError(f"{named} is no folder, so it can hold no data sets: name another one with HVAE_DATA")
    return named or (named_path("XDG_CACHE_HOME") or Path.home() / ".cache") / "hvae" / "data"


PARTS = ("fitted", "validation", "reference", "calibration")
"""fitted: the weights; validation: checkpoint choice; reference: density fits and tail ranks; calibration: p-values."""

_SMALL = 20_000
_SIZES = (2_000, 4_000, 4_000)


def parts(n: int, seed: int) -> dict[str, np.ndarray]:
    """Divide ``n`` training images into disjoint parts by a seeded permutation.

    2,000 validation, 4,000 reference and 4,000 calibration images; with fewer than 20,000 images n/10, n/5 and n/5
    (rounded down). The rest is fitted. The sorted int64 indices of each part are the same on every machine. Fewer than
    10 images or a negative seed are a `DataError`.
    """
    if n < 10:
        raise DataError(f"{n} images are too few to divide into {', '.join(PARTS)}: at least 10 are needed")
    if seed < 0:
        raise DataError(f"the seed of the parts must not be negative, it is {seed}")
    sizes = (n // 10, n // 5, n // 5) if n < _SMALL else _SIZES
    order = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed))).permutation(n)
    *others, fitted = np.split(order, np.cumsum(sizes))
    return {part: np.sort(indices) for part, indices in zip(PARTS, (fitted, *others), strict=True)}


def load_part(
    name: str, part: str, seed: int, root: Path | None = None, image_shape: tuple[int, int, int] | None = None
) -> ImageSet:
    """Load one of `PARTS` of the training set, or a whole split, which does not depend on the seed; see `load`."""
    if part not in PARTS:
        return load(name, part, root, image_shape)
    train = load(name, "train", root, image_shape)
    return replace(train.take(parts(len(train), seed)[part]), split=part)
