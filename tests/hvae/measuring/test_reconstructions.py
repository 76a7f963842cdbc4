import numpy as np
import pytest
import torch

from hvae.errors import HvaeError
from hvae.measuring.noise import EvaluationNoise, prepare
from hvae.measuring.reconstructions import (
    RepeatedReconstructions,
    reconstruct,
    reconstruct_repeatedly,
    reconstruct_switched,
    unconditional_samples,
)
from hvae.models.bounds import Sweep
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.hierarchical_config import BlockConfig, HierarchicalConfig, LatentConfig, StageConfig
from hvae.models.latents import generator_noise
from hvae.models.proposal import READINGS, complementary_proposal, elbo_proposal

DEPTH = 3
CONFIG = HierarchicalConfig(
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
    assert result.levels.shape == (DEPTH + 1, 5, 1, 8, 8)
    assert result.pixel_log_px.shape == (DEPTH + 1, 5, 8, 8)
    sweep = Sweep(model, x, noise(5))
    with torch.no_grad():
        for k in range(DEPTH + 1):
            np.testing.assert_allclose(result.bounds[k], sweep.bound(k, reading)[0].numpy(), rtol=1e-5)
        np.testing.assert_allclose(result.log_px[0], sweep.log_likelihood(elbo_proposal(DEPTH))[0], rtol=1e-5)
    np.testing.assert_allclose(result.pixel_log_px.sum((2, 3)), result.log_px, rtol=1e-4)


def test_pixels_follow_the_bernoulli_closed_form(model, x):
    result = reconstruct(model, x, noise(5))
    mean, seen = result.levels.astype(np.float64), np.broadcast_to(x.numpy(), result.levels.shape)
    # A float32 probability next to 0 or 1 has lost the digits that its logit still has.
    precise = (mean > 1e-2) & (mean < 1 - 1e-2)
    assert precise.mean() > 0.5
    closed_form = np.log(np.where(seen == 1, mean, 1 - mean)[precise])
    np.testing.assert_allclose(result.pixel_log_px[:, :, None][precise], closed_form, rtol=1e-4)


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


def test_switched_layers_are_the_bounds_they_name(model, x):
    forgotten, kept = ["p" * k + "q" * (DEPTH - k) for k in range(DEPTH + 1)], ["qpp", "qqp"]
    result = reconstruct_switched(model, x, noise(5), [*forgotten, *kept, "qpq"])
    totals = result.log_px + np.nansum(result.log_ratios, axis=2)
    levels = reconstruct(model, x, noise(5))
    np.testing.assert_array_equal(result.means[: DEPTH + 1], levels.levels)
    np.testing.assert_allclose(totals[: DEPTH + 1], levels.bounds, rtol=1e-5)
    sweep = Sweep(model, x, noise(5))
    with torch.no_grad():
        for position, level in ((DEPTH + 1, 1), (DEPTH + 2, 2)):
            np.testing.assert_allclose(totals[position], sweep.complementary_bound(level)[0], rtol=1e-5)
            proposal = complementary_proposal(DEPTH, level)
            np.testing.assert_array_equal(result.means[position], sweep.run(proposal).likelihood.mean)
    skipped = np.isnan(result.log_ratios).all(axis=1)
    np.testing.assert_array_equal(skipped[1], [True, False, False])
    np.testing.assert_array_equal(skipped[-1], [False, True, False])


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
    with pytest.raises(HvaeError, match="'qp' names 2 layers, this model has 3"):
        reconstruct_switched(model, x, noise(5), ["qqq", "qp"])
    with pytest.raises(HvaeError, match="at least 1"):
        unconditional_samples(model, 0, torch.Generator())


GREY = np.random.default_rng(4).integers(0, 256, (5, 1, 8, 8), dtype=np.uint8)
INDEX = np.array([2, 3, 5, 7, 11])


@pytest.fixture(scope="module")
def repeated(model) -> RepeatedReconstructions:
    return reconstruct_repeatedly(model, GREY, INDEX, preprocessing="binarise", key="set.test", seed=3, draws=14)


def test_each_draw_has_its_own_image_and_noise(model, repeated):
    """The noise of `hvae score`, however many draws are walked together."""
    assert repeated.levels.shape == (14, DEPTH + 1, 5, 1, 8, 8) and repeated.seen.shape == (14, 5, 1, 8, 8)
    for draw in (0, 12, 13):
        x = prepare(GREY, "binarise", 3, "set.test", INDEX, draw)
        alone = reconstruct(model, x, EvaluationNoise(3, "set.test", INDEX, draw, [0], model.latent_shapes))
        np.testing.assert_array_equal(repeated.seen[draw], x.numpy())
        np.testing.assert_allclose(repeated.levels[draw], alone.levels, atol=1e-5)
        np.testing.assert_allclose(repeated.bounds[draw], alone.bounds, rtol=1e-5)
        np.testing.assert_allclose(repeated.pixel_log_px[draw], alone.pixel_log_px, atol=1e-4)
    assert len({seen.tobytes() for seen in repeated.seen}) == 14


def test_maps_agree_with_the_numbers(repeated):
    likelihood = repeated.maps("log p(x|z)")
    assert likelihood.shape == (DEPTH + 1, 5, 8, 8)
    np.testing.assert_allclose(likelihood.sum((2, 3)), repeated.log_px.mean(0), rtol=1e-4)
    np.testing.assert_allclose(
        repeated.maps("differences"), (repeated.levels - repeated.seen[:, None]).mean((0, 3)), atol=1e-6
    )
    lost = repeated.maps("log p(x|z) lost")
    assert not lost[0].any() and lost[1:].any()
    log_px = repeated.log_px.astype(np.float64).mean(0)
    np.testing.assert_allclose(lost.sum((2, 3)), log_px[:1] - log_px, atol=1e-3)
    np.testing.assert_allclose(lost + likelihood, np.broadcast_to(likelihood[:1], lost.shape), atol=1e-5)
    assert repeated.range_of("log p(x|z) lost") == (-7, 7)
    spread = repeated.maps("standard deviation")
    squares = ((repeated.levels - repeated.pictures()) ** 2).sum(0) / 13
    np.testing.assert_allclose(spread, np.sqrt(squares).mean(2), atol=1e-6)
    # Every z at its prior mean: the top level is one picture in every draw, the lowest is not.
    assert spread[DEPTH].max() < 1e-6 < spread[0].max()
    frame = repeated.numbers(list("abcde"), [1, DEPTH])
    assert list(frame["k"][:4]) == [1, DEPTH, 1, DEPTH]
    np.testing.assert_allclose(frame["log p(x|z)"][::2], likelihood[1].sum((1, 2)), rtol=1e-4)
    np.testing.assert_allclose(frame["pixel s.d."][::2], spread[1].mean((1, 2)), rtol=1e-5)
    ratio = (repeated.bounds[:, 0] - repeated.bounds[:, 1]).std(0, ddof=1)
    np.testing.assert_allclose(frame["LLR>k s.d."][::2], ratio, rtol=1e-4)
    single = repeated.single_numbers(list("abcde"), 1)
    np.testing.assert_allclose(single.groupby("image")["LLR>k"].mean(), frame["LLR>k"][::2], rtol=1e-6)


def test_colour_maps_are_one_number_a_pixel():
    levels = np.zeros((2, 1, 1, 3, 2, 2), np.float32)
    levels[1, :, :, 0] = 1
    pixels = np.full((2, 1, 1, 2, 2), -3, np.float32)
    colour = RepeatedReconstructions(np.zeros((2, 1, 3, 2, 2), np.float32), levels, pixels.sum((3, 4)), pixels, None)
    np.testing.assert_allclose(colour.maps("differences"), 1 / 6)
    np.testing.assert_allclose(colour.maps("standard deviation"), np.sqrt(0.5) / 3)
    np.testing.assert_allclose(colour.maps("log p(x|z)"), -3)


def test_what_cannot_be_repeated_is_refused(model, repeated):
    def once(draws: int, images: np.ndarray = GREY) -> RepeatedReconstructions:
        index = INDEX[: len(images)]
        return reconstruct_repeatedly(model, images, index, preprocessing="grey", key="set.test", draws=draws)

    for draws in (0, 65):
        with pytest.raises(HvaeError, match=f"asked for {draws} draws"):
            once(draws)
    with pytest.raises(HvaeError, match="no images"):
        once(1, GREY[:0])
    one = once(1)
    with pytest.raises(HvaeError, match="2 draws or more"):
        one.maps("standard deviation")
    assert not any("s.d." in column for column in one.numbers(list("abcde")))
    with pytest.raises(HvaeError, match="no map of 'pictures'"):
        one.maps("pictures")
