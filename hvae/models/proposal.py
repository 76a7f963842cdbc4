"""Proposals: where each latent variable comes from, in the inference walk and in the generative walk.

Every quantity of the hierarchy is the same two walks under another proposal: training, the bounds L^{>k} and L^{<l},
reconstructions at level k and unconditional samples. Layers are counted from 1 (lowest) to L (top) in formulas and
stored lowest first.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal, get_args

from hvae.errors import ConfigError

Reading = Literal["mean", "sample", "auxiliary", "early-release"]
"""How L^{>k} (Havtorn et al., 2021, eq. 5) is read; see `bound_proposal`."""

READINGS: tuple[Reading, ...] = get_args(Reading)


class Draw(Enum):
    """Where one latent variable comes from."""

    POSTERIOR = "posterior"
    POSTERIOR_MEAN = "posterior mean"
    PRIOR = "prior"
    PRIOR_MEAN = "prior mean"

    @property
    def from_posterior(self) -> bool:
        """True where z comes from q, so that the layer contributes a log-ratio to the bound."""
        return self in (Draw.POSTERIOR, Draw.POSTERIOR_MEAN)

    @property
    def sampled(self) -> bool:
        """True where the draw needs noise."""
        return self in (Draw.POSTERIOR, Draw.PRIOR)


@dataclass(frozen=True)
class Proposal:
    """One `Draw` per layer, lowest first, of what each walk hands to the next stage.

    The inference walk hands on a sample of q or its mean; a posterior draw of the generative walk reuses its z.
    """

    inference: tuple[Draw, ...]
    generation: tuple[Draw, ...]

    def __post_init__(self) -> None:
        if len(self.inference) != len(self.generation) or not self.inference:
            raise ConfigError("a proposal needs one draw per layer for each of the two walks")
        if not all(draw.from_posterior for draw in self.inference):
            raise ConfigError("the inference walk can only draw from the posterior or take its mean")

    @property
    def depth(self) -> int:
        """Number of layers L."""
        return len(self.inference)


def elbo_proposal(depth: int) -> Proposal:
    """Every z from the posterior: the ELBO, Havtorn et al. (2021), eq. 1."""
    return Proposal((Draw.POSTERIOR,) * depth, (Draw.POSTERIOR,) * depth)


def mean_proposal(depth: int) -> Proposal:
    """Every z at the mean of its posterior: what an image becomes where nothing is random."""
    return Proposal((Draw.POSTERIOR_MEAN,) * depth, (Draw.POSTERIOR_MEAN,) * depth)


def bound_proposal(depth: int, k: int, reading: Reading = "mean") -> Proposal:
    """The k lowest latent variables (0 to L) from the conditional prior: L^{>k}, Havtorn et al. (2021), eq. 5.

    `mean`: the lowest k layers take their mean in the inference walk and the prior mean in the generative walk (the
    released code; not a bound on log p(x)). `sample`: their mean in the inference walk, a sample of the prior in the
    generative walk (a bound). `auxiliary`: sampled and discarded in the inference walk, sampled afresh from the prior
    in the generative walk (a looser bound). `early-release`: as the ELBO, but the reconstruction takes the prior means
    (the code until December 2021; not a bound). Another k or reading is a `ConfigError`.
    """
    if not 0 <= k <= depth:
        raise ConfigError(f"k = {k} is outside 0..{depth}, the layers of this model")
    if reading not in READINGS:
        raise ConfigError(f"unknown reading '{reading}'; the readings are {', '.join(READINGS)}")
    keeps_mean = reading in ("mean", "sample")
    prior = Draw.PRIOR_MEAN if reading in ("mean", "early-release") else Draw.PRIOR
    upper = (Draw.POSTERIOR,) * (depth - k)
    return Proposal((Draw.POSTERIOR_MEAN if keeps_mean else Draw.POSTERIOR,) * k + upper, (prior,) * k + upper)


def complementary_proposal(depth: int, level: int) -> Proposal:
    """The lowest `level` (0..L) latent variables from the posterior, those above from the prior: the bound L^{<l}."""
    if not 0 <= level <= depth:
        raise ConfigError(f"level = {level} is outside 0..{depth}, the layers of this model")
    return Proposal((Draw.POSTERIOR,) * depth, (Draw.POSTERIOR,) * level + (Draw.PRIOR,) * (depth - level))


def sample_proposal(depth: int) -> Proposal:
    """Every z from the prior: unconditional samples."""
    return Proposal((Draw.POSTERIOR,) * depth, (Draw.PRIOR,) * depth)


def switched_proposal(layers: str) -> Proposal:
    """Any combination of layers from the posterior and from the prior: one letter a layer, lowest first, `q` or `p`.

    The prior layers below the lowest `q` are forgotten as `bound_proposal` forgets them in the reading `mean`, so that
    `ppq` is L^{>2}; every other prior layer is sampled as in `complementary_proposal`, so that `qpp` is the bound of
    `complementary_proposal(3, 1)`. Without any `q` it is L^{>L}. `ConfigError` for no letter, or another.
    """
    if not layers or set(layers) - set("qp"):
        raise ConfigError(f"'{layers}' does not name the source of every layer: one letter each, q or p, lowest first")
    forgotten = len(layers) - len(layers.lstrip("p"))
    above = layers[forgotten:]
    return Proposal(
        (Draw.POSTERIOR_MEAN,) * forgotten + (Draw.POSTERIOR,) * len(above),
        (Draw.PRIOR_MEAN,) * forgotten + tuple(Draw.POSTERIOR if letter == "q" else Draw.PRIOR for letter in above),
    )
