import hashlib

import numpy as np
import pytest
from scipy import stats

from hvae.datasets import content_index, evaluation_noise, evaluation_normals, preprocess
from hvae.errors import ConfigError

INDEX = np.array([0, 1, 7, 2**40, 2**63 - 1])


def uniform(seed=0, slug="mnist", index=INDEX, draw=0, size=784):
    return evaluation_noise(seed, slug, index, draw, size)


def normal(seed=0, slug="mnist", index=INDEX, draw=0, sample=0, size=784):
    return evaluation_normals(seed, slug, index, draw, sample, size)


@pytest.mark.parametrize("noise", [uniform, normal])
def test_an_example_has_its_noise_in_every_batch(noise):
    together = noise()
    assert together.shape == (5, 784)
    assert together.dtype == np.float32
    np.testing.assert_array_equal(noise(index=INDEX[::-1]), together[::-1])
    for row, example in enumerate(INDEX):
        np.testing.assert_array_equal(noise(index=np.array([example])), together[row : row + 1])


@pytest.mark.parametrize("noise", [uniform, normal])
@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"slug": "fashionmnist"}, {"draw": 1}, {"index": INDEX + 1 - 2 * (INDEX > 8)}]
)
def test_every_part_of_the_key_changes_all_the_noise(noise, change):
    assert np.mean(noise() == noise(**change)) < 0.001


def test_samples_have_noise_of_their_own():
    assert np.mean(normal() == normal(sample=1)) < 0.001
    assert np.mean(normal(draw=1, sample=0) == normal(draw=0, sample=1)) < 0.001


@pytest.mark.parametrize("noise", [uniform, normal])
def test_rows_and_draws_are_uncorrelated(noise):
    index = np.arange(50)
    rows = np.concatenate([noise(index=index, draw=draw, size=2_000) for draw in (0, 1)])
    correlations = np.corrcoef(rows)[np.triu_indices(100, 1)] * np.sqrt(2_000)
    assert abs(correlations).max() < 5.5
    assert correlations.std() == pytest.approx(1, abs=0.05)


def test_normals_do_not_follow_the_uniforms():
    # Both start from the first words of a stream, and a normal takes its size (not its sign) from such a word.
    index = np.arange(5_000)
    sizes, uniforms = abs(normal(index=index, size=4)), uniform(index=index, size=4)
    assert abs(np.corrcoef(sizes.ravel(), uniforms.ravel())[0, 1]) < 5 / np.sqrt(20_000)


def test_distributions():
    index = np.arange(200)
    values = uniform(index=index, size=500)
    assert values.min() >= 0
    assert values.max() < 1
    assert stats.kstest(values.ravel(), "uniform").pvalue > 1e-4
    assert stats.kstest(normal(index=index, size=500).ravel(), "norm").pvalue > 1e-4


@pytest.mark.parametrize("size", [1, 7, 784])
def test_a_shorter_row_is_the_beginning_of_a_longer_one(size):
    np.testing.assert_array_equal(uniform(size=size), uniform(size=1_000)[:, :size])


def test_uniform_noise_is_the_same_on_every_machine():
    # Written down once: a change here means that stored score tables no longer repeat.
    assert hashlib.sha256(uniform().tobytes()).hexdigest()[:16] == "d33945cdceb96dfc"


def grey_values() -> np.ndarray:
    return np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)


def test_binarised_means_are_the_grey_values():
    draws = 4_000
    images = np.repeat(grey_values(), draws, axis=0)
    noise = evaluation_noise(0, "grey", np.arange(draws), 0, 256).reshape(images.shape)
    binary = preprocess(images, "binarise", noise)
    assert binary.dtype == np.float32
    assert set(np.unique(binary)) == {0.0, 1.0}
    p = np.arange(256) / 255
    error = binary.mean(axis=0).ravel() - p
    assert (abs(error) <= 5 * np.sqrt(p * (1 - p) / draws)).all()


def test_black_and_white_are_certain():
    extremes = np.zeros((2, 1, 2, 2), np.uint8)
    extremes[1] = 255
    for value in (0.0, np.nextafter(np.float32(1), np.float32(0))):
        binary = preprocess(extremes, "binarise", np.full(extremes.shape, value, np.float32))
        assert binary.mean(axis=(1, 2, 3)).tolist() == [0, 1]


def test_noise_may_come_flat():
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 28, 28), dtype=np.uint8)
    noise = uniform()
    np.testing.assert_array_equal(
        preprocess(images, "binarise", noise), preprocess(images, "binarise", noise.reshape(images.shape))
    )


def test_threshold_and_grey():
    threshold = preprocess(grey_values(), "threshold").ravel()
    assert threshold.sum() == 128
    assert threshold[127] == 0
    assert threshold[128] == 1
    np.testing.assert_allclose(preprocess(grey_values(), "grey").ravel(), np.arange(256) / 255, rtol=1e-6)


def test_wrong_arguments():
    with pytest.raises(ConfigError, match="unknown preprocessing 'dither'"):
        preprocess(grey_values(), "dither")
    with pytest.raises(ValueError, match="needs uniform noise"):
        preprocess(grey_values(), "binarise")


def test_content_index_follows_pixels_and_shape():
    image = grey_values()[0]
    assert content_index(image) == content_index(image.copy())
    assert content_index(image) == content_index(np.asfortranarray(image))
    assert content_index(image) != content_index(image.reshape(1, 8, 32))
    assert content_index(image) != content_index(255 - image)
    assert 0 <= content_index(image) < 2**63
    assert uniform(index=np.array([content_index(image)])).shape == (1, 784)
