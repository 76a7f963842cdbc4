"""Stage of the ladder VAE (LVAE), Sonderby et al. (2016).

The upward walk is deterministic. On the way down q(z_l | x, z_{>l}) is the precision-weighted merge of what the
features of x say of z_l with the prior p(z_l | z_{>l}) (eqs. 17-19); at the top it is what the features say alone, as
in the paper: merged with N(0, I) no posterior there could be wider than the prior or trust the image fully.
"""

from torch import Tensor
from torch.distributions import Normal

from hvae.models.blocks import Shape
from hvae.models.hierarchical_config import HierarchicalConfig
from hvae.models.latents import Evidence, LayerNoise, align, draw_from
from hvae.models.likelihoods import precision_weighted
from hvae.models.proposal import Draw
from hvae.models.stages.residual import ResidualStage


class LadderStage(ResidualStage):
    """One stage whose posterior begins with the prior and corrects it by the image."""

    def __init__(self, config: HierarchicalConfig, level: int, shape_in: Shape, skip_shape: Shape | None) -> None:
        super().__init__(config, level, shape_in, skip_shape, hands_latent_on=False)

    def infer(self, below: Evidence, draw: Draw, noise: LayerNoise) -> Evidence:
        """Features of the image and what they say of z_l; nothing is drawn."""
        h = self.encode(below)
        return Evidence(features=h, bottom_up=self.inferred_upward(h), hidden=h)

    def redraw(self, evidence: Evidence, draw: Draw, noise: LayerNoise) -> Evidence:
        """The same evidence: there is nothing to draw."""
        return evidence

    def infer_downward(
        self, evidence: Evidence, above: tuple[Tensor, ...], prior: Normal, draw: Draw, noise: LayerNoise
    ) -> tuple[Normal, Tensor]:
        """The merge of both walks, and its draw."""
        if evidence.bottom_up is None:
            raise ValueError("there is no Gaussian of the upward walk")
        posterior = evidence.bottom_up
        if not self.is_top:
            lanes = max(len(posterior.loc), len(prior.loc))
            loc, scale = align(posterior.loc, lanes), align(posterior.scale, lanes)
            posterior = precision_weighted(Normal(loc, scale, validate_args=False), prior)
        return posterior, draw_from(posterior, draw, noise)
