"""The paper's presets are the released model: the same numbers from the same weights.

`parity/*.npz` hold small, randomly weighted models of the released code and what it gives of eight images with every
latent at its mean, so that nothing is random: `shapes`, the JSON of names and shapes of the float32 `weights`, which
lie one behind the other as four planes of bytes (they compress better); `x` uint8; `log_px` (4, 8) log p(x|z) in nats
with the lowest k = 0..3 latents at their prior means; `kl` (8, 3) -log r_l in nats.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from hvae.models.blocks import fold_weight_norm
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.hierarchical_config import HierarchicalConfig
from hvae.models.latents import SharedNoise
from hvae.models.proposal import Draw, Proposal
from hvae.presets import preset

FOLDER = Path(__file__).parent / "parity"


@dataclass(frozen=True)
class Released:
    """One of the released models: `config` is ours of it, `nats` what float32 can repeat its numbers within."""

    config: HierarchicalConfig
    numbers: dict[str, np.ndarray]
    nats: float

    def build(self, **options: object) -> HierarchicalVAE:
        """Our model with the released weights, under other options of the config if any are given."""
        model = HierarchicalVAE(self.config.model_copy(update=options)).requires_grad_(False)
        values = torch.from_numpy(self.numbers["weights"].T.copy().view("<f4")[:, 0])
        shapes: dict[str, list[int]] = json.loads(self.numbers["shapes"].tobytes())
        parts = values.split([math.prod(shape) for shape in shapes.values()])
        model.load_state_dict({name: part.view(*shapes[name]) for name, part in zip(shapes, parts, strict=True)})
        return model

    def differences(self, model: HierarchicalVAE) -> dict[str, float]:
        """Largest difference of each quantity from the released one, in nats."""
        x = torch.from_numpy(self.numbers["x"]).float()
        x = x / 255 if self.config.likelihood == "logistic-mixture" else x
        noise, found = SharedNoise(len(x), torch.empty), {}
        for k in range(4):
            generated = (Draw.PRIOR_MEAN,) * k + (Draw.POSTERIOR_MEAN,) * (3 - k)
            result = model(x, Proposal((Draw.POSTERIOR_MEAN,) * 3, generated), noise)
            found[f"log_px_{k}"] = result.log_likelihood(x)[0].numpy() - self.numbers["log_px"][k]
            if k == 0:
                for layer, latent in enumerate(result.latents):
                    found[f"kl_{layer + 1}"] = -latent.log_ratio().numpy() - self.numbers["kl"][:, layer]
        return {name: float(np.abs(difference).max()) for name, difference in found.items()}


@pytest.fixture(scope="module", params=["fashionmnist", "cifar10"])
def case(request: pytest.FixtureRequest) -> Released:
    """A preset at 8 channels and with smaller latents; everything else is as in the preset."""
    grey = request.param == "fashionmnist"
    model, sizes = preset(request.param).model, (2, 4, 2) if grey else (4, 3, 4)
    assert isinstance(model, HierarchicalConfig)
    stages = tuple(
        stage.model_copy(
            update={
                "blocks": tuple(block.model_copy(update={"channels": 8}) for block in stage.blocks),
                "latent": stage.latent.model_copy(update={"size": size}),
            }
        )
        for stage, size in zip(model.stages, sizes, strict=True)
    )
    with np.load(FOLDER / ("grey.npz" if grey else "colour.npz")) as numbers:
        # The log-likelihoods are some 500 nats (grey) and 19,000 (colour).
        return Released(model.model_copy(update={"stages": stages}), dict(numbers), 1e-3 if grey else 2e-2)


def test_the_same_weights_give_the_same_numbers(case: Released) -> None:
    differences = case.differences(case.build())
    assert len(differences) == 7
    assert max(differences.values()) < case.nats, differences


def test_so_does_the_model_as_it_is_scored(case: Released) -> None:
    """Weight norm folded, channels last; under bf16 to a nat."""
    model = fold_weight_norm(case.build()).to(memory_format=torch.channels_last)
    differences = case.differences(model)
    assert max(differences.values()) < case.nats, differences
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = case.differences(model)
    assert max(rounded.values()) < 1, rounded


def test_without_its_options_a_preset_is_another_model(case: Released) -> None:
    others = [{"padding": "symmetric"}]
    if case.config.likelihood == "logistic-mixture":
        others.append({"likelihood_activation": True})
    for options in others:
        assert max(case.differences(case.build(**options)).values()) > 0.1, options
