"""Run -> map: the posterior means of every level, of own images and of others, in two dimensions.

Principal axes are those of the reference part alone, so other images have no say in where they fall. UMAP is fitted to
all of them: it would place an image that it has not met among those that it has.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from hvae import __version__, stats
from hvae.datasets import ImageSet, info, is_known
from hvae.datasets.base import spread_rows
from hvae.errors import ConfigError, DataError
from hvae.measuring.correlations import represent
from hvae.runs.catalogue import catalogue
from hvae.runs.checkpoints import Checkpoint
from hvae.runs.folders import RunEntry
from hvae.runs.images.training_set import load_splits
from hvae.runs.measured.maps import LatentMap, MapLevel, MapMetadata, MapPart, Separation, umap_installed
from hvae.stats.arrays import Floats

IMAGES = 2000
"""Of each set."""
NEIGHBOUR = 5
"""Whose distance tells how far an image lies from the reference part (Sun et al., 2022, take the k-th nearest)."""
STEPS = 150
"""That the middle 99 % of a level's spread has: as fine as a small figure, and few values pack into a byte each."""


def measure_map(
    checkpoint: Checkpoint,
    reference: ImageSet,
    own: ImageSet,
    others: Sequence[ImageSet],
    *,
    images: int = IMAGES,
    neighbours: int = 3,
    umap: bool = False,
    seed: int = 0,
    among: Callable[[ImageSet], np.ndarray | None] = lambda images: None,
    on_progress: Callable[[int, int], None] | None = None,
) -> LatentMap:
    """The map of a run's `reference` part, `own` images that were not fitted, and other sets.

    At most `images` of each, spread evenly over it, or over the positions that `among` gives of it. Of a level with
    more units than `hvae.measuring.correlations` keeps, as many drawn by the `seed` stand for all. `neighbours` are
    kept of each image and level among those of the reference part, an image itself left out; distances are Euclidean.
    `on_progress` is called with (images done, in all), which UMAP counts once more at every level.

    Raises:
        ConfigError: a kind of model without layers, or UMAP where it is not installed.
        DataError: fewer than `NEIGHBOUR` + 2 reference images, or images that are not of the model's shape.
    """
    make_umap = _umap(seed) if umap else None
    sets = [reference, own, *others]
    rows = [_rows(one, among(one), images) for one in sets]
    if len(rows[0]) < max(NEIGHBOUR, neighbours) + 2:
        raise DataError(f"{reference.slug} ({reference.split}) has too few images for a map: {len(rows[0])}")
    mapped = sum(map(len, rows))
    tell = partial(_tell, on_progress, mapped * (1 + checkpoint.config.model.depth * umap))
    means = _means(checkpoint, sets, rows, seed, tell)
    frame = {
        "part": np.repeat(np.arange(len(sets)), [len(index) for index in rows]),
        "example": np.concatenate(rows),
        "label": np.concatenate([one.labels[index] for one, index in zip(sets, rows, strict=True)]),
    }
    levels, apart = [], []
    drawn: dict[str, Floats] = {}
    near: dict[str, np.ndarray] = {}
    for number, parts in enumerate(zip(*means, strict=True), start=1):
        points, explained = principal_axes(parts)
        levels.append(MapLevel(units=parts[0].shape[1], explained=explained))
        drawn |= _named("pca", number, points)
        index, distance = nearest(parts, max(NEIGHBOUR, neighbours))
        for one in range(neighbours):
            near |= {
                f"near_{number}_{one + 1}": rows[0][index[:, one]],
                f"distance_{number}_{one + 1}": distance[:, one],
            }
        ends = np.cumsum([len(part) for part in parts])[:-1]
        apart.append(separation(np.split(distance[:, NEIGHBOUR - 1], ends)))
        if make_umap is not None:
            drawn |= _named("umap", number, make_umap(np.concatenate(parts)))
            tell(mapped * (1 + number))
    metadata = MapMetadata(
        parts=_parts(sets, rows, apart), levels=tuple(levels), views=("pca", "umap") if umap else ("pca",),
        neighbours=neighbours, seed=seed, weights_sha256=checkpoint.weights_sha256, version=__version__,
    )  # fmt: skip
    return LatentMap(pd.DataFrame(frame | drawn | near), metadata)


def _means(
    checkpoint: Checkpoint,
    sets: Sequence[ImageSet],
    rows: Sequence[np.ndarray],
    seed: int,
    tell: Callable[[int], object],
) -> list[list[Floats]]:
    """Posterior means of some rows of each set, `(n, units)` a level."""
    means = []
    for place, (one, index) in enumerate(zip(sets, rows, strict=True)):
        before = sum(map(len, rows[:place]))

        def progress(done: int, before: int = before) -> None:
            tell(before + done)

        found = represent(checkpoint, one, index, seed, progress=progress)
        means.append([layer.units for layer in found["means"]])
    return means


