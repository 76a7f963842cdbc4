"""Deterministic layers: sub-pixel upsampling, weight normalisation and residual blocks."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from hvae.errors import ConfigError
from hvae.models.blocks import (
    FeatureMap,
    ResidualBlock,
    SamePaddedConv2d,
    SubPixelUpsample,
    convolution,
    data_dependent_initialisation,
    dense,
    fold_weight_norm,
)
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.hierarchical_config import BlockConfig
from hvae.models.latents import generator_noise
from hvae.models.proposal import elbo_proposal
from tests.hvae.small_models import initialised, random_images, small_config


def transposed(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """torch's transposed convolution, cropped to exactly twice the input."""
    kernel = weight.shape[2]
    if kernel == 1:
        return F.conv_transpose2d(x, weight, bias, stride=2, output_padding=1)
    crop = (kernel - 2) // 2
    whole = F.conv_transpose2d(x, weight, bias, stride=2)
    return whole[:, :, crop : crop + 2 * x.shape[2], crop : crop + 2 * x.shape[3]]


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_sub_pixel_upsampling_is_a_cropped_transposed_convolution(kernel: int) -> None:
    torch.manual_seed(kernel)
    layer = SubPixelUpsample(3, 4, kernel).double()
    nn.init.normal_(layer.bias)
    x = torch.randn(2, 3, 5, 6, dtype=torch.float64, requires_grad=True)
    output, expected = layer(x), transposed(x, layer.weight, layer.bias)
    torch.testing.assert_close(output, expected, rtol=1e-12, atol=1e-12)
    upstream = torch.randn_like(output)
    inputs = (x, layer.weight, layer.bias)
    gradients = torch.autograd.grad(output, inputs, upstream)
    for gradient, reference in zip(gradients, torch.autograd.grad(expected, inputs, upstream), strict=True):
        torch.testing.assert_close(gradient, reference, rtol=1e-11, atol=1e-11)


def test_convolutions_keep_halve_and_double_feature_maps() -> None:
    x = torch.randn(2, 3, 8, 6)
    for kernel in (1, 3, 5, 7):
        assert convolution(3, 5, kernel)(x).shape == (2, 5, 8, 6)
        assert convolution(3, 5, kernel, stride=2)(x).shape == (2, 5, 4, 3)
        assert convolution(3, 5, kernel, stride=2, transposed=True)(x).shape == (2, 5, 16, 12)
        assert convolution(3, 5, kernel, stride=1, transposed=True)(x).shape == (2, 5, 8, 6)


