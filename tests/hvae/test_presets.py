"""Presets: the documents state their sizes, and a misspelt name is answered with the closest."""

import re
from pathlib import Path

import pytest
import torch

from hvae.errors import ConfigError
from hvae.models.bounds import Sweep
from hvae.models.contract import parameter_count
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.hierarchical_config import HierarchicalConfig
from hvae.models.latents import SharedNoise
from hvae.presets import names, preset

PAGE = Path(__file__).resolve().parents[2] / "docs" / "training.md"


def documented() -> dict[str, int]:
    """Parameters of each preset, as the table of the page has them."""
    rows = re.findall(r"^\| (`[^|]+`) \| [^|]+ \| ([\d,]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: int(count.replace(",", "")) for cell, count in rows for name in re.findall(r"`([^`]+)`", cell)}


def test_the_page_states_every_preset() -> None:
    assert set(documented()) == set(names())


@pytest.mark.parametrize("name", names())
def test_parameters_are_as_documented(name: str) -> None:
    assert parameter_count(preset(name).model) == documented()[name]


def test_the_papers_colour_model() -> None:
    model = preset("cifar10").model
    assert parameter_count(model) == 37_013_064
    with torch.device("meta"):
        assert HierarchicalVAE(model).latent_shapes == ((128, 16, 16), (64, 8, 8), (32,))


HIERARCHIES = [name for name in names() if isinstance(preset(name).model, HierarchicalConfig)]


@pytest.mark.parametrize("name", HIERARCHIES)
def test_models_of_the_papers_size_are_made_of_the_released_layers(name: str) -> None:
    """All of them, whatever family and depth; those for CPUs keep the layers that their bundled weights belong to."""
    config = preset(name)
    model = config.model
    assert isinstance(model, HierarchicalConfig)
    options = (model.padding, model.likelihood_kernel, model.likelihood_activation)
    if config.training.epochs < 1000:
        assert options == ("symmetric", 3, True)
    else:
        assert options == (("same", 1, False) if model.likelihood == "logistic-mixture" else ("same", 3, True))
    # Dropped skips belong to the released HVAE and its small copy: they would leave LVAE and BIVA without top-down
    # inference, a model of one layer has none, and the small colour model gains by its own.
    dropping = (
        "fashionmnist",
        "mnist",
        "cifar10",
        "svhn",
        "cifar10-4",
        "svhn-4",
        "fashionmnist-lite",
        "mnist-lite",
    )
    assert model.same_shape_skip == ("drop" if name in dropping else "project")


def test_one_model_for_each_kind_of_image() -> None:
    for one, other in (("fashionmnist", "mnist"), ("cifar10", "svhn"), ("cifar10-4", "svhn-4")):
        assert preset(one).model == preset(other).model


@pytest.mark.parametrize("name", {preset(name).model.model_dump_json(): name for name in HIERARCHIES}.values())
def test_every_hierarchy_walks_both_ways(name: str) -> None:
    """On tensors without memory: shapes alone."""
    config = preset(name).model
    with torch.device("meta"), torch.no_grad():
        model, x = HierarchicalVAE(config), torch.empty(2, *config.image_shape)
        sweep = Sweep(model, x, SharedNoise(4, torch.empty))
        assert sweep.elbo().shape == (2, 2)
        assert sweep.bound(config.depth, "sample").shape == (2, 2)


def test_an_unknown_preset_is_answered_with_the_closest() -> None:
    with pytest.raises(ConfigError, match="there is no preset 'fashionmist': did you mean fashionmnist"):
        preset("fashionmist")
