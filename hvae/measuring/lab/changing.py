"""One image with a latent exchanged, drawn from the prior or moved: pictures, terms and bounds at every level.

Everything is computed under the proposals of L^{>k} (Havtorn et al., 2021, eq. 5, reading `mean`), k = 0 ... L. A
change of a layer that a bound forgets changes nothing there.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hvae.errors import HvaeError
from hvae.measuring.reconstructions import require_fit
from hvae.models.bounds import Sweep
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.interventions import Change, exchanged, from_prior, moved
from hvae.models.latents import Noise, align
from hvae.models.proposal import Proposal, bound_proposal
from hvae.runs.score_tables import ScoreTable, TableMetadata

MOST_VARIANTS = 64


@dataclass(frozen=True, eq=False)
class Changed:
    """Variants of one image with z_1 ... z_k from the prior, for k = 0 ... L along the first axis; float32."""

    means: np.ndarray
    """`(L + 1, variant, channel, height, width)`, the mean of p(x | z)."""
    log_px: np.ndarray
    """`(L + 1, variant)`, log p(x | z) of the image as it is, in nats."""
    log_ratios: np.ndarray
    """`(L + 1, variant, layer)`, log r_l in nats, lowest first; NaN where z_l came from the prior and adds nothing."""

    @property
    def bounds(self) -> np.ndarray:
        """`(L + 1, variant)` float64, one draw of L^{>k} in nats under the changed proposal; k = 0 is L."""
        return self.log_px + np.nansum(self.log_ratios.astype(np.float64), axis=-1)

    def joined(self, other: "Changed") -> "Changed":
        """The variants of both, one behind the other."""
        parts = ((self.means, other.means), (self.log_px, other.log_px), (self.log_ratios, other.log_ratios))
        return Changed(*(np.concatenate(both, axis=1) for both in parts))

    def table(self, about: TableMetadata, run: str) -> ScoreTable:
        """The variants as a score table, for scores that are fitted to tables; a log-ratio that is not there is 0.

        `about` is that of a table of the same weights with one draw and one sample, read as `mean`.

        Raises:
            HvaeError: `about` of another setting.
        """
        if (about.reading, about.samples, about.draws) != ("mean", 1, 1):
            raise HvaeError(f"these are one draw read as `mean`, the table was measured with {about.setting}")
        bounds, ratios = self.bounds, np.nan_to_num(self.log_ratios[0].astype(np.float64))
        columns = {"example": np.arange(len(ratios)), "label": np.zeros(len(ratios), np.int64)}
        columns |= {"elbo": bounds[0], "iw": bounds[0], "log_px": self.log_px[0].astype(np.float64)}
        columns |= {f"L>{k}": bounds[k] for k in range(1, len(bounds))}
        columns |= {f"log_ratio_{layer}": values for layer, values in enumerate(ratios.T, start=1)}
        return ScoreTable(pd.DataFrame(columns), about, run)


@torch.no_grad()
def exchange(
    model: HierarchicalVAE, x: Tensor, noise: Noise, other: Tensor, other_noise: Noise, layers: Collection[int]
) -> Changed:
    """One variant: the z of these layers (1 = lowest) are those of another image under its own noise.

    The model is in evaluation mode; both images are `(1, channel, height, width)` float32 in [0, 1], preprocessed as
    the model was trained, each with one lane of noise. An image exchanged with itself stays as it is, and one that
    takes every layer of the other is decoded as the other.

    Raises:
        HvaeError: images that are not of the model's shape, no such layer, or more than one image.
    """
    for layer in layers:
        _require_layer(model, layer)
    _require_one(model, other, other_noise)
    giving = Sweep(model, other, other_noise)

    def changes(k: int, proposal: Proposal) -> dict[int, Change]:
        donors = giving.run(proposal).latents
        return {layer - 1: exchanged(donors[layer - 1]) for layer in layers if layer > k}

    return _under_changes(model, x, noise, 1, changes)


@torch.no_grad()
def resample(
    model: HierarchicalVAE, x: Tensor, noise: Noise, layer: int, draws: int, generator: torch.Generator
) -> Changed:
    """So many variants whose z_l is a draw of p(z_l | z_{>l}) by the generator; else as `exchange`.

    Raises:
        HvaeError: as of `exchange`, or draws outside 1..`MOST_VARIANTS`.
    """
    _require_layer(model, layer)
    if not 1 <= draws <= MOST_VARIANTS:
        raise HvaeError(f"asked for {draws} draws: 1 to {MOST_VARIANTS} are possible")
    standard = torch.randn((draws, *model.latent_shapes[layer - 1]), generator=generator)
    change = from_prior(standard.to(x.device))
    return _under_changes(model, x, noise, draws, lambda k, _: {layer - 1: change} if layer > k else {})


@torch.no_grad()
def traverse(model: HierarchicalVAE, x: Tensor, noise: Noise, layer: int, unit: int, steps: Sequence[float]) -> Changed:
    """A variant for each step that one unit (from 0) of z_l is moved by, in s.d. of its prior; else as `exchange`.

    Raises:
        HvaeError: as of `exchange`, no such unit, or steps that are none, too many or not finite.
    """
    _require_layer(model, layer)
    if not 1 <= len(steps) <= MOST_VARIANTS or not np.isfinite(steps).all():
        raise HvaeError(f"a traversal takes 1 to {MOST_VARIANTS} finite steps")
    change = moved(unit, torch.tensor(steps, dtype=x.dtype, device=x.device))
    return _under_changes(model, x, noise, len(steps), lambda k, _: {layer - 1: change} if layer > k else {})


def _under_changes(
    model: HierarchicalVAE,
    x: Tensor,
    noise: Noise,
    variants: int,
    changes: Callable[[int, Proposal], Mapping[int, Change]],
) -> Changed:
    """All levels of one image; `changes` gives those of the generative walk under the proposal of L^{>k}."""
    _require_one(model, x, noise)
    sweep = Sweep(model, x, noise)
    means, log_px, log_ratios = [], [], []
    for k in range(model.depth + 1):
        proposal = bound_proposal(model.depth, k)
        evidence = sweep.evidence(proposal.inference)
        found = model.generate(proposal.generation, evidence, noise, changes(k, proposal))
        means.append(align(found.likelihood.mean, variants))
        log_px.append(found.log_likelihood(x, variants)[:, 0])
        skipped = torch.full_like(log_px[-1], torch.nan)
        ratios = found.log_ratios(variants, 1)
        log_ratios.append(torch.stack([skipped if one is None else one[:, 0] for one in ratios], dim=1))
    return Changed(*(torch.stack(parts).float().cpu().numpy() for parts in (means, log_px, log_ratios)))


def _require_one(model: HierarchicalVAE, x: Tensor, noise: Noise) -> None:
    require_fit(model, x, noise)
    if len(x) != 1:
        raise HvaeError(f"one image at a time has its latents changed, not {len(x)}")


def _require_layer(model: HierarchicalVAE, layer: int) -> None:
    if not 1 <= layer <= model.depth:
        raise HvaeError(f"there is no z_{layer}: this model has {model.depth} latent layers")
