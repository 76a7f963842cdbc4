"""LLR^{>k}: how much likelihood the k lowest latents explain that the layers above do not."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from hvae.scores.base import Score


@dataclass(frozen=True)
class LikelihoodRatio(Score):
    """LLR^{>k} = L_S - L^{>k}, Havtorn et al. (2021), eq. 6 (S = 1) and eq. 10 (S > 1).

    It can be negative for single images: both terms are one-sample estimates, and `mean` is no bound.
    """

    @property
    def name(self) -> str:
        """LLR>k."""
        return f"LLR>{self.k}"

    @property
    def least_k(self) -> int:
        """1: LLR^{>0} is zero for every image."""
        return 1

    def combine(self, importance_weighted: Tensor, bound: Tensor) -> Tensor:
        """L_S - L^{>k}."""
        return importance_weighted - bound
