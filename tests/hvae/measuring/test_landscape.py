"""The expansion of log p around a point where its gradient and Hessian are known, and landscapes of whole runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hvae.datasets import LOOSE, ImageSet
from hvae.measuring.landscape import expansion, measure_landscape, moments
from hvae.measuring.noise import EvaluationNoise
from hvae.models.flow.config import FlowConfig, ScaleConfig
from hvae.models.logistic_mixture import DiscretisedLogisticMixture
from hvae.runs.checkpoints import load_checkpoint, save_weights
from hvae.runs.folders import find_run
from hvae.runs.measured.landscapes import CONTRASTS, read_landscape
from tests.hvae.commands import fail
from tests.synthetic import make_run

SHAPE = (1, 4, 4)


def images(seed: int, low: int, high: int, n: int = 40) -> ImageSet:
    """Pixels between two values."""
    drawn = np.random.default_rng(seed).integers(low, high, (n, *SHAPE), dtype=np.uint8)
    return ImageSet(f"made-{seed}", "test", drawn, np.zeros(n, np.int64))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A flow whose couplings do nothing: its log p(x) is quadratic, of correlated pixels."""
    config = FlowConfig(image_shape=SHAPE, scales=(ScaleConfig(steps=2, channels=4),))
    run = make_run(tmp_path, "linear", whole=True, model=config)
    torch.manual_seed(0)
    model = config.build()
    torch.nn.init.constant_(model.scales[0].mixings.log_scale, 1.5)
    save_weights(run, model.state_dict(), find_run(str(run)).config)
    return run


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_gradient_and_trace_of_a_density_that_has_them_in_closed_form(batch_size: int) -> None:
    random = np.random.default_rng(0)
    a, x0, step = random.normal(size=(8, 8)), random.normal(size=8), random.normal(size=8)
    matrices = random.normal(size=(2, 8, 8))
    matrices += matrices.transpose(0, 2, 1)
    weights = torch.from_numpy(a)

    def log_cosh(x: torch.Tensor) -> torch.Tensor:
        return -(x.flatten(1) @ weights.T).cosh().log().sum(1)

    found = expansion(log_cosh, torch.from_numpy(x0).reshape(2, 2, 2), *map(torch.from_numpy, (step, matrices)),
                      batch_size)  # fmt: skip
    slope = np.tanh(a @ x0)
    hessian = -a.T @ np.diag(1 - slope**2) @ a
    traces = [np.trace(hessian @ one) / 2 for one in matrices]
    np.testing.assert_allclose(found, [-np.log(np.cosh(a @ x0)).sum(), -(a.T @ slope) @ step, *traces], rtol=1e-12)


def test_where_log_p_is_linear_there_is_no_curvature() -> None:
    found = expansion(lambda x: 3 * x.sum((1, 2, 3)), torch.ones(1, 2, 2), torch.ones(4).double(), torch.eye(4)[None])
    np.testing.assert_allclose(found, [12, 12, 0])


def test_of_a_quadratic_density_the_expansion_is_the_gap(run: Path) -> None:
    known, other, seen = images(0, 0, 200), images(1, 90, 250, 30), []
    path = measure_landscape(find_run(str(run)), known, other, [(other, 2)], draws=2, batch_size=5,
                             on_progress=lambda *done: seen.append(done))  # fmt: skip
    found = read_landscape(path)
    model = load_checkpoint(run).model
    for draw in range(2):
        gap = 0.0
        for one, sign in ((other, 1), (known, -1)):
            same = np.zeros(len(one), int)
            noise = EvaluationNoise(0, LOOSE, same, draw, [0], model.latent_shapes)
            uniform = torch.special.ndtr(noise("inference", 0, SHAPE))
            with torch.no_grad():
                gap += sign * float(model.log_terms(torch.from_numpy(one.images) + uniform).sum(0).mean())
        assert found.together[draw] == pytest.approx(gap, rel=1e-4)
    assert found.draws == 2 and seen[-1] == (8, 8) and abs(found.offset[0]) > 1
    assert found.own != found.curvature, "these pixels are correlated"


def test_a_curve_is_the_likelihood_at_each_contrast(run: Path) -> None:
    one = images(0, 0, 200)
    (curve,) = read_landscape(measure_landscape(find_run(str(run)), one, one, [(one, 3)], draws=2)).curves
    values = np.array(curve.log_px)
    assert np.polyfit(CONTRASTS[:11], values[:11], 2)[0] < 0
    # A quadratic density along a line, but for rounding to whole pixel values; what is clipped is left out.
    np.testing.assert_allclose(np.polyval(np.polyfit(CONTRASTS[:11], values[:11], 2), CONTRASTS[:11]), values[:11],
                               rtol=0.01)  # fmt: skip
    assert (curve.example, curve.fingerprint) == (3, one.fingerprint)


def test_moments_are_those_of_numpy() -> None:
    drawn = images(3, 0, 255).images
    mean, covariance = moments(drawn)
    flat = drawn.reshape(len(drawn), -1) / 255
    np.testing.assert_allclose(mean, flat.mean(0))
    np.testing.assert_allclose(covariance, np.cov(flat.T, bias=True), atol=1e-15)


def test_a_bin_moves_with_its_value_and_values_stay_the_same_to_the_bit() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, means, log_scales = (torch.randn(1, 3, *more, 1, 1, generator=generator).double()
                                 for more in ((), (1,), (1,)))  # fmt: skip
    found = DiscretisedLogisticMixture(logits, means, log_scales, torch.zeros(1, 3, 0, 1, 1))
    x = torch.tensor(100 / 255, dtype=torch.float64).reshape(1, 1, 1, 1).requires_grad_()
    (slope,) = torch.autograd.grad(found.log_prob(x).sum(), x)
    ahead, behind = (float(found.log_prob(torch.full_like(x, (100 + by) / 255)).detach()) for by in (1, -1))
    assert float(slope) == pytest.approx((ahead - behind) / 2 * 255, rel=1e-3)
    scaled = torch.arange(256, dtype=torch.float32) / 255 * 255
    assert torch.equal(scaled + (torch.round(scaled) - scaled), torch.arange(256.0))


def test_a_run_that_can_have_none_says_so(run: Path, tmp_path: Path) -> None:
    make_run(tmp_path, "binary", depth=1, trained=True)
    said = fail("score", tmp_path / "binary", "--landscape", "--data", "digits")
    assert "data.preprocessing integer), this is a VAE with binarise" in said
    assert "name the sets" in fail("score", run, "--landscape")
    assert "--split does not apply with --landscape" in fail("score", run, "--landscape", "--split", "test")
