"""Scores: sign, agreement with the bounds they are made of, and refusals."""

import pytest
import torch

from hvae.errors import ConfigError
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.proposal import READINGS
from hvae.presets.grey import TINY_GREY
from hvae.scores import SCORES, LikelihoodRatio, NegativeBound


@pytest.fixture(scope="module")
def model() -> HierarchicalVAE:
    torch.manual_seed(0)
    return HierarchicalVAE(TINY_GREY).eval()


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return (torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(1)) > 0.5).float()


@pytest.mark.parametrize("reading", READINGS)
def test_ratio_is_the_difference_of_its_bounds(model: HierarchicalVAE, x: torch.Tensor, reading: str) -> None:
    for k in range(1, model.depth + 1):
        ratio = LikelihoodRatio(model, k, reading=reading, seed=3)(x)
        raw = NegativeBound(model, 0, reading=reading, seed=3)(x)
        upper = NegativeBound(model, k, reading=reading, seed=3)(x)
        torch.testing.assert_close(ratio, upper - raw)


def test_scores_are_float64_and_repeat(model: HierarchicalVAE, x: torch.Tensor) -> None:
    for score_type in SCORES.values():
        score = score_type(model, 1, samples=40)
        first = score(x)
        assert first.dtype == torch.float64
        assert first.shape == (5,)
        assert torch.equal(first, score(x))


def test_importance_samples_only_raise_the_first_term(model: HierarchicalVAE, x: torch.Tensor) -> None:
    assert (LikelihoodRatio(model, 1, samples=64)(x).mean() > LikelihoodRatio(model, 1, samples=1)(x).mean()).item()


@pytest.mark.parametrize(("score_type", "k"), [(LikelihoodRatio, 0), (LikelihoodRatio, 4), (NegativeBound, 4)])
def test_k_outside_the_layers_is_refused(model: HierarchicalVAE, score_type: type, k: int) -> None:
    with pytest.raises(ConfigError, match=f"k = {k} is outside"):
        score_type(model, k)


def test_no_samples_are_refused(model: HierarchicalVAE) -> None:
    with pytest.raises(ConfigError, match="S must be at least 1"):
        NegativeBound(model, 0, samples=0)
