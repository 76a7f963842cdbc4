"""Data sets by name. A new one is one module in `hvae.datasets.known`, and one line here."""

import difflib
import os
from pathlib import Path

from hvae.datasets.base import DataSet, DataSetInfo, ImageSet, Progress
from hvae.datasets.conversions import Converted, converted_name, parse_name
from hvae.datasets.known import bundled, celeba, cifar, imagenet32, mnist, norb, notmnist, omniglot, svhn
from hvae.datasets.own.conforming import check_image_shape
from hvae.datasets.own.entry import KINDS, OwnImages
from hvae.errors import DataError

_KNOWN: tuple[DataSet, ...] = (
    mnist.FASHIONMNIST,
    mnist.MNIST,
    notmnist.DATA_SET,
    mnist.KMNIST,
    omniglot.OMNIGLOT28,
    omniglot.OMNIGLOT28_INVERTED,
    norb.SMALLNORB28,
    norb.SMALLNORB28_INVERTED,
    bundled.DIGITS,
    bundled.GLYPHS,
    cifar.CIFAR10,
    cifar.CIFAR100,
    svhn.DATA_SET,
    celeba.DATA_SET,
    imagenet32.DATA_SET,
)
_DATA_SETS = {data_set.info.name: data_set for data_set in _KNOWN}
_GREY_28 = (1, 28, 28)


def names() -> list[str]:
    """Names of all data sets, in the order of the registry.

    Besides these `load` takes ``folder:PATH``, ``npz:PATH`` and a name with a conversion, ``mnist-as-32x32-colour``.
    """
    return list(_DATA_SETS)


def names_for(image_shape: tuple[int, int, int]) -> list[str]:
    """The name of every data set for a model of this ``image_shape``: with a conversion where its images differ."""
    return [name if info(name).shape == image_shape else converted_name(name, image_shape) for name in names()]


def is_known(name: str) -> bool:
    """Whether ``name`` is that of a data set here, converted or not; not so for ``folder:PATH`` and ``npz:PATH``."""
    return parse_name(name)[0] in _DATA_SETS


def info(name: str) -> DataSetInfo:
    """The facts about the data set ``name``; `DataError` with the closest names if there is none."""
    return _find(name).info


def available(name: str, root: Path | None = None) -> bool:
    """Whether the files of ``name`` are below ``root`` (default `data_root`); reads no image."""
    return _find(name).available(root or data_root())


def load(
    name: str, split: str = "test", root: Path | None = None, image_shape: tuple[int, int, int] | None = None
) -> ImageSet:
    """Load the images of one split.

    One's own images are padded and resized to ``image_shape``, and the note says so. A known data set has to be of that
    shape already, or be converted by its name (see `hvae.datasets.conversions`).

    Args:
        name: A name from `names`, with a conversion or not, ``folder:PATH`` or ``npz:PATH``.
        split: One that `info` names.
        root: Folder of the data sets; default `data_root`.
        image_shape: ``(channels, height, width)`` that the model expects; by default the data set's own, and
            ``(1, 28, 28)`` for one's own images.

    Raises:
        DataError: If the name or split is unknown, the images are of another shape, or files are missing or damaged.
    """
    if image_shape is not None:
        check_image_shape(image_shape)
    data_set = _find(name, image_shape or _GREY_28)
    if split not in data_set.info.splits:
        raise DataError(f"{name} has no split {split!r}; it has {', '.join(data_set.info.splits)}")
    if image_shape is not None and data_set.info.shape != tuple(image_shape):
        held, wanted = (" x ".join(map(str, shape)) for shape in (data_set.info.shape, image_shape))
        source = parse_name(name)[0]
        fitting = source if info(source).shape == tuple(image_shape) else converted_name(source, image_shape)
        raise DataError(
            f"{name} has images of {held}, the model takes {wanted}: write {fitting}"
            + (" to convert them" if fitting != source else "")
        )
    return data_set.load(split, root or data_root())


def fetch(name: str, root: Path | None = None, progress: Progress | None = None) -> None:
    """Download ``name`` to ``root``; what is there and intact stays. `DataError` says why not, and what to do."""
    _find(name).fetch(root or data_root(), progress)


def _find(name: str, own_shape: tuple[int, int, int] = _GREY_28) -> DataSet | Converted | OwnImages:
    source, shape = parse_name(name)
    if source in _DATA_SETS:
        if shape is None:
            return _DATA_SETS[source]
        check_image_shape(shape)
        return Converted(_DATA_SETS[source], shape)
    kind, _, path = name.partition(":")
    if kind in KINDS:
        if not path:
            raise DataError(f"{name!r} names no path; write {kind}:PATH")
        return OwnImages(kind, path, own_shape)
    if shape is None and "-as-" in name:
        raise DataError(f"there is no data set {name!r}: a conversion is written NAME-as-32x32-colour or -grey")
    close = difflib.get_close_matches(source.lower(), _DATA_SETS, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(_DATA_SETS)}"
    raise DataError(f"there is no data set {name!r}: {hint} (one's own images: folder:PATH or npz:PATH)")


def data_root() -> Path:
    """Folder of the data sets: ``$HVAE_DATA``, else ``hvae/data`` in the user's cache folder (not created here)."""
    if configured := os.environ.get("HVAE_DATA"):
        return Path(configured).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache).expanduser() if cache else Path.home() / ".cache") / "hvae" / "data"
