"""Stage of the bidirectional-inference VAE (BIVA), Maaloe et al. (2019).

Below the top z_l = (z_l^BU, z_l^TD), two parts of the configured size side by side, z^BU first. The upward walk infers
z_l^BU from z_{l-1}^BU (the stochastic path) and from features past it (the deterministic one). On the way down
q(z_l^TD | x, z_{<l}^BU, z_{>l}) reads the features of both walks; the prior of both parts reads those from above. The
top has one part, inferred upward.

Both parts read the same deterministic features of the upward walk, where the paper has two such paths: q of either may
condition on the same variables as there, at little more than half the computation.
"""

import torch
from torch import Tensor
from torch.distributions import Normal

from hvae.models.blocks import ResidualBlock, Shape
from hvae.models.hierarchical_config import BlockConfig, HierarchicalConfig
from hvae.models.latents import Evidence, LayerNoise, align, draw_from
from hvae.models.likelihoods import GaussianLayer
from hvae.models.proposal import Draw
from hvae.models.stages.residual import ResidualStage


class BidirectionalStage(ResidualStage):
    """One stage whose latent is inferred half on the way up, half on the way down."""

    def __init__(self, config: HierarchicalConfig, level: int, shape_in: Shape, skip_shape: Shape | None) -> None:
        super().__init__(config, level, shape_in, skip_shape, parts=config.parts(level + 1))
        self.merge: ResidualBlock | None = None
        self.downward_posterior: GaussianLayer | None = None
        if not self.is_top:
            # Both walks meet here at one shape: q(z^TD) only sees the image if its skip is projected, the default.
            block = BlockConfig(channels=self.feature_shape[0])
            self.merge = ResidualBlock(self.feature_shape, block, self.activation, self.feature_shape)
            self.downward_posterior = GaussianLayer(self.feature_shape, config.stages[level].latent)

    def infer(self, below: Evidence, draw: Draw, noise: LayerNoise) -> Evidence:
        """Features from z_{l-1}^BU and past it, then q(z_l^BU | .) and its draw."""
        h = self.encode(below)
        return self._drawn(h, self.inferred_upward(h), draw, noise)

    def redraw(self, evidence: Evidence, draw: Draw, noise: LayerNoise) -> Evidence:
        """Another draw from the same q(z_l^BU | .)."""
        if evidence.bottom_up is None or evidence.hidden is None:
            raise ValueError("there is no posterior to draw from again")
        return self._drawn(evidence.hidden, evidence.bottom_up, draw, noise)

    def _drawn(self, h: Tensor, bottom_up: Normal, draw: Draw, noise: LayerNoise) -> Evidence:
        size = bottom_up.loc.shape[1]
        z = draw_from(bottom_up, draw, lambda: noise()[:, :size])
        skip = h if self.skip_shape is not None else None
        return Evidence(self.projected(z), skip, z=z, bottom_up=bottom_up, hidden=h)

    def infer_downward(
        self, evidence: Evidence, above: tuple[Tensor, ...], prior: Normal, draw: Draw, noise: LayerNoise
    ) -> tuple[Normal, Tensor]:
        """q of both parts: z_l^BU as the upward walk drew it, z_l^TD from the features of both walks."""
        upward, z = evidence.bottom_up, evidence.z
        if upward is None or z is None or evidence.hidden is None:
            raise ValueError("there is no draw of the upward walk")
        if self.merge is None or self.downward_posterior is None:
            return upward, z
        merged = self.merge(above[-1], evidence.hidden)
        downward = self.downward_posterior(self.activation(merged))
        size = z.shape[1]
        drawn = draw_from(downward, draw, lambda: noise()[:, size:])
        posterior = Normal(
            _side_by_side(upward.loc, downward.loc), _side_by_side(upward.scale, downward.scale), validate_args=False
        )
        return posterior, _side_by_side(z, drawn)


def _side_by_side(first: Tensor, second: Tensor) -> Tensor:
    """Two tensors along the first axis after the lanes, each repeated to the lanes of the other."""
    lanes = max(len(first), len(second))
    return torch.cat([align(first, lanes), align(second, lanes)], dim=1)
