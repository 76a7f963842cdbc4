"""What is timed: the same work as `hvae` does it and as it was published, on the same images and noise."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric

from hvae.config import RunConfig
from hvae.datasets import ImageSet
from hvae.measuring.noise import EvaluationNoise, prepare
from hvae.measuring.scorer import Scorer
from hvae.models.hierarchical_model import HierarchicalModel
from hvae.presets import preset
from hvae.runs.checkpoints import save_weights, write_config
from hvae.runs.settings import Precision, Setting
from hvae.training.trainer import _Trainer
from tests.benchmarks.speed.published import published, score

Work = Callable[[], object]
KEY, BATCH = "speed", 128
"""Name of the noise, and images in a minibatch of training."""


def images_of(config: RunConfig, count: int) -> np.ndarray:
    """Made-up images (count, channel, height, width) uint8: what is in them changes no speed."""
    return np.random.default_rng(0).integers(0, 256, (count, *config.model.image_shape), np.uint8)


@contextmanager
def run_of(name: str) -> Iterator[tuple[Path, HierarchicalModel]]:
    """A run of a preset with fresh weights, and its model as training has it."""
    with tempfile.TemporaryDirectory(prefix="hvae-bench-") as folder:
        yield Path(folder), make_run(name, Path(folder))


def make_run(name: str, folder: Path) -> HierarchicalModel:
    """Write a run of a preset with fresh weights into a folder; its model."""
    config = preset(name)
    torch.manual_seed(0)
    model = config.model.build().eval()
    assert isinstance(model, HierarchicalModel)
    with torch.no_grad():
        x = torch.from_numpy(images_of(config, 64)).float() / 255
        model.initialise(x.round() if x.shape[1] == 1 else x, torch.Generator().manual_seed(0))
    write_config(folder, config)
    save_weights(folder, model.state_dict(), config)
    return model


def scoring(run: Path, count: int, samples: int, precision: Precision) -> Work:
    """All k of some images, as `hvae score` does it."""
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
    scorer = Scorer(run, Setting(samples=samples, precision=precision), fabric)
    images, index = images_of(scorer.config, count), np.arange(count)
    return lambda: scorer.values(images, KEY, index)


def published_scoring(model: HierarchicalModel, config: RunConfig, count: int, samples: int) -> Work:
    """The same by a full pass for every sample and every k."""
    images, index, plain = images_of(config, count), np.arange(count), published(model)

    def noise(numbers: object) -> EvaluationNoise:
        return EvaluationNoise(0, KEY, index, 0, numbers, plain.latent_shapes)  # type: ignore[arg-type]

    def work() -> None:
        with torch.inference_mode():
            score(plain, prepare(images, config.data.preprocessing, 0, KEY, index), noise, "mean", samples)

    return work


def training(folder: Path, config: RunConfig) -> Work:
    """One step as `hvae train` takes it: autocast to bf16, moving average, clipping, checks."""
    count = 4 * BATCH
    images = ImageSet("made", "train", images_of(config, count), np.zeros(count, np.int64))
    fabric = Fabric(accelerator="cpu", devices=1, precision=config.training.precision)
    trainer = _Trainer(fabric, config, folder, images, images, resume=False)
    return lambda: trainer._step(torch.arange(BATCH))


def published_training(model: HierarchicalModel, config: RunConfig) -> Work:
    """One step in fp32: binarisation, the objective, its gradient, Adam."""
    plain, generator = published(model).train(), torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(plain.parameters(), lr=config.training.learning_rate)
    images, labels = torch.from_numpy(images_of(config, BATCH)), torch.zeros(BATCH, dtype=torch.int64)

    def work() -> None:
        x = (images.float() / 255 > torch.rand(images.shape, generator=generator)).float()
        optimizer.zero_grad()
        plain.objective(x, labels, generator, config.training, plain.schedule(config.training, 0.0)).loss.backward()
        optimizer.step()

    return work
