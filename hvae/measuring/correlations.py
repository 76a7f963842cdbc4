"""How alike two models represent the same images, layer by layer (Havtorn et al., 2021, Fig. 2).

Two representations of a layer, kept apart: the deterministic features h_l of the inference walk and the means of
q(z_l | .). The walk hands posterior means upward, so nothing is random but the binarisation of the images, which both
models share.

Units are matched at one place of the feature maps at a time: all channels at a place of one model against all
channels at the same place of the other, averaged over places. Units drawn at random from whole maps would hardly ever
meet their counterpart, and the wide low layers would look least alike for that reason alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import torch

from hvae import __version__
from hvae.datasets import ImageSet
from hvae.errors import DataError, HvaeError
from hvae.measuring.noise import EvaluationNoise, noise_key, prepare
from hvae.models.bounds import Sweep
from hvae.models.proposal import mean_proposal
from hvae.runs.checkpoints import Checkpoint
from hvae.runs.correlations.tables import COLUMNS, KINDS, WHOLE_COLUMNS, CorrelationMetadata, CorrelationTable, Kind
from hvae.runs.correlations.unit_pairs import COLUMNS as PAIR_COLUMNS
from hvae.runs.correlations.unit_pairs import MOST_IMAGES, MOST_PAIRS, UnitPairs
from hvae.stats.similarity import MatchedCorrelation, debiased_cka, matched_correlation, varying_units

PLACES = 16
"""Places of the feature maps, each with halves of the images of its own, that every |r| is the mean of."""

MATCHED_UNITS = 256
"""Units matched at a place where every layer has more; the matching costs their cube."""

PAIR_STEPS = 400
"""Images that take about as long through a model as matching and comparing a pair of layers, for the time left."""

MAXIMUM_UNITS = 2048
"""Units of one layer that CKA sees, drawn at random where there are more: a colour feature map has 65,536."""


@dataclass(frozen=True, eq=False)
class Layer:
    """What one layer of a model makes of some images, in float32.

    At most `MAXIMUM_UNITS` `(images, units)` of all channels and places, and all channels at the same relative `places`
    in every layer, `(PLACES, images, channels)`; a dense latent is at every place the same.
    """

    units: np.ndarray
    places: np.ndarray

    @classmethod
    def stacked(cls, batches: Iterable[Layer]) -> Layer:
        """Batches of images as one."""
        units, places = zip(*((batch.units, batch.places) for batch in batches), strict=True)
        return cls(np.concatenate(units), np.concatenate(places, axis=1))


Representations = dict[Kind, list[Layer]]
"""The layers of each kind, lowest first."""


def represent(
    checkpoint: Checkpoint,
    images: ImageSet,
    index: np.ndarray,
    seed: int = 0,
    batch_size: int = 100,
    progress: Callable[[int], None] | None = None,
) -> Representations:
    """Features and posterior means of every layer for the images at positions `index` `(n,)`.

    The seed is that of the binarisation, the places and the units that CKA sees; `progress` is called with the number
    of images done. `features` are left out for a model without skips, which hands none on.

    Raises:
        ConfigError: a kind of model without layers.
        DataError: images that are not of the model's shape.
    """
    model, preprocessing = checkpoint.layered("represent"), checkpoint.config.data.preprocessing
    if images.shape != tuple(model.config.image_shape):
        raise DataError(
            f"{images.name} has images of shape {images.shape}, the model takes {tuple(model.config.image_shape)}"
        )
    device, key = next(model.parameters()).device, noise_key(images.slug, images.split)
    batches: dict[Kind, list[list[Layer]]] = {kind: [] for kind in KINDS}
    for start in range(0, len(index), batch_size):
        rows = index[start : start + batch_size]
        x = prepare(images.images[rows], preprocessing, seed, key, rows).to(device)
        noise = EvaluationNoise(seed, key, rows, 0, [0], model.latent_shapes, device)
        with torch.inference_mode():
            means, features = _walked(Sweep(model, x, noise))
        batches["means"].append([_layer(values, seed) for values in means])
        if len(features) == model.depth:
            batches["features"].append([_layer(values, seed) for values in features])
        if progress is not None:
            progress(start + len(rows))
    return {
        kind: [Layer.stacked(parts) for parts in zip(*batches[kind], strict=True)] for kind in KINDS if batches[kind]
    }


def _walked(sweep: Sweep) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Means of q(z_l | .) and deterministic features, lowest layer first, with every z at its mean."""
    proposal = mean_proposal(sweep.model.depth)
    walk = sweep.evidence(proposal.inference)
    features = [evidence.deterministic for evidence in walk if evidence.deterministic is not None]
    posteriors = [evidence.posterior for evidence in walk]
    if None in posteriors:
        # q needs the generative walk as well.
        posteriors = [latent.posterior for latent in sweep.run(proposal).latents]
    return [posterior.loc for posterior in posteriors if posterior is not None], features