@pytest.mark.parametrize("size", [(2, 4), (6, 8)])
@pytest.mark.parametrize(("kernel", "before", "after"), [(1, 0, 0), (3, 0, 1), (5, 1, 2), (7, 2, 3)])
def test_same_padding_puts_the_smaller_half_first(kernel: int, before: int, after: int, size: tuple[int, int]) -> None:
    layer = convolution(3, 4, kernel, stride=2, padding="same").double()
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    padded = F.pad(x, (before, after, before, after))
    expected = F.conv2d(padded, layer.weight, layer.bias, stride=2)  # type: ignore[arg-type]
    torch.testing.assert_close(layer(x), expected)
    assert expected.shape == (2, 4, size[0] // 2, size[1] // 2)
    keeping = convolution(3, 4, kernel, padding="same")
    assert isinstance(keeping, nn.Conv2d) and keeping.padding == (kernel // 2, kernel // 2)


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_the_way_up_and_the_way_down_are_adjoint(kernel: int) -> None:
    """<up(x), y> = <x, down(y)> under the same weights: a decoder puts back every pixel where the encoder took it."""
    up = fold_weight_norm(nn.Sequential(convolution(3, 4, kernel, stride=2, padding="same"))).double()
    down = SubPixelUpsample(4, 3, kernel).double()
    down.weight.data.copy_(up[0].weight)  # type: ignore[arg-type]
    x, y = torch.randn(2, 3, 8, 6, dtype=torch.float64), torch.randn(2, 4, 4, 3, dtype=torch.float64)
    torch.testing.assert_close((up(x) * y).sum(), (x * down(y)).sum(), rtol=1e-12, atol=1e-12)


def test_weight_norm_has_one_length_an_output_channel() -> None:
    layers = {convolution(3, 5, 3): 0, convolution(3, 5, 3, 2, transposed=True): 1, dense(3, 5): 0}
    for layer, axis in layers.items():
        gain = layer.parametrizations["weight"].original0  # type: ignore[index, union-attr]
        assert gain.numel() == 5
        with torch.no_grad():
            gain.copy_(torch.arange(1.0, 6.0).view_as(gain))
        weight = layer.weight
        assert isinstance(weight, Tensor)
        lengths = weight.transpose(0, axis).flatten(1).norm(dim=1)
        torch.testing.assert_close(lengths, torch.arange(1.0, 6.0))


AS_RELEASED = {"padding": "same", "likelihood_activation": False}


@pytest.mark.parametrize("options", [{}, AS_RELEASED], ids=["default", "released"])
@pytest.mark.parametrize("same_shape_skip", ["project", "drop"])
def test_data_dependent_initialisation_standardises_every_layer(same_shape_skip: str, options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    config = small_config(same_shape_skip)  # type: ignore[arg-type]
    model = HierarchicalVAE(config.model_copy(update=options))
    x = random_images(128)
    noise = generator_noise(len(x), torch.Generator().manual_seed(1))
    with torch.no_grad(), data_dependent_initialisation(model):
        model(x, elbo_proposal(3), noise)
    outputs: dict[str, Tensor] = {}
    for name, module in model.named_modules():
        if parametrize.is_parametrized(module, "weight"):
            module.register_forward_hook(lambda _, __, output, name=name: outputs.update({name: output.clone()}))
    with torch.no_grad():
        model(x, elbo_proposal(3), noise)
    used = sum(parametrize.is_parametrized(module, "weight") for module in model.modules())
    assert len(outputs) == used - (same_shape_skip == "drop"), "all but the projection that drop never uses"
    for name, output in outputs.items():
        axes = [axis for axis in range(output.ndim) if axis != 1]
        mean, variance = output.mean(axes), output.var(axes, unbiased=False)
        torch.testing.assert_close(mean, torch.zeros_like(mean), atol=1e-4, rtol=0, msg=name)
        torch.testing.assert_close(variance, torch.ones_like(variance), atol=1e-3, rtol=0, msg=name)


def test_initialisation_ends_with_its_context() -> None:
    model = initialised(small_config())
    before = copy.deepcopy(model.state_dict())
    model(random_images(5), elbo_proposal(3), generator_noise(5, torch.Generator().manual_seed(1)))
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


@pytest.mark.parametrize("options", [{}, AS_RELEASED], ids=["default", "released"])
def test_folding_the_weight_norm_leaves_the_function(options: dict[str, Any]) -> None:
    model = initialised(small_config().model_copy(update=options)).requires_grad_(False)
    x, noise = random_images(4), generator_noise(4, torch.Generator().manual_seed(2))
    before = model(x, elbo_proposal(3), noise)
    folded = fold_weight_norm(copy.deepcopy(model))
    assert not any(parametrize.is_parametrized(module) for module in folded.modules())
    after = folded(x, elbo_proposal(3), noise)
    torch.testing.assert_close(after.log_likelihood(x), before.log_likelihood(x), rtol=1e-6, atol=1e-5)
    for one, other in zip(before.latents, after.latents, strict=True):
        torch.testing.assert_close(one.z, other.z, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("channels_in", "channels"), [(3, 3), (2, 5), (5, 2)])
@pytest.mark.parametrize("stride", [1, 2])
def test_the_shortcut_pads_or_crops_channels_and_pools(channels_in: int, channels: int, stride: int) -> None:
    block = ResidualBlock((channels_in, 6, 4), BlockConfig(channels=channels, stride=stride), torch.relu)  # type: ignore[arg-type]
    for layer in (block.first, block.second):
        silence(layer)
    x = torch.randn(2, channels_in, 6, 4)
    expected = F.avg_pool2d(x, 2) if stride == 2 else x
    expected = torch.cat([expected, torch.zeros(2, 3, *expected.shape[2:])], 1)[:, :channels]
    output = block(x)
    assert output.shape == (2, *block.shape)
    torch.testing.assert_close(output, expected)


@pytest.mark.parametrize("size", [(2, 4), (6, 8)])
def test_the_same_padded_shortcut_averages_nine_pixels_and_counts_zeros(size: tuple[int, int]) -> None:
    block = ResidualBlock((3, *size), BlockConfig(channels=3, kernel=5, stride=2), torch.relu, padding="same")
    for layer in (block.first, block.second):
        silence(layer)
    x = torch.randn(2, 3, *size)
    output, padded = block(x), F.pad(x, (0, 1, 0, 1))
    assert output.shape == (2, *block.shape)
    for row in range(size[0] // 2):
        for column in range(size[1] // 2):
            nine = padded[:, :, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
            torch.testing.assert_close(output[:, :, row, column], nine.mean((2, 3)))


def test_a_skip_that_halves_pads_as_its_block_does() -> None:
    block = ResidualBlock((2, 4, 4), BlockConfig(channels=4), torch.relu, (3, 8, 8), padding="same")
    assert isinstance(block.skip, SamePaddedConv2d)
    assert block(torch.randn(2, 2, 4, 4), torch.randn(2, 3, 8, 8)).shape == (2, 4, 4, 4)


def test_upsampling_and_first_blocks_have_no_shortcut() -> None:
    for options in ({"transposed": True}, {"shortcut": False}):
        block = ResidualBlock((3, 4, 4), BlockConfig(channels=3, stride=2), torch.relu, **options)  # type: ignore[arg-type]
        silence(block.second)
        output = block(torch.randn(2, 3, 4, 4))
        assert output.shape == (2, *block.shape)
        assert block.shape == ((3, 8, 8) if options.get("transposed") else (3, 2, 2))
        assert (output == 0).all()


@pytest.mark.parametrize("aux", [(3, 8, 8), (3, 16, 16), (2, 4, 4), (5, 32, 32)])
def test_an_auxiliary_input_of_any_shape_is_brought_to_the_block(aux: tuple[int, int, int]) -> None:
    block = ResidualBlock((2, 8, 8), BlockConfig(channels=4), torch.relu, aux)
    x, side = torch.randn(2, 2, 8, 8), torch.randn(2, *aux)
    output = block(x, side)
    assert output.shape == (2, 4, 8, 8)
    assert not torch.equal(output, block(x, side + 1))
    shared = block(x.repeat(3, 1, 1, 1), side)
    torch.testing.assert_close(shared, output.repeat(3, 1, 1, 1), rtol=1e-5, atol=1e-6)


def test_a_same_shape_auxiliary_input_is_projected_or_dropped() -> None:
    projecting = ResidualBlock((4, 8, 8), BlockConfig(channels=4), torch.relu, (4, 8, 8))
    assert projecting.skip is not None
    weight = projecting.skip.weight
    assert isinstance(weight, Tensor)
    assert weight.shape == (4, 4, 1, 1)
    dropping = ResidualBlock((4, 8, 8), BlockConfig(channels=4), torch.relu, (4, 8, 8), same_shape_skip="drop")
    assert dropping.skip is None
    x = torch.randn(2, 4, 8, 8)
    assert torch.equal(dropping(x, torch.randn(2, 4, 8, 8)), dropping(x))


def test_a_skip_that_would_have_to_quadruple_a_map_is_refused() -> None:
    with pytest.raises(ConfigError, match="at most one block of stride 2"):
        ResidualBlock((4, 8, 8), BlockConfig(channels=4), torch.relu, (4, 2, 2))


def test_a_feature_map_expands_vectors_and_leaves_maps() -> None:
    expanding = FeatureMap((3,), (2, 4, 4))
    assert expanding.shape == (2, 4, 4)
    assert expanding(torch.randn(5, 3)).shape == (5, 2, 4, 4)
    passing = FeatureMap((3, 4, 4), (2, 4, 4))
    z = torch.randn(5, 3, 4, 4)
    assert passing.shape == (3, 4, 4)
    assert passing(z) is z
    assert not list(passing.parameters())


def silence(layer: nn.Module) -> None:
    """Make a weight-normed layer return zeros."""
    with torch.no_grad():
        layer.parametrizations["weight"].original0.zero_()  # type: ignore[index, union-attr]
        layer.bias.zero_()  # type: ignore[operator, union-attr]
