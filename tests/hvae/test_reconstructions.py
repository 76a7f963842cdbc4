import numpy as np
import pytest
import torch

from hvae.bounds import Sweep
from hvae.config import BlockConfig, LatentConfig, ModelConfig, StageConfig
from hvae.errors import HvaeError
from hvae.latents import generator_noise
from hvae.models.hierarchical import HierarchicalVAE
from hvae.proposal import READINGS, elbo_proposal
from hvae.reconstructions import reconstruct, unconditional_samples

DEPTH = 3
CONFIG = ModelConfig(
    image_shape=(1, 8, 8),
    stages=(
        StageConfig(blocks=(BlockConfig(channels=4, stride=2),), latent=LatentConfig(kind="conv", size=2)),
        StageConfig(blocks=(BlockConfig(channels=4),), latent=LatentConfig(kind="dense", size=3)),
        StageConfig(blocks=(BlockConfig(channels=4),), latent=LatentConfig(kind="dense", size=2)),
    ),
)


@pytest.fixture(scope="module")
def model() -> HierarchicalVAE:
    torch.manual_seed(0)
    return HierarchicalVAE(CONFIG).eval()


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return (torch.rand((5, 1, 8, 8), generator=torch.Generator().manual_seed(1)) > 0.5).float()


def noise(lanes: int, seed: int = 2):
    return generator_noise(lanes, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("reading", READINGS)
def test_numbers_are_those_of_the_bounds(model, x, reading):
    result = reconstruct(model, x, noise(5), reading)
    assert result.levels.shape == result.pixel_log_px.shape == (DEPTH + 1, 5, 1, 8, 8)
    sweep = Sweep(model, x, noise(5))
    with torch.no_grad():
        for k in range(DEPTH + 1):
            np.testing.assert_allclose(result.bounds[k], sweep.bound(k, reading)[0].numpy(), rtol=1e-5)
        np.testing.assert_allclose(result.log_px[0], sweep.log_likelihood(elbo_proposal(DEPTH))[0], rtol=1e-5)
    np.testing.assert_allclose(result.pixel_log_px.sum((2, 3, 4)), result.log_px, rtol=1e-4)


def test_pixels_follow_the_bernoulli_closed_form(model, x):
    result = reconstruct(model, x, noise(5))
    mean, seen = result.levels.astype(np.float64), np.broadcast_to(x.numpy(), result.levels.shape)
    # A float32 probability next to 0 or 1 has lost the digits that its logit still has.
    precise = (mean > 1e-2) & (mean < 1 - 1e-2)
    assert precise.mean() > 0.5
    closed_form = np.log(np.where(seen == 1, mean, 1 - mean)[precise])
    np.testing.assert_allclose(result.pixel_log_px[precise], closed_form, rtol=1e-4)


def test_forgetting_everything_forgets_the_image(model, x):
    by_mean = reconstruct(model, x, noise(5), "mean").levels
    # Every z at its prior mean: one picture for every image. Below that the image still speaks.
    np.testing.assert_array_equal(by_mean[DEPTH], np.broadcast_to(by_mean[DEPTH][:1], by_mean[DEPTH].shape))
    assert np.ptp(by_mean[0], axis=0).max() > 1e-3
    other = reconstruct(model, 1 - x, noise(5), "sample").levels
    sampled = reconstruct(model, x, noise(5), "sample").levels
    np.testing.assert_array_equal(sampled[DEPTH], other[DEPTH])
    assert np.abs(sampled[0] - other[0]).max() > 1e-3
    assert np.ptp(sampled[DEPTH], axis=0).max() > 1e-3


def test_an_image_does_not_depend_on_its_neighbours(model, x):
    class Rows:
        """Noise of each image by its row, however they are batched."""

        def __init__(self, rows):
            self.rows, self.lanes = rows, len(rows)
            self._all = noise(5)

        def __call__(self, walk, layer, shape):
            return self._all(walk, layer, shape)[self.rows]

    together = reconstruct(model, x, Rows([0, 1, 2, 3, 4]))
    alone = reconstruct(model, x[[3]], Rows([3]))
    np.testing.assert_allclose(alone.levels[:, 0], together.levels[:, 3], atol=1e-5)
    np.testing.assert_allclose(alone.bounds[:, 0], together.bounds[:, 3], rtol=1e-5)


def test_samples_repeat_by_seed(model):
    first, again, other = (unconditional_samples(model, 4, torch.Generator().manual_seed(s)) for s in (7, 7, 8))
    assert first.shape == (4, 1, 8, 8)
    assert first.min() >= 0 and first.max() <= 1
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.ptp(first, axis=0).max() > 0


def test_what_does_not_fit_is_refused(model, x):
    with pytest.raises(HvaeError, match="do not fit this model"):
        reconstruct(model, x[:, :, :4], noise(5))
    with pytest.raises(HvaeError, match="need 5 lanes"):
        reconstruct(model, x, noise(10))
    with pytest.raises(HvaeError, match="at least 1"):
        unconditional_samples(model, 0, torch.Generator())