def _tell(on_progress: Callable[[int, int], None] | None, total: int, done: int) -> None:
    if on_progress is not None:
        on_progress(done, total)


def _parts(
    sets: Sequence[ImageSet], rows: Sequence[np.ndarray], apart: Sequence[Sequence[Separation]]
) -> tuple[MapPart, ...]:
    """What the map holds of each set; of all but the first two how far every level parts them from the own images."""
    return tuple(
        MapPart(
            slug=one.slug,
            split=one.split,
            n=len(index),
            fingerprint=one.fingerprint,
            separation=tuple(level[place] for level in apart) if place >= 0 else (),
        )
        for place, (one, index) in enumerate(zip(sets, rows, strict=True), start=-2)
    )


def _rows(images: ImageSet, among: np.ndarray | None, most: int) -> np.ndarray:
    """Ascending positions of the images that are mapped."""
    places = np.arange(len(images)) if among is None else among[among < len(images)]
    return places[spread_rows(len(places), min(most, len(places)))]


def scored_among(run: RunEntry) -> Callable[[ImageSet], np.ndarray | None]:
    """Positions of the images of a set that the run has scored, of its largest table; None of a set that it has not."""
    found = catalogue(run)

    def places(images: ImageSet) -> np.ndarray | None:
        tables = [found.read(one) for one in found.entries if (one.slug, one.split) == (images.slug, images.split)]
        return max(tables, key=len).frame["example"].to_numpy() if tables else None

    return places


def own_images(run: RunEntry) -> list[ImageSet]:
    """The reference part of a run's own set, and others of its images that were not fitted.

    Raises:
        DataError: missing or damaged files, or another set than the run was trained on.
    """
    assert run.config is not None
    name = run.config.data.name
    rest = "test" if is_known(name) and "test" in info(name).splits else "calibration"
    return list(load_splits(run, name, ["reference", rest]))


def principal_axes(parts: Sequence[np.ndarray]) -> tuple[Floats, tuple[float, float]]:
    """Coordinates `(n, 2)` of all parts on the principal axes of the first, and the shares of its variance on them.

    The parts are `(images, units)`. An axis that the first part does not vary along is 0 everywhere.
    """
    first = parts[0].astype(np.float64)
    kept = min(2, first.shape[1])
    if not first.std(0).any():
        return np.zeros((sum(map(len, parts)), 2)), (0.0, 0.0)
    fitted = PCA(kept, random_state=0).fit(first)
    points = np.zeros((sum(map(len, parts)), 2))
    points[:, :kept] = fitted.transform(np.concatenate(parts).astype(np.float64))
    shares = [*np.clip(fitted.explained_variance_ratio_, 0, 1).tolist(), 0.0][:2]
    return points, (shares[0], shares[1])


def nearest(parts: Sequence[np.ndarray], k: int) -> tuple[np.ndarray, Floats]:
    """Places in the first part of the k images nearest to each image of all parts, and their distances, `(n, k)`.

    An image of the first part is no neighbour of itself.
    """
    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(parts[0])
    found = [search.kneighbors(), *(search.kneighbors(part) for part in parts[1:])]
    distances, places = (np.concatenate(one) for one in zip(*found, strict=True))
    return places, distances.astype(np.float64)


def separation(distances: Sequence[Floats]) -> list[Separation]:
    """How the parts from the third on are told from the second by distances `(images,)` to the first."""
    found = [stats.auroc(distances[1], other) for other in distances[2:]]
    return [Separation(value=one.value, low=one.low, high=one.high) for one in found]


def _umap(seed: int) -> Callable[[np.ndarray], Floats]:
    if not umap_installed():
        raise ConfigError("UMAP needs the package umap-learn: pip install 'hvae[umap]'")
    umap = importlib.import_module("umap")

    def reduced(units: np.ndarray) -> Floats:
        with warnings.catch_warnings():
            # It warns that a seed keeps it to one core, which is as it should be.
            warnings.simplefilter("ignore")
            return umap.UMAP(n_components=2, random_state=seed, n_jobs=1).fit_transform(units).astype(np.float64)

    return reduced


def _named(view: str, level: int, points: Floats) -> dict[str, Floats]:
    """Coordinates `(n, 2)` as two columns, rounded to `STEPS`."""
    low, high = np.quantile(points, [0.005, 0.995])
    grid = float(high - low) / STEPS or 1.0
    rounded = np.clip(np.round(points / grid) * grid, -60_000, 60_000)
    return {f"{view}_{level}_{axis}": rounded[:, column] for column, axis in enumerate("xy")}
