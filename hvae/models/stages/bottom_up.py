"""Stage of the bottom-up hierarchical VAE (HVAE), Havtorn et al. (2021), Fig. 2a.

q(z_l | z_{l-1}) is formed in the upward walk alone; deterministic features skip past each latent in both walks, so
z_{l-1} also feeds z_{l+1} (x counts as z_0).
"""

from torch import Tensor
from torch.distributions import Normal

from hvae.models.hierarchical_config import HierarchicalConfig
from hvae.models.latents import Evidence, LayerNoise, draw_from
from hvae.models.proposal import Draw
from hvae.models.stages.residual import ResidualStage


class BottomUpStage(ResidualStage):
    """One stage whose posterior needs nothing from above."""

    @staticmethod
    def _allocates_as_released(config: HierarchicalConfig) -> bool:
        return config.same_shape_skip == "drop"

    def infer(self, below: Evidence, draw: Draw, noise: LayerNoise) -> Evidence:
        """Features from z_{l-1} (and past it), then q(z_l | .) and its draw."""
        h = self.encode(below)
        return self._drawn(h if self.skip_shape is not None else None, self.inferred_upward(h), draw, noise)

    def redraw(self, evidence: Evidence, draw: Draw, noise: LayerNoise) -> Evidence:
        """Another draw from the same q(z_l | .)."""
        if evidence.posterior is None:
            raise ValueError("there is no posterior to draw from again")
        return self._drawn(evidence.skip, evidence.posterior, draw, noise)

    def _drawn(self, skip: Tensor | None, posterior: Normal, draw: Draw, noise: LayerNoise) -> Evidence:
        z = draw_from(posterior, draw, noise)
        return Evidence(self.projected(z), skip, posterior, z)

    def infer_downward(
        self, evidence: Evidence, above: tuple[Tensor, ...], prior: Normal, draw: Draw, noise: LayerNoise
    ) -> tuple[Normal, Tensor]:
        """What the upward walk inferred and drew."""
        if evidence.posterior is None or evidence.z is None:
            raise ValueError("there is no draw of the upward walk")
        return evidence.posterior, evidence.z
