"""-L^{>k}: the negative bound itself. With k = 0 this is the likelihood that fails (Nalisnick et al., 2019)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from hvae.scores.base import Score


@dataclass(frozen=True)
class NegativeBound(Score):
    """-L^{>k}, Havtorn et al. (2021), eq. 5; -L_S for k = 0."""

    @property
    def name(self) -> str:
        """-L>k."""
        return f"-L>{self.k}"

    def combine(self, importance_weighted: Tensor, bound: Tensor) -> Tensor:
        """-L_S for k = 0, else -L^{>k}."""
        return -(bound if self.k else importance_weighted)
