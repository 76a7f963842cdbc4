"""The set a run was trained on: known by the fingerprint of its pixels, which its config remembers. Imports no torch.

The parts of a training set (fitted, validation, reference, calibration) depend on how many images it has: of a set
that has grown since, other images would be called held out, fitted ones among them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from hvae.config import DataConfig, RunConfig
from hvae.datasets import PARTS, ImageSet, info, load, parts
from hvae.datasets.own.entry import NORMAL
from hvae.datasets.own.naming import place_of
from hvae.errors import DataError
from hvae.inputs import absolute
from hvae.runs.folders import RunEntry
from hvae.runs.images.outliers import unseen
from hvae.runs.images.sources import known_slug


def training_set(name: str, image_shape: tuple[int, int, int] | None = None) -> ImageSet:
    """All images that the parts are taken from: the training split, or all of one's own images that have none.

    Raises:
        DataError: an unknown name, images of another shape, or missing or damaged files.
    """
    return load(name, "train" if "train" in info(name).splits else "all", image_shape=image_shape)


def load_splits(run: RunEntry, name: str, splits: Sequence[str]) -> Iterator[ImageSet]:
    """Images of splits, and of parts of the set that a run was trained on, in the shape that its model takes.

    A set of one's own has the name under which the run knows its pixels, wherever they lie now: noise and tables go by
    it. Of a set that the run was shown one half of as outliers it is the other half. The run has a config that can be
    read; the whole set of `PARTS` is read once for all.

    Raises:
        DataError: a part of another set than the run's own; an unknown name or split, images of another shape whose
            name asks for no conversion, or missing or damaged files.
    """
    assert run.config is not None
    data, image_shape = run.config.data, run.config.model.image_shape
    whole: ImageSet | None = None
    for split in splits:
        if split not in PARTS:
            yield unseen(run.config, _as_known(run, load(name, split, image_shape=image_shape)))
            continue
        if whole is None:
            _require_own_name(run.name, data, name, split)
            whole = training_set(name, image_shape)
            require_own(run.name, data, whole)
            whole = _as_known(run, whole)
        yield part_of(whole, split, data.split_seed)


def load_unseen(run: RunEntry, name: str) -> Iterator[ImageSet]:
    """What stands for a set where no split is asked for: its `test` split.

    Of the very images that a run was trained on, whatever they are called, it is the parts that no weight was fitted to
    and no epoch was chosen by, reference and calibration. A set of one's own has no other split that a model has not
    seen.

    Raises:
        DataError: as `load_splits`; or a set that lies where the training images did and holds others by now, so that
            nobody knows which of them were fitted.
    """
    whole = load_images(run, name, "test")
    assert run.config is not None
    data = run.config.data
    if not trained_on(run, whole):
        if ":" in name and ":" in data.name and data.fingerprint and _files(name) == _files(data.name):
            raise DataError(
                f"{name} holds {len(whole):,} images, and not those that {run.name} was trained on there, or prepared "
                "in another way: which of them it was fitted to is not known. Put them back, score others, or all of "
                "these with --split test"
            )
        yield whole
        return
    for part in ("reference", "calibration"):
        yield part_of(whole, part, data.split_seed)


def trained_on(run: RunEntry, whole: ImageSet) -> bool:
    """Whether these are all of one's own images that a run was trained on, fitted ones included."""
    data = run.config.data if run.config else None
    return data is not None and ":" in data.name and whole.fingerprint == data.fingerprint


def load_images(run: RunEntry, name: str, split: str) -> ImageSet:
    """`load_splits` of one split."""
    return next(load_splits(run, name, [split]))


def part_of(whole: ImageSet, part: str, split_seed: int) -> ImageSet:
    """One of `PARTS` of a training set."""
    return replace(whole.take(parts(len(whole), split_seed)[part]), split=part)


def remembered(config: RunConfig, whole: ImageSet) -> RunConfig:
    """The config with the identity of the set that the run is trained on, unless it has one already.

    Given a part, it is that of the set it was taken from, whose size is not known; a part that names none leaves the
    config as it is.
    """
    if config.data.fingerprint or (whole.split in PARTS and not whole.origin):
        return config
    identity = {"fingerprint": whole.whole_fingerprint, "images": 0 if whole.origin else len(whole)}
    return config.model_copy(update={"data": config.data.model_copy(update=identity)})


def require_own(run: str, data: DataConfig, whole: ImageSet) -> None:
    """Refuse another set than the one a run was trained on; a run from before that was remembered takes any.

    Raises:
        DataError: other images, with both counts.
    """
    if not data.fingerprint or data.fingerprint == whole.fingerprint:
        return
    held = f"{'now ' if whole.name == data.name else ''}holds {len(whole):,}"
    if len(whole) == data.images:
        held += " with other pixels"
    images = f"{data.images:,}" if data.images else "other"
    raise DataError(
        f"{run} was trained on {images} images, {whole.name} {held}: resuming and the parts need the very set "
        "it was trained on; put that back, or train a new run"
    )


def _require_own_name(run: str, data: DataConfig, name: str, part: str) -> None:
    """Refuse a set whose name alone says that the run was not trained on it."""
    if name == data.name or (
        ":" in name and ":" in data.name and (data.fingerprint or _place(name) == _place(data.name))
    ):
        return
    instead = "score all of it (--split test)" if ":" in name else "score its test split"
    raise DataError(
        f"{part} is a part of the training set, and {run} was trained on {data.name}, not on {name}: {instead}, or "
        f"name --data {data.name}"
    )


def _as_known(run: RunEntry, images: ImageSet) -> ImageSet:
    """One's own images under the name that the run has for these pixels, if it has one."""
    if ":" not in images.name or run.config is None:
        return images
    if images.whole_fingerprint == run.config.data.fingerprint:
        return replace(images, name=replace(images, name=run.config.data.name).slug)
    slug = known_slug(run.path, images.whole_fingerprint)
    return images if slug is None else replace(images, name=slug)


def _files(name: str) -> Path:
    """Where the images of a set of one's own lie that stand for it."""
    place = place_of(name).resolve()
    return place / NORMAL if (place / NORMAL).is_dir() else place


def _place(name: str) -> tuple[str, Path]:
    kind, _, path = name.partition(":")
    return kind, absolute(Path(path).expanduser())
