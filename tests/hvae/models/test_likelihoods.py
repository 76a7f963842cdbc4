"""Likelihoods at the end of a whole model: every bound under the logistic mixture, at once after initialisation."""

import math

import pytest
import torch

from hvae.errors import ConfigError
from hvae.models.blocks import data_dependent_initialisation
from hvae.models.bounds import Sweep
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.latents import generator_noise
from hvae.models.likelihoods import COMPONENTS
from hvae.models.proposal import READINGS, bound_proposal, elbo_proposal
from hvae.presets import preset
from tests.hvae.small_models import small_config


def colour_model() -> tuple[HierarchicalVAE, torch.Tensor]:
    """A fresh model of 3x8x8 images and uniform images for it."""
    torch.manual_seed(0)
    config = small_config(likelihood="logistic-mixture").model_copy(update={"image_shape": (3, 8, 8)})
    model = HierarchicalVAE(config)
    x = torch.randint(0, 256, (64, 3, 8, 8), generator=torch.Generator().manual_seed(1)) / 255
    noise = generator_noise(len(x), torch.Generator().manual_seed(2))
    with torch.no_grad(), data_dependent_initialisation(model):
        model(x, elbo_proposal(model.depth), noise)
    return model, x


def test_uniform_images_have_finite_bits_after_initialisation() -> None:
    model, x = colour_model()
    sweep = Sweep(model, x[:8], generator_noise(16, torch.Generator().manual_seed(3)))
    bits = {
        (reading, k): -sweep.log_weights(bound_proposal(model.depth, k, reading)) / (3 * 8 * 8 * math.log(2))
        for reading in READINGS
        for k in range(model.depth + 1)
    }
    assert all(one.shape == (2, 8) and torch.isfinite(one).all() for one in bits.values())
    # Noise costs 8 bits to a model that knows nothing; a fresh one is not far from that.
    assert all(7 < one.mean().item() < 25 for one in bits.values())


def test_gradients_reach_every_parameter_from_black_and_white_images() -> None:
    model, x = colour_model()
    sweep = Sweep(model, torch.round(x[:4]), generator_noise(4, torch.Generator().manual_seed(3)))
    (-sweep.log_weights(elbo_proposal(model.depth)).mean()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name


def test_samples_and_means_are_images() -> None:
    model, x = colour_model()
    with torch.no_grad():
        found = model(
            x[:4], elbo_proposal(model.depth), generator_noise(4, torch.Generator().manual_seed(3))
        ).likelihood
        for image in (found.mean, found.sample()):
            assert image.shape == (4, 3, 8, 8)
            assert image.min() >= 0 and image.max() <= 1
    parameters = model.likelihood.parameters_of.weight
    assert parameters.shape[0] == COMPONENTS * (1 + 3 + 3 + 3)


@pytest.mark.parametrize(
    "settings", [{"model.likelihood": "logistic-mixture"}, {"data.preprocessing": "integer"}], ids=["model", "data"]
)
def test_mixture_and_whole_values_belong_together(settings: dict[str, object]) -> None:
    config = preset("digits-tiny")
    with pytest.raises(ConfigError, match="belong together"):
        config.override(settings)
    both = config.override({"model.likelihood": "logistic-mixture", "data.preprocessing": "integer"})
    assert both.model.likelihood == "logistic-mixture"