def correlate(
    a: Checkpoint,
    b: Checkpoint,
    images: ImageSet,
    names: tuple[str, str],
    units: int | None = None,
    seed: int = 0,
    n: int = 2000,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[CorrelationTable, UnitPairs]:
    """Matched |Pearson r| and debiased CKA of all layers of two models, and the units that were matched best.

    Every pair of layers of one kind is matched with the SAME number of `units` at a place, since matching favours wide
    layers: by default what the narrowest layer of the kind can give (its channels, or the size of a dense latent), at
    most `MATCHED_UNITS`. The models may differ in preprocessing and depth; `names` are those of their runs. At most `n`
    images are used, a random subset by the `seed`, which is that of the binarisation, the places, the halves, the units
    and the null, too. `progress` is called with (steps done, in all): images seen by either model, then layer pairs x
    `PAIR_STEPS`.

    Raises:
        HvaeError: fewer than 6 images, or not of the models' shape; more units than a layer varies in; a large seed.
    """
    if min(n, len(images)) < 6:
        raise HvaeError(f"{min(n, len(images))} images are too few to correlate; at least 6 are needed")
    if not 0 <= seed < 2**31 // PLACES:
        raise HvaeError(f"the seed must lie in 0..{2**31 // PLACES - 1}, it is {seed}")
    index = np.sort(np.random.default_rng([seed, 3]).permutation(len(images))[:n])
    n = len(index)
    steps_in_all = 2 * n + PAIR_STEPS * len(KINDS) * a.config.model.depth * b.config.model.depth

    def done(steps: int) -> None:
        if progress is not None:
            progress(steps, steps_in_all)

    left = represent(a, images, index, seed, progress=done)
    right = represent(b, images, index, seed, progress=lambda seen: done(n + seen))
    rows: list[tuple[object, ...]] = []
    best: list[tuple[object, ...]] = []
    for kind in KINDS:
        if kind not in left or kind not in right:
            continue
        sides = [[_Measured.of(layer, seed) for layer in side[kind]] for side in (left, right)]
        matched = _matched_units([*sides[0], *sides[1]], units, kind)
        for (number_a, layer_a), (number_b, layer_b) in product(*(enumerate(side, start=1) for side in sides)):
            pair = kind, number_a, number_b
            places = _matched(layer_a, layer_b, matched, seed)
            r, null = (
                float(np.mean([getattr(m, value) for m in places.values()])) if places else float("nan")
                for value in ("mean_abs_r", "null")
            )
            cka = debiased_cka(layer_a.layer.units, layer_b.layer.units)
            rows.append((images.slug, *pair, r, null, cka, matched, layer_a.constant, layer_b.constant, n))
            best += [(*pair, *found) for found in _best_pairs(layer_a, layer_b, places, index, seed)]
            done(2 * n + PAIR_STEPS * len(rows))
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(WHOLE_COLUMNS, "int32"))
    metadata = _metadata(a, b, names, images, n, seed)
    return CorrelationTable(table, metadata), UnitPairs(pd.DataFrame(best, columns=list(PAIR_COLUMNS)), metadata)


def _metadata(
    a: Checkpoint, b: Checkpoint, names: tuple[str, str], images: ImageSet, n: int, seed: int
) -> CorrelationMetadata:
    sides: dict[str, Any] = {
        f"{name}_{side}": value
        for side, run, one in zip("ab", names, (a, b), strict=True)
        for name, value in {
            "run": run,
            "depth": one.config.model.depth,
            "preprocessing": one.config.data.preprocessing,
            "weights_sha256": one.weights_sha256,
        }.items()
    }
    about = images.slug, images.split, images.fingerprint
    sides |= zip(("slug", "split", "data_fingerprint"), about, strict=True)
    return CorrelationMetadata(**sides, n=n, seed=seed, places=PLACES, version=__version__)


