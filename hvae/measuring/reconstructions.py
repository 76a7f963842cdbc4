"""Reconstructions at every level of a hierarchy, and unconditional samples.

What an image becomes when its k lowest latent variables are forgotten and drawn from the conditional prior instead:
the pictures behind L^{>k} (Havtorn et al., 2021, eq. 5 and Fig. 1).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, get_args

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from hvae.config import Preprocessing
from hvae.errors import HvaeError
from hvae.measuring.noise import EvaluationNoise, prepare
from hvae.measuring.passes import counted
from hvae.models.bounds import Sweep
from hvae.models.contract import Model
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.latents import Noise, Walk, align
from hvae.models.logistic_mixture import DiscretisedLogisticMixture
from hvae.models.proposal import Reading, bound_proposal, switched_proposal

Shown = Literal["pictures", "differences", "log p(x|z)", "log p(x|z) lost", "standard deviation", "single samples"]
"""What reconstructions are shown as: four means over the draws, their spread, or every draw of one level."""

SHOWN: tuple[Shown, ...] = get_args(Shown)

RANGES: dict[str, tuple[float, float]] = {
    "differences": (-1.0, 1.0),
    "log p(x|z)": (-7.0, 0.0),
    "log p(x|z) lost": (-7.0, 7.0),
    "standard deviation": (0.0, 0.25),
}
"""Ends of the colour scale of each map, fixed so that maps of any image and model compare. -7 nats: the model gave
that pixel a thousandth."""

LEAST_OF_WHOLE_VALUES = -25.0
"""Low end of the scale of log p(x|z) where a pixel has three of 256 whole values: all equally likely, they cost 16.6
nats."""

MOST_DRAWS = 64
_IMAGES_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Reconstructions:
    """What one batch looks like with z_1 ... z_k from the prior, for k = 0 ... L along the first axis; float32."""

    levels: np.ndarray
    """`(L + 1, n, channel, height, width)`, the mean of p(x | z); k = 0 has every z from q."""
    log_px: np.ndarray
    """`(L + 1, n)`, log p(x | z) in nats."""
    pixel_log_px: np.ndarray
    """`(L + 1, n, height, width)`, the same by pixel, whose channels are one event; a picture sums to `log_px`."""
    bounds: np.ndarray
    """`(L + 1, n)`, one draw of L^{>k} in nats; k = 0 is the ELBO."""


@dataclass(frozen=True, eq=False)
class Switched:
    """What one batch looks like under several choices of which layers come from q, one along an axis; float32."""

    means: np.ndarray
    """`(choice, n, channel, height, width)`, the mean of p(x | z)."""
    log_px: np.ndarray
    """`(choice, n)`, log p(x | z) in nats."""
    log_ratios: np.ndarray
    """`(choice, n, layer)`, log r_l in nats, lowest first; NaN where z_l came from the prior and adds nothing."""


@dataclass(frozen=True, eq=False)
class RepeatedReconstructions:
    """`Reconstructions` over several draws, an axis before theirs, each with its binarisation and posterior sample."""

    seen: np.ndarray
    """`(draw, n, channel, height, width)` float32 in [0, 1], what the model sees of the images."""
    levels: np.ndarray
    log_px: np.ndarray
    pixel_log_px: np.ndarray
    bounds: np.ndarray
    least: float = RANGES["log p(x|z)"][0]
    """Nats of a pixel at the low end of the scale of log p(x|z)."""

    @property
    def draws(self) -> int:
        """Number of draws R."""
        return len(self.levels)

    @property
    def depth(self) -> int:
        """Number of latent layers L."""
        return self.levels.shape[1] - 1

    def pictures(self) -> np.ndarray:
        """Reconstructions averaged over the draws, `(L + 1, n, channel, height, width)` in [0, 1]."""
        return self.levels.mean(0)

    def maps(self, shown: str) -> np.ndarray:
        """One number a pixel, `(L + 1, n, height, width)`; `HvaeError` for another name, or the deviation of one draw.

        `differences`: reconstruction minus what the model sees, averaged over draws and channels. `log p(x|z)`: in
        nats, averaged over draws; a picture sums to the mean of `log_px`. `log p(x|z) lost`: that at k = 0 minus that
        at k, so that a picture sums to the difference of the two `log_px`. `standard deviation`: of the reconstruction
        over the draws (R - 1 in the denominator), averaged over channels.
        """
        if shown == "differences":
            return (self.pictures() - self.seen.mean(0)).mean(2)
        if shown == "log p(x|z)":
            return self.pixel_log_px.mean(0)
        if shown == "log p(x|z) lost":
            mean = self.pixel_log_px.astype(np.float64).mean(0)
            return mean[:1] - mean
        if shown == "standard deviation":
            if self.draws < 2:
                raise HvaeError("one draw has no standard deviation: ask for 2 draws or more")
            return self.levels.std(0, ddof=1).mean(2)
        raise HvaeError(f"there is no map of '{shown}'; the maps are {', '.join(RANGES)}")

    def range_of(self, shown: str) -> tuple[float, float]:
        """Ends of the colour scale of a map: see `RANGES` and `LEAST_OF_WHOLE_VALUES`."""
        low, high = RANGES[shown]
        if shown == "log p(x|z) lost":
            return self.least, -self.least
        return (self.least if shown == "log p(x|z)" else low), high

    def numbers(self, labels: Sequence[str], levels: Sequence[int] | None = None) -> pd.DataFrame:
        """Numbers of every image (by its label) and level k (all if None), in nats: log p(x|z), L>k, LLR>k = L - L>k.

        Averaged over the draws; where there are several, each has its standard deviation over them (`s.d.`) beside
        it, divide by sqrt(draws) for the standard error of the mean. `pixel s.d.` is the mean of the
        `standard deviation` map.
        """
        chosen = list(range(self.depth + 1) if levels is None else levels)
        quantities = self._quantities()
        columns = {name: values.mean(0) for name, values in quantities.items()}
        if self.draws > 1:
            columns |= {f"{name} s.d.": values.std(0, ddof=1) for name, values in quantities.items()}
            columns["pixel s.d."] = self.maps("standard deviation").mean((2, 3))
        rows = pd.MultiIndex.from_product([labels, chosen], names=["image", "k"]).to_frame(index=False)
        return rows.assign(draws=self.draws, **{name: values[chosen].T.ravel() for name, values in columns.items()})

    def single_numbers(self, labels: Sequence[str], level: int) -> pd.DataFrame:
        """The numbers of `numbers` for every draw of one level, one row an image and draw, draws counted from 1."""
        rows = pd.MultiIndex.from_product([labels, [level], range(1, self.draws + 1)], names=["image", "k", "draw"])
        values = {name: values[:, level].T.ravel() for name, values in self._quantities().items()}
        return rows.to_frame(index=False).assign(**values)

    def _quantities(self) -> dict[str, np.ndarray]:
        """(draw, L + 1, n) nats by the name of their column, in float64: differences of large numbers follow."""
        bounds = self.bounds.astype(np.float64)
        return {"log p(x|z)": self.log_px.astype(np.float64), "L>k": bounds, "LLR>k": bounds[:, :1] - bounds}


@torch.no_grad()
def reconstruct(model: HierarchicalVAE, x: Tensor, noise: Noise, reading: Reading = "mean") -> Reconstructions:
    """Reconstructions of x with its k lowest latent variables from the prior, for every k = 0 ... L.

    All levels share their random numbers and the walks they have in common. The model is in evaluation mode, x is
    `(n, channel, height, width)` float32 in [0, 1], preprocessed as the model was trained, and there is one lane of
    noise an image; for the reading of L^{>k} see `hvae.models.proposal.bound_proposal`.

    Raises:
        HvaeError: images that are not of the model's shape, or noise of another number of lanes.
    """
    require_fit(model, x, noise)
    sweep = Sweep(model, x, noise)
    levels, log_px, pixels, bounds = [], [], [], []
    for k in range(model.depth + 1):
        proposal = bound_proposal(model.depth, k, reading)
        likelihood = sweep.run(proposal).likelihood
        levels.append(align(likelihood.mean, len(x)))
        pixels.append(_pixel_log_prob(likelihood, x))
        log_px.append(sweep.log_likelihood(proposal)[0])
        bounds.append(sweep.bound(k, reading)[0])
    return Reconstructions(*(_stacked(parts) for parts in (levels, log_px, pixels, bounds)))


@torch.no_grad()
def reconstruct_switched(model: HierarchicalVAE, x: Tensor, noise: Noise, choices: Sequence[str]) -> Switched:
    """Reconstructions of x under each choice of which layers come from q, with the terms of its bound.

    All share their random numbers and walks as in `reconstruct`, whose arguments and errors these are, too. The bound
    is log p(x | z) plus the log-ratios that are there. At least one choice is spelt as for
    `hvae.models.proposal.switched_proposal`.

    Raises:
        ConfigError: a choice with other letters.
        HvaeError: a choice of another depth.
    """
    require_fit(model, x, noise)
    if unfit := next((choice for choice in choices if len(choice) != model.depth), None):
        raise HvaeError(f"'{unfit}' names {len(unfit)} layers, this model has {model.depth}")
    sweep = Sweep(model, x, noise)
    means, log_px, log_ratios = [], [], []
    for proposal in map(switched_proposal, choices):
        log_px.append(sweep.log_likelihood(proposal)[0])
        means.append(align(sweep.run(proposal).likelihood.mean, len(x)))
        skipped = torch.full_like(log_px[-1], torch.nan)
        ratios = [skipped if ratio is None else ratio[0] for ratio in sweep.log_ratios(proposal)]
        log_ratios.append(torch.stack(ratios, dim=1))
    return Switched(*(_stacked(parts) for parts in (means, log_px, log_ratios)))


def reconstruct_repeatedly(
    model: HierarchicalVAE,
    images: np.ndarray,
    index: np.ndarray,
    *,
    preprocessing: Preprocessing,
    key: str,
    seed: int = 0,
    draws: int = 1,
    reading: Reading = "mean",
    noise: int = 1,
) -> RepeatedReconstructions:
    """Reconstructions at every level, `draws` times (R), with the noise of `hvae score`, by a model in evaluation mode.

    Means over the draws are those of a score table of as many draws with the same reading, seed and version of the
    noise (see `hvae.runs.settings.Setting`). The images are
    `(n, channel, height, width)` uint8, `index` `(n,)` their positions in the data set, or the `content_index` of
    images without one, and `key` is a `hvae.measuring.noise.noise_key`.

    Raises:
        HvaeError: draws outside 1..`MOST_DRAWS`, no images, or images that are not of the model's shape.
    """
    if not 1 <= draws <= MOST_DRAWS:
        raise HvaeError(f"asked for {draws} draws: 1 to {MOST_DRAWS} are possible")
    if not len(images):
        raise HvaeError("there are no images to reconstruct")
    device = next(model.parameters()).device
    prepared, source = (prepare, EvaluationNoise) if noise == 1 else (counted.prepare, counted.CountedNoise)
    at_once = max(1, _IMAGES_AT_ONCE // len(images))
    parts, seen = [], []
    for start in range(0, draws, at_once):
        group = range(start, min(start + at_once, draws))
        x = torch.cat([prepared(images, preprocessing, seed, key, index, draw, device) for draw in group])
        drawn = _Joined([source(seed, key, index, draw, [0], model.latent_shapes, device) for draw in group])
        parts.append(reconstruct(model, x, drawn, reading))
        seen.append(x.cpu().numpy().reshape(-1, *images.shape))
    joined = {
        of.name: np.concatenate([_by_draw(getattr(part, of.name), len(images)) for part in parts])
        for of in fields(Reconstructions)
    }
    least = LEAST_OF_WHOLE_VALUES if preprocessing == "integer" else RANGES["log p(x|z)"][0]
    return RepeatedReconstructions(np.concatenate(seen), **joined, least=least)


@torch.no_grad()
def unconditional_samples(model: Model, n: int, generator: torch.Generator) -> np.ndarray:
    """Images that a model of a kind that can `sample` draws of its own, `(n, channel, height, width)` in [0, 1]."""
    if n < 1:
        raise HvaeError(f"asked for {n} samples: at least 1 is needed")
    return model.sample(n, generator).float().cpu().numpy()


def require_fit(model: HierarchicalVAE, x: Tensor, noise: Noise) -> None:
    """Images of the model's shape, with one lane of noise each; anything else is an `HvaeError`."""
    if tuple(x.shape[1:]) != tuple(model.config.image_shape):
        takes = ", ".join(map(str, model.config.image_shape))
        raise HvaeError(f"images of shape {tuple(x.shape)} do not fit this model: it takes (n, {takes})")
    if noise.lanes != len(x):
        raise HvaeError(f"{len(x)} images need {len(x)} lanes of noise, one each, not {noise.lanes}")


class _Joined:
    """Noise of several draws as one batch, draw-major; see `hvae.models.latents.Noise`."""

    def __init__(self, parts: Sequence[Noise]) -> None:
        self.lanes = sum(part.lanes for part in parts)
        self._parts = parts

    def __call__(self, walk: Walk, layer: int, shape: tuple[int, ...]) -> Tensor:
        return torch.cat([part(walk, layer, shape) for part in self._parts])


def _by_draw(values: np.ndarray, n: int) -> np.ndarray:
    """(L + 1, draw * n, ...) as (draw, L + 1, n, ...)."""
    return np.moveaxis(values.reshape(len(values), -1, n, *values.shape[2:]), 1, 0)


def _pixel_log_prob(likelihood: Distribution, x: Tensor) -> Tensor:
    """log p(x | z) of each pixel, (n, height, width); one lane serves every image."""
    if isinstance(likelihood, DiscretisedLogisticMixture):
        return likelihood.pixel_log_prob(x)
    assert isinstance(likelihood, Independent)
    return likelihood.base_dist.log_prob(x).sum(1)


def _stacked(parts: list[Tensor]) -> np.ndarray:
    return torch.stack(parts).float().cpu().numpy()
