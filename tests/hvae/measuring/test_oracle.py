"""Every bound against linear-Gaussian hierarchies whose log p(x) has a closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hvae.models.bounds import ImportanceWeightedBound, Sweep
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.hierarchical_config import BlockConfig, HierarchicalConfig, LatentConfig, StageConfig
from hvae.models.latents import generator_noise
from hvae.models.proposal import READINGS, Proposal, Reading, bound_proposal, complementary_proposal, elbo_proposal
from tests.hvae.contract.linear_gaussian import LinearGaussian
from tests.hvae.contract.linear_models import IMAGE, PIXELS, freeze_scales, linear_model, stages_of

SIZES = [(3,), (3, 2), (3, 2, 2)]
BOUNDS: tuple[Reading, ...] = ("sample", "auxiliary")
LANES = 100_000


@pytest.fixture(scope="module", params=SIZES, ids=lambda sizes: f"L={len(sizes)}")
def oracle(request: pytest.FixtureRequest) -> LinearGaussian:
    """A hierarchy whose q has the exact conditional means and 1.2 times the exact scales."""
    return LinearGaussian(linear_model(request.param, seed=len(request.param))).fit_posterior(inflation=1.2)


def tensor(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(x).float().view(1, *IMAGE)


def sweep(oracle: LinearGaussian, x: np.ndarray, lanes: int, seed: int = 0) -> tuple[Sweep, np.ndarray]:
    """A sweep over one image with as many samples as lanes, and the noise it uses."""
    noise = np.random.default_rng(seed).standard_normal((lanes, oracle.noises), dtype=np.float32)
    return Sweep(oracle.model, tensor(x), oracle.noise(noise)), noise


def standard_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def proposals(depth: int) -> list[Proposal]:
    readings = [bound_proposal(depth, k, reading) for reading in READINGS for k in range(depth + 1)]
    return [*readings, *(complementary_proposal(depth, level) for level in range(depth + 1))]


def importance_weighted(log_weights: torch.Tensor, samples: int) -> np.ndarray:
    """Independent values of L_S for one image, from log w (lanes, 1)."""
    weighted = ImportanceWeightedBound()
    for one in log_weights.view(-1, samples).T:
        weighted.update(one.view(1, -1))
    return weighted.value().numpy()


def test_log_weights_of_every_proposal_equal_the_oracle_sample_for_sample(oracle: LinearGaussian) -> None:
    x = oracle.draw_image(seed=1)
    production, noise = sweep(oracle, x, lanes=64)
    for proposal in proposals(oracle.depth):
        expected = oracle.log_weight(x, proposal)
        np.testing.assert_allclose(production.log_weights(proposal)[:, 0], expected.value(noise), rtol=2e-5, atol=2e-4)
        for level, ratio in enumerate(production.log_ratios(proposal)):
            assert (ratio is None) == (expected.ratios[level] is None)
            if ratio is not None:
                np.testing.assert_allclose(ratio[:, 0], expected.ratio(level, noise), rtol=2e-5, atol=2e-4)


def test_exact_posterior_makes_every_single_sample_log_p_of_x() -> None:
    for depth in (1, 2, 3):
        exact = LinearGaussian(linear_model((1,) * depth, seed=depth)).fit_posterior()
        x = exact.draw_image(seed=2)
        production, _ = sweep(exact, x, lanes=1000)
        np.testing.assert_allclose(production.elbo(), exact.log_marginal(x), atol=5e-4)


@pytest.mark.parametrize("image_seed", [3, 4])
def test_elbo_and_the_bounds_lie_below_log_p_of_x(oracle: LinearGaussian, image_seed: int) -> None:
    x = oracle.draw_image(image_seed)
    truth = oracle.log_marginal(x)
    production, _ = sweep(oracle, x, LANES)
    depth = oracle.depth
    quantities = {"elbo": (elbo_proposal(depth), production.elbo())}
    for k in range(1, depth + 1):
        for reading in BOUNDS:
            quantities[f"{reading} L>{k}"] = (bound_proposal(depth, k, reading), production.bound(k, reading))
        quantities[f"L<{k}"] = (complementary_proposal(depth, k), production.complementary_bound(k))
    for name, (proposal, log_weights) in quantities.items():
        values = log_weights[:, 0].double().numpy()
        expected = oracle.log_weight(x, proposal).expectation()
        assert expected < truth, name
        assert abs(values.mean() - expected) < 5 * standard_error(values), name
        assert values.mean() < truth + 4 * standard_error(values), name


@pytest.mark.parametrize("name", ["elbo", "sample", "auxiliary", "complementary"])
def test_importance_weighting_raises_a_bound_to_log_p_of_x(oracle: LinearGaussian, name: str) -> None:
    x = oracle.draw_image(seed=5)
    truth = oracle.log_marginal(x)
    production, _ = sweep(oracle, x, LANES)
    for k in range(1, oracle.depth + 1):
        if name == "elbo":
            log_weights = production.elbo()
        elif name == "complementary":
            log_weights = production.complementary_bound(k)
        else:
            log_weights = production.bound(k, "sample" if name == "sample" else "auxiliary")
        below, error_below = -np.inf, 0.0
        values = np.empty(0)
        for samples in (1, 10, 100, 1000):
            values = importance_weighted(log_weights, samples)
            error = standard_error(values)
            assert values.mean() > below - 4 * error_below, (k, samples)
            assert values.mean() < truth + 4 * error, (k, samples)
            below, error_below = values.mean(), error
        slack = 0.15 if name == "auxiliary" else 0.03
        assert truth - below < slack + 4 * error_below, k
        assert truth - below < 0.15 * (truth - log_weights.mean()) + 4 * error_below, k
        weights = np.exp(log_weights[:, 0].double().numpy() - truth)
        assert abs(weights.mean() - 1) < 5 * standard_error(weights), "w is an unbiased estimate of p(x)"


@pytest.mark.parametrize("reading", ["mean", "early-release"])
def test_the_mean_readings_are_no_bounds(oracle: LinearGaussian, reading: Reading) -> None:
    """At the mean of p(x) the reconstruction from prior means is better than any sample: both exceed log p(x)."""
    x = oracle.marginal()[0]
    production, _ = sweep(oracle, x, LANES)
    values = production.bound(oracle.depth, reading)[:, 0].double().numpy()
    excess = values.mean() - oracle.log_marginal(x)
    expected = oracle.log_weight(x, bound_proposal(oracle.depth, oracle.depth, "mean")).expectation()
    if reading == "early-release":
        full = oracle.log_weight(x, elbo_proposal(oracle.depth))
        ratios = [term.expectation() for term in full.terms if term is not full.likelihood]
        expected += sum(ratios)
    assert abs(values.mean() - expected) < 5 * standard_error(values) + 1e-4
    assert excess > 0.05
    assert excess > 20 * standard_error(values)


def test_exact_posterior_and_prior_means_exceed_log_p_of_x_below_the_top() -> None:
    model = linear_model((1, 1, 1), seed=7)
    for stage in stages_of(model)[:-1]:
        # z_l hardly depends on z_{l+1}: its prior mean is then nearer to the best z_l than a sample of q is.
        assert stage.conditional_prior is not None
        stage.conditional_prior.parameters_of.parametrizations["weight"].original0[0] *= 0.02
    exact = LinearGaussian(model).fit_posterior()
    x = exact.marginal()[0]
    production, _ = sweep(exact, x, LANES)
    for k in (1, 2):
        values = production.bound(k, "early-release")[:, 0].double().numpy()
        assert values.mean() > exact.log_marginal(x) + 20 * standard_error(values), k


@pytest.mark.parametrize("k", [1, 2, 3])
def test_llr_decomposes_term_by_term(k: int) -> None:
    """LLR^{>k} = log p(x|z) - log p(x|z^(k)) + sum_{l<=k} log r_l + sum_{l>k} (log r_l - log r_l^(k)).

    The last sum vanishes where both walks share z_{>k} (auxiliary); early-release keeps the likelihoods alone.
    """
    oracle = LinearGaussian(linear_model((3, 2, 2), seed=8)).fit_posterior(1.2)
    x = oracle.draw_image(seed=6)
    production, noise = sweep(oracle, x, lanes=64)
    full = oracle.log_weight(x, elbo_proposal(3))
    for reading in READINGS:
        skipped = oracle.log_weight(x, bound_proposal(3, k, reading))
        llr = full.likelihood.value(noise) - skipped.likelihood.value(noise)
        if reading != "early-release":
            llr += sum(full.ratio(level, noise) for level in range(k))
        upper = [full.ratio(level, noise) - skipped.ratio(level, noise) for level in range(k, 3)]
        if reading in ("mean", "sample"):
            llr += sum(upper)
        else:
            np.testing.assert_allclose(np.sum(upper, axis=0), 0, atol=1e-9)
        np.testing.assert_allclose((production.elbo() - production.bound(k, reading))[:, 0], llr, rtol=2e-5, atol=5e-4)


def test_the_highest_k_leaves_the_likelihood_under_the_prior(oracle: LinearGaussian) -> None:
    x = oracle.draw_image(seed=7)
    production, _ = sweep(oracle, x, LANES)
    depth = oracle.depth
    expected = oracle.log_weight(x, bound_proposal(depth, depth, "sample")).expectation()
    for reading in BOUNDS:
        assert all(ratio is None for ratio in production.log_ratios(bound_proposal(depth, depth, reading)))
        values = production.bound(depth, reading)[:, 0].double().numpy()
        assert abs(values.mean() - expected) < 5 * standard_error(values)
    drawn = production.run(bound_proposal(depth, depth, "sample"))
    mean, covariance = oracle.marginal()
    images = (drawn.likelihood.mean + drawn.likelihood.stddev * torch.randn(LANES, *IMAGE)).view(LANES, PIXELS).double()
    np.testing.assert_allclose(images.mean(0), mean, atol=5 * np.sqrt(np.diag(covariance).max() / LANES))
    np.testing.assert_allclose(torch.cov(images.T), covariance, atol=0.03 * np.diag(covariance).max())
    constant = production.bound(depth, "mean")[:, 0]
    assert constant.min() == constant.max(), "nothing is random below prior means"


def test_the_complementary_bound_ends_at_the_elbo_and_at_the_prior(oracle: LinearGaussian) -> None:
    production, _ = sweep(oracle, oracle.draw_image(seed=8), lanes=64)
    torch.testing.assert_close(production.complementary_bound(oracle.depth), production.elbo(), rtol=0, atol=0)
    torch.testing.assert_close(
        production.complementary_bound(0), production.bound(oracle.depth, "sample"), rtol=0, atol=0
    )


def test_no_integration_of_one_latent_with_the_next_held_fixed() -> None:
    """In a bottom-up walk z_2 depends on z_1: replacing log r_1 by -KL(q(z_1|x), p(z_1|z_2)) gives another number."""
    oracle = LinearGaussian(linear_model((1, 1), seed=11)).fit_posterior()
    x = oracle.draw_image(seed=9)
    _, noise = sweep(oracle, x, LANES)
    full = oracle.log_weight(x, elbo_proposal(2))
    q, p = oracle.posteriors[0], oracle.priors[0]
    z_1 = (q.matrix @ x + q.offset) + noise[:, oracle.columns("inference", 0)] * q.scale
    z_2 = z_1 @ oracle.posteriors[1].matrix.T + oracle.posteriors[1].offset
    z_2 = z_2 + noise[:, oracle.columns("inference", 1)] * oracle.posteriors[1].scale
    gap = q.matrix @ x + q.offset - (z_2 @ p.matrix.T + p.offset)
    divergence = (np.log(p.scale / q.scale) + (q.scale**2 + gap**2) / (2 * p.scale**2) - 0.5)[:, 0]
    ratio = full.ratio(0, noise)
    assert abs(-divergence.mean() - ratio.mean()) > 10 * (standard_error(divergence) + standard_error(ratio))


@pytest.fixture(scope="module")
def residual_model() -> HierarchicalVAE:
    """Residual blocks, strides, skips, convolutional and dense latents, all linear: the whole architecture."""
    config = HierarchicalConfig(
        image_shape=(1, 4, 4),
        stages=(
            StageConfig(
                blocks=(BlockConfig(channels=2, kernel=3), BlockConfig(channels=2, kernel=5, stride=2)),
                latent=LatentConfig(kind="conv", size=1),
            ),
            StageConfig(blocks=(BlockConfig(channels=2, stride=2),), latent=LatentConfig(kind="dense", size=2)),
            StageConfig(blocks=(BlockConfig(channels=2),), latent=LatentConfig(kind="dense", size=1)),
        ),
        likelihood="gaussian",
        activation="identity",
    )
    torch.manual_seed(11)
    model = HierarchicalVAE(config).requires_grad_(False)
    for name, parameter in model.named_parameters():
        if name.endswith("original0"):
            # Small gains: x then tells little of z, so that even an untrained q is near the posterior.
            parameter.mul_(0.5)
        elif parameter.ndim == 1:
            parameter.normal_(0, 0.1)
    freeze_scales(model)
    return model


def test_bounds_of_the_whole_architecture_reach_log_p_of_x(residual_model: HierarchicalVAE) -> None:
    """log p(x) needs the generative walk alone: its mean image is affine in the noise, read off basis vectors."""
    model = residual_model
    sizes = [int(np.prod(shape)) for shape in model.latent_shapes]
    ends = np.cumsum([0, *sizes])

    class Basis:
        lanes = 1 + int(ends[-1])

        def __call__(self, walk: str, layer: int, shape: tuple[int, ...]) -> torch.Tensor:
            identity = torch.cat([torch.zeros(1, self.lanes - 1), torch.eye(self.lanes - 1)])
            return identity[:, ends[layer] : ends[layer + 1]].reshape(self.lanes, *shape)

    likelihood = model.generate(bound_proposal(3, 3, "sample").generation, None, Basis()).likelihood
    means = likelihood.mean.flatten(1).double()
    matrix, scale = (means[1:] - means[0]).T, likelihood.stddev.flatten(1)[0].double()
    marginal = torch.distributions.MultivariateNormal(means[0], matrix @ matrix.T + torch.diag(scale**2))
    torch.manual_seed(12)
    x = marginal.sample()
    truth = float(marginal.log_prob(x))
    lanes = 40_000
    production = Sweep(model, x.float().view(1, 1, 4, 4), generator_noise(lanes, torch.Generator().manual_seed(1)))
    bounds = {"elbo": production.elbo()}
    for k in (1, 2, 3):
        bounds |= {f"{reading} L>{k}": production.bound(k, reading) for reading in BOUNDS}
        bounds[f"L<{k}"] = production.complementary_bound(k)
    for name, log_weights in bounds.items():
        values = log_weights[:, 0].double().numpy()
        assert values.mean() < truth + 4 * standard_error(values), name
        weights = np.exp(values - truth)
        assert abs(weights.mean() - 1) < 5 * standard_error(weights), name
        assert standard_error(weights) < 0.05, f"{name} is too noisy to show anything"
