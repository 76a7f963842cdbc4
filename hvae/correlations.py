"""How alike two models represent the same images, layer by layer (Havtorn et al., 2021, Fig. 2).

Two representations of a layer, kept apart: the deterministic features h_l of the inference walk and the means of
q(z_l | .). The walk hands posterior means upward, so nothing is random but the binarisation of the images, which both
models share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from hvae import __version__
from hvae.bounds import Sweep
from hvae.checkpoints import Checkpoint
from hvae.correlation_tables import COLUMNS, KINDS, CorrelationMetadata, CorrelationTable, Kind
from hvae.datasets import ImageSet
from hvae.errors import DataError, HvaeError
from hvae.evaluation import EvaluationNoise, prepare
from hvae.proposal import Draw
from hvae.similarity import debiased_cka, matched_correlation, varying_units

MAXIMUM_UNITS = 2048
"""Units kept of one layer, drawn at random where there are more: a feature map of a colour model has 65,536."""

MATCHED_UNITS = 256
"""Units matched where the caller names no number and every layer has more; the matching costs their cube."""

SUBSETS = 4
"""Draws of halves and units that every |r| is the mean of: one draw of few units out of many says little."""

Representations = dict[Kind, list[np.ndarray]]
"""For each kind one array `(images, units)` float32 per layer, lowest first."""


def represent(
    checkpoint: Checkpoint,
    images: ImageSet,
    index: np.ndarray,
    seed: int = 0,
    batch_size: int = 100,
    progress: Callable[[int, int], None] | None = None,
) -> Representations:
    """Features and posterior means of every layer for some images.

    Args:
        checkpoint: the model, with the preprocessing it was trained with.
        images: a data set of the model's shape.
        index: `(n,)` positions in it.
        seed: of the binarisation and of the units kept where a layer has more than `MAXIMUM_UNITS`.
        batch_size: images in one pass.
        progress: called with (images done, images in all).

    Returns:
        `features` (left out for a model without skips, which hands none on) and `means`.

    Raises:
        DataError: images that are not of the model's shape.
    """
    model, preprocessing = checkpoint.model, checkpoint.config.data.preprocessing
    if images.shape != tuple(model.config.image_shape):
        raise DataError(
            f"{images.name} has images of shape {images.shape}, the model takes {tuple(model.config.image_shape)}"
        )
    device = next(model.parameters()).device
    batches: list[dict[Kind, list[np.ndarray]]] = []
    for start in range(0, len(index), batch_size):
        rows = index[start : start + batch_size]
        x = prepare(images.images[rows], preprocessing, seed, images.slug, rows).to(device)
        noise = EvaluationNoise(seed, images.slug, rows, 0, [0], model.latent_shapes, device)
        with torch.inference_mode():
            walk = Sweep(model, x, noise).evidence((Draw.POSTERIOR_MEAN,) * model.depth)
        batch: dict[Kind, list[np.ndarray]] = {"means": [_units(e.posterior.loc, seed) for e in walk if e.posterior]}
        if all(evidence.skip is not None for evidence in walk):
            batch["features"] = [_units(e.skip, seed) for e in walk if e.skip is not None]
        batches.append(batch)
        if progress is not None:
            progress(start + len(rows), len(index))
    return {
        kind: [np.concatenate(layers) for layers in zip(*(batch[kind] for batch in batches), strict=True)]
        for kind in KINDS
        if kind in batches[0]
    }


def correlate(
    a: Checkpoint,
    b: Checkpoint,
    images: ImageSet,
    names: tuple[str, str],
    units: int | None = None,
    seed: int = 0,
    n: int = 2000,
    progress: Callable[[int, int], None] | None = None,
) -> CorrelationTable:
    """Matched |Pearson r| and debiased CKA between every layer of one model and every layer of another.

    Every pair of layers of one kind is matched with the SAME number of units, since matching favours wide layers.
    A layer compared with itself gives 1.

    Args:
        a: the first model.
        b: the second model; another preprocessing and depth are allowed.
        images: a data set of the shape that both take.
        names: of the two runs.
        units: how many units to match; by default as many as the narrowest layer of the kind varies in, at most
            `MATCHED_UNITS`.
        seed: of the images, the binarisation, the halves, the units and the null.
        n: images to use, a random subset of the data set by `seed`; fewer where it has fewer.
        progress: called with (steps done, steps in all): images seen by either model, then pairs of layers.

    Raises:
        HvaeError: fewer than 6 images, more units than a layer varies in, a seed out of range, or images that do not
            fit either model.
    """
    if min(n, len(images)) < 6:
        raise HvaeError(f"{min(n, len(images))} images are too few to correlate; at least 6 are needed")
    if not 0 <= seed < 2**31 // SUBSETS:
        raise HvaeError(f"the seed must lie in 0..{2**31 // SUBSETS - 1}, it is {seed}")
    index = np.sort(np.random.default_rng([seed, 3]).permutation(len(images))[:n])
    report = _Steps(2 * len(index) + len(KINDS) * a.config.model.depth * b.config.model.depth, progress)
    left = represent(a, images, index, seed, progress=report.stage(0))
    right = represent(b, images, index, seed, progress=report.stage(len(index)))
    rows: list[tuple[object, ...]] = []
    for kind in (kind for kind in KINDS if kind in left and kind in right):
        matched = _common_units([*left[kind], *right[kind]], seed) if units is None else units
        for layer_a, features_a in enumerate(left[kind], start=1):
            for layer_b, features_b in enumerate(right[kind], start=1):
                r, null, constant_a, constant_b = _matched(features_a, features_b, matched, seed)
                cka = debiased_cka(features_a, features_b)
                counts = (matched, constant_a, constant_b, len(index))
                rows.append((images.slug, kind, layer_a, layer_b, r, null, cka, *counts))
                report.done(2 * len(index) + len(rows))
    metadata = CorrelationMetadata(
        run_a=names[0],
        run_b=names[1],
        slug=images.slug,
        split=images.split,
        n=len(index),
        seed=seed,
        subsets=SUBSETS,
        depth_a=a.config.model.depth,
        depth_b=b.config.model.depth,
        preprocessing_a=a.config.data.preprocessing,
        preprocessing_b=b.config.data.preprocessing,
        weights_sha256_a=a.weights_sha256,
        weights_sha256_b=b.weights_sha256,
        data_fingerprint=images.fingerprint,
        version=__version__,
    )
    return CorrelationTable(_frame(rows), metadata)


@dataclass(frozen=True)
class _Steps:
    """Progress of several stages as one count."""

    total: int
    progress: Callable[[int, int], None] | None

    def stage(self, offset: int) -> Callable[[int, int], None]:
        return lambda done, _: self.done(offset + done)

    def done(self, steps: int) -> None:
        if self.progress is not None:
            self.progress(steps, self.total)


def _units(values: torch.Tensor, seed: int) -> np.ndarray:
    """`(batch, units)` float32; of more than `MAXIMUM_UNITS` the same ones for the same seed, whatever the model."""
    flat = values.flatten(1)
    if flat.shape[1] > MAXIMUM_UNITS:
        drawn = np.random.default_rng([seed, 4]).choice(flat.shape[1], MAXIMUM_UNITS, replace=False)
        flat = flat[:, torch.from_numpy(np.sort(drawn)).to(flat.device)]
    return flat.float().cpu().numpy()


def _subset_seeds(seed: int) -> range:
    return range(seed * SUBSETS, (seed + 1) * SUBSETS)


def _varying(features: np.ndarray, seed: int) -> int:
    """How many units vary in every subset."""
    return min(len(varying_units(features, subset)) for subset in _subset_seeds(seed))


def _common_units(layers: list[np.ndarray], seed: int) -> int:
    """What every layer that varies at all can give, at most `MATCHED_UNITS`; a dead layer does not spoil the others."""
    return min([MATCHED_UNITS, *(count for layer in layers if (count := _varying(layer, seed)))])


def _matched(a: np.ndarray, b: np.ndarray, units: int, seed: int) -> tuple[float, float, int, int]:
    """Mean |r| and null over the subsets (NaN where a layer does not vary at all), and the constant units of each."""
    usable_a, usable_b = _varying(a, seed), _varying(b, seed)
    constant = a.shape[1] - usable_a, b.shape[1] - usable_b
    if not usable_a or not usable_b:
        return float("nan"), float("nan"), *constant
    results = [matched_correlation(a, b, units, subset) for subset in _subset_seeds(seed)]
    r, null = (float(np.mean(values)) for values in zip(*((m.mean_abs_r, m.null) for m in results), strict=True))
    return r, null, *constant


def _frame(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({name: "int32" for name in ("layer_a", "layer_b", "units", "constant_a", "constant_b", "n")})
