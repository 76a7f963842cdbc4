"""OOD scores by name, one a file: called on a batch, each gives (batch,) float64, higher = more out-of-distribution."""

from __future__ import annotations

from hvae.scores.base import Score
from hvae.scores.likelihood_ratio import LikelihoodRatio
from hvae.scores.negative_bound import NegativeBound

SCORES: dict[str, type[Score]] = {
    "negative-bound": NegativeBound,
    "likelihood-ratio": LikelihoodRatio,
}

__all__ = ["SCORES", "LikelihoodRatio", "NegativeBound", "Score"]