@dataclass(frozen=True, eq=False)
class _Measured:
    """A layer with how much of it varies: units at each place, and how many of `Layer.units` do not."""

    layer: Layer
    varying: tuple[int, ...]
    constant: int

    @classmethod
    def of(cls, layer: Layer, seed: int) -> _Measured:
        seeds = _place_seeds(seed)
        varying = tuple(len(varying_units(p, s)) for p, s in zip(layer.places, seeds, strict=True))
        return cls(layer, varying, layer.units.shape[1] - len(varying_units(layer.units, seeds[0])))


def _layer(values: torch.Tensor, seed: int) -> Layer:
    """A batch of `(images, channels)` or `(images, channels, height, width)` values; the seed alone picks from them."""
    flat = values.flatten(1)
    if flat.shape[1] > MAXIMUM_UNITS:
        drawn = np.random.default_rng([seed, 4]).choice(flat.shape[1], MAXIMUM_UNITS, replace=False)
        flat = flat[:, torch.from_numpy(np.sort(drawn)).to(flat.device)]
    relative = _relative_places(seed)
    if values.ndim == 4:
        down, across = (relative * np.array(values.shape[2:])[:, None]).astype(np.int64)
        places = values[:, :, torch.from_numpy(down), torch.from_numpy(across)].permute(2, 0, 1)
    else:
        places = values.expand(PLACES, *values.shape)
    return Layer(flat.float().cpu().numpy(), places.float().cpu().numpy())


def _place_seeds(seed: int) -> range:
    return range(seed * PLACES, (seed + 1) * PLACES)


def _matched_units(layers: list[_Measured], asked: int | None, kind: Kind) -> int:
    """Units that every layer which varies at all can give at some place; a dead layer does not spoil the others."""
    most = min([MATCHED_UNITS, *(max(layer.varying) for layer in layers if max(layer.varying))])
    if asked is not None and not 1 <= asked <= most:
        raise HvaeError(f"units: asked for {asked}, but the {kind} of some layer vary in {most} at most; ask for fewer")
    return most if asked is None else asked


def _relative_places(seed: int) -> np.ndarray:
    """`(2, PLACES)` shares of the height and the width of a feature map."""
    return np.random.default_rng([seed, 5]).random((2, PLACES))


def _matched(a: _Measured, b: _Measured, units: int, seed: int) -> dict[int, MatchedCorrelation]:
    """Matched units by place, where both layers vary enough; may be empty.

    The border of centred images is black: what lies there is constant, and no evidence of anything.
    """
    return {
        place: matched_correlation(a.layer.places[place], b.layer.places[place], units, place_seed)
        for place, place_seed in enumerate(_place_seeds(seed))
        if min(a.varying[place], b.varying[place]) >= units
    }


def _best_pairs(
    a: _Measured, b: _Measured, places: dict[int, MatchedCorrelation], index: np.ndarray, seed: int
) -> list[tuple[object, ...]]:
    """The pairs of greatest |r|, each channel once at its best place: rows of `UnitPairs` from `rank` on."""
    found = (
        (float(r), place, *map(int, pair)) for place, m in places.items() for r, pair in zip(m.r, m.pairs, strict=True)
    )
    seen_a: set[int] = set()
    seen_b: set[int] = set()
    located = _relative_places(seed)
    # A dense latent is the same at every place.
    dense = all(np.array_equal(side.layer.places[0], side.layer.places[1]) for side in (a, b))
    rows: list[tuple[object, ...]] = []
    for r, place, unit_a, unit_b in sorted(found, key=lambda candidate: -abs(candidate[0])):
        if len(rows) == MOST_PAIRS:
            break
        if unit_a in seen_a or unit_b in seen_b:
            continue
        seen_a.add(unit_a)
        seen_b.add(unit_b)
        down, across = (float("nan"),) * 2 if dense else located[:, place].tolist()
        in_a, in_b = a.layer.places[place][:, unit_a], b.layer.places[place][:, unit_b]
        # The rare side: where most images raise a unit equally, it is the few that lower it that tell what it sees.
        sign_a = -1 if np.mean((in_a - in_a.mean()) ** 3) < 0 else 1
        sign_b = -sign_a if r < 0 else sign_a
        values = sign_a * in_a, sign_b * in_b
        orders = [np.argsort(-excitation, kind="stable") for excitation in values]
        ranks = [np.argsort(order) for order in orders]
        medians = [float(np.median(ranks[1 - side][orders[side][:MOST_IMAGES]])) / len(index) for side in (0, 1)]
        exciting = [index[order[:MOST_IMAGES]].tolist() for order in orders]
        rows.append((len(rows) + 1, unit_a, unit_b, down, across, r, sign_a, sign_b, *medians, *exciting))
    return rows
