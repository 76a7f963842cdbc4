"""Log-weights and bounds of linear hierarchies against their closed form, sample for sample and in expectation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hvae.models.bounds import ImportanceWeightedBound, Sweep
from hvae.models.latents import generator_noise
from hvae.models.proposal import (
    READINGS,
    Proposal,
    bound_proposal,
    complementary_proposal,
    elbo_proposal,
)
from tests.hvae.contract.linear_gaussian import LinearGaussian
from tests.hvae.contract.linear_models import IMAGE, linear_model, weaken


@pytest.fixture(
    scope="module", params=[("ladder", (3, 2)), ("ladder", (3, 2, 2)), ("bidirectional", (2, 1, 2))], ids=str
)
def oracle(request: pytest.FixtureRequest) -> LinearGaussian:
    """A linear hierarchy whose q is near the posterior because the image tells little."""
    family, sizes = request.param
    model = linear_model(sizes, seed=3, family=family)
    weaken(model, gain=0.3, scale=3.0 if family == "ladder" else 1.2)
    return LinearGaussian(model)


def proposals(depth: int) -> dict[str, Proposal]:
    """Every proposal whose log w is a bound."""
    found = {"elbo": elbo_proposal(depth)}
    for k in range(1, depth + 1):
        found |= {f"{reading} L>{k}": bound_proposal(depth, k, reading) for reading in ("sample", "auxiliary")}
    return found | {f"L<{level}": complementary_proposal(depth, level) for level in range(depth)}


def test_log_weights_equal_the_oracle_sample_for_sample(oracle: LinearGaussian) -> None:
    x = oracle.draw_image(seed=1)
    values = np.random.default_rng(0).standard_normal((64, oracle.noises), dtype=np.float32)
    production = Sweep(oracle.model, torch.from_numpy(x).float().view(1, *IMAGE), oracle.noise(values))
    every = [bound_proposal(oracle.depth, k, reading) for reading in READINGS for k in range(oracle.depth + 1)]
    for proposal in [*proposals(oracle.depth).values(), *every]:
        expected = oracle.log_weight(x, proposal)
        np.testing.assert_allclose(production.log_weights(proposal)[:, 0], expected.value(values), rtol=2e-5, atol=2e-4)
        for level, ratio in enumerate(production.log_ratios(proposal)):
            if ratio is not None:
                np.testing.assert_allclose(ratio[:, 0], expected.ratio(level, values), rtol=2e-5, atol=2e-4)


def test_bounds_lie_below_log_p_of_x_and_importance_weighting_raises_them_to_it(oracle: LinearGaussian) -> None:
    x = oracle.draw_image(seed=5)
    truth, lanes = oracle.log_marginal(x), 40_000
    values = np.random.default_rng(1).standard_normal((lanes, oracle.noises), dtype=np.float32)
    production = Sweep(oracle.model, torch.from_numpy(x).float().view(1, *IMAGE), oracle.noise(values))
    for name, proposal in proposals(oracle.depth).items():
        log_weights = production.log_weights(proposal)
        expected = oracle.log_weight(x, proposal).expectation()
        assert expected < truth, name
        error = float(log_weights.std()) / lanes**0.5
        assert abs(float(log_weights.mean()) - expected) < 5 * error, name
        below = expected
        for samples in (10, 1000):
            bound = ImportanceWeightedBound()
            for chunk in log_weights.view(-1, samples).T:
                bound.update(chunk.view(1, -1))
            reached = bound.value().numpy()
            error = float(reached.std(ddof=1)) / len(reached) ** 0.5
            assert below < reached.mean() + 4 * error, name
            assert reached.mean() < truth + 4 * error, name
            below = reached.mean()
        assert truth - below < 0.02 + 4 * error, name
        weights = np.exp(log_weights[:, 0].double().numpy() - truth)
        assert abs(weights.mean() - 1) < 5 * weights.std() / lanes**0.5, f"{name}: w is an unbiased estimate of p(x)"


def test_a_ladder_can_be_exact() -> None:
    """Prior times p(x | z_l) is the posterior: every single sample gives log p(x), at any depth."""
    for depth in (1, 2, 3):
        exact = LinearGaussian(linear_model((1,) * depth, seed=depth, family="ladder")).fit_ladder()
        x = exact.draw_image(seed=2)
        production = Sweep(
            exact.model,
            torch.from_numpy(x).float().view(1, *IMAGE),
            generator_noise(1000, torch.Generator().manual_seed(0)),
        )
        np.testing.assert_allclose(production.elbo(), exact.log_marginal(x), atol=5e-4)
