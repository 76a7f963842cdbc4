"""What a latent that is another does to an image: invariants that hold in every family."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hvae.errors import HvaeError
from hvae.measuring.lab.changing import MOST_VARIANTS, Changed, exchange, resample, traverse
from hvae.measuring.reconstructions import Reconstructions, reconstruct
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.hierarchical_config import FAMILIES
from hvae.models.latents import SharedNoise, generator_noise
from tests.hvae.small_models import initialised, random_images, small_config

DEPTH = 3
A, B = random_images(2).split(1)
NEW = torch.Generator()


@pytest.fixture(scope="module", params=list(FAMILIES))
def model(request: pytest.FixtureRequest) -> HierarchicalVAE:
    return initialised(small_config(family=request.param)).requires_grad_(False).eval()


def noise(seed: int) -> SharedNoise:
    return generator_noise(1, torch.Generator().manual_seed(seed))


def gap(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max())


def assert_is(found: Changed, usual: Reconstructions, log_px: bool = True) -> None:
    """Every variant is what the image is without any change."""
    for variant in range(found.log_px.shape[1]):
        np.testing.assert_allclose(found.means[:, variant], usual.levels[:, 0], atol=1e-5)
        if log_px:
            np.testing.assert_allclose(found.bounds[:, variant], usual.bounds[:, 0], rtol=1e-4)
            np.testing.assert_allclose(found.log_px[:, variant], usual.log_px[:, 0], rtol=1e-4)


def test_what_is_no_change_changes_nothing(model: HierarchicalVAE) -> None:
    usual = reconstruct(model, A, noise(1))
    for layers in ([1], [2], [3], [1, 2, 3], []):
        assert_is(exchange(model, A, noise(1), A, noise(1), layers), usual)
    for layer in (1, 2, 3):
        assert_is(traverse(model, A, noise(1), layer, 1, [0.0, 0.0]), usual)


def test_every_layer_of_another_image_is_its_picture_at_its_price(model: HierarchicalVAE) -> None:
    other = reconstruct(model, B, noise(2))
    found = exchange(model, A, noise(1), B, noise(2), [1, 2, 3])
    assert_is(found, other, log_px=False)
    prices = found.bounds[:, 0] - found.log_px[:, 0]
    np.testing.assert_allclose(prices, other.bounds[:, 0] - other.log_px[:, 0], rtol=1e-3, atol=1e-3)
    assert gap(found.log_px[:, 0], other.log_px[:, 0]) > 1e-2, "the image that is explained is still the first"


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_a_change_is_seen_where_the_layer_is_known_and_only_there(model: HierarchicalVAE, layer: int) -> None:
    usual = reconstruct(model, A, noise(1))
    drawn = resample(model, A, noise(1), layer, 3, torch.Generator().manual_seed(4))
    again = resample(model, A, noise(1), layer, 3, torch.Generator().manual_seed(4))
    np.testing.assert_array_equal(drawn.means, again.means)
    steps = [-2.0, 0.0, 2.0]
    for found in (
        drawn,
        traverse(model, A, noise(1), layer, 0, steps),
        exchange(model, A, noise(1), B, noise(2), [layer]),
    ):
        for k in range(DEPTH + 1):
            same = gap(found.means[k, 0], usual.levels[k, 0]) < 1e-6
            assert same == (k >= layer), f"z_{layer} under L>{k}"
            np.testing.assert_array_equal(np.isnan(found.log_ratios[k, 0, :k]), True)
    assert np.isnan(drawn.log_ratios[0, :, layer - 1]).all(), "what the prior drew has no price"
    assert gap(drawn.means[0, 0], drawn.means[0, 1]) > 1e-6
    # A moved latent costs what the prior says: along a unit the price of q does not change.
    moved = traverse(model, A, noise(1), DEPTH, 0, steps).log_ratios[0, :, DEPTH - 1].astype(np.float64)
    assert moved[0] + moved[2] - 2 * moved[1] == pytest.approx(-4.0, abs=1e-3), "log N(z; 0, 1) is a parabola"


def test_variants_are_one_another_on_their_own(model: HierarchicalVAE) -> None:
    steps = [-1.0, 0.5, 3.0]
    together = traverse(model, A, noise(1), 2, 1, steps)
    for place, step in enumerate(steps):
        alone = traverse(model, A, noise(1), 2, 1, [step])
        np.testing.assert_allclose(together.means[:, place], alone.means[:, 0], atol=1e-5)
        np.testing.assert_allclose(together.bounds[:, place], alone.bounds[:, 0], rtol=1e-4)
    joined = alone.joined(together)
    assert joined.means.shape[1] == 4 and joined.log_ratios.shape == (DEPTH + 1, 4, DEPTH)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda model: exchange(model, A, noise(1), B, noise(2), [4]), "no z_4"),
        (lambda model: traverse(model, A.repeat(2, 1, 1, 1), generator_noise(2, NEW), 1, 0, [0.0]), "one image"),
        (lambda model: exchange(model, A, noise(1), B[..., :4], noise(2), [1]), "do not fit"),
        (lambda model: resample(model, A, noise(1), 0, 2, NEW), "no z_0"),
        (lambda model: resample(model, A, noise(1), 1, MOST_VARIANTS + 1, NEW), "1 to 64"),
        (lambda model: traverse(model, A, noise(1), 3, 99, [1.0]), "no unit 99"),
        (lambda model: traverse(model, A, noise(1), 3, 0, [float("nan")]), "finite"),
    ],
)  # fmt: skip
def test_what_cannot_be_changed_is_said(change, said: str) -> None:
    with pytest.raises(HvaeError, match=said):
        change(initialised(small_config()).eval())
