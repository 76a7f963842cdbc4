"""What every task has: where things lie, which sets and presets, and how small all of it is in a dry run."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from hvae.config import RunConfig
from hvae.datasets import ImageSet
from hvae.presets import preset
from hvae.runs.folders import is_resumable, read_history
from hvae.runs.images.training_set import part_of
from hvae.training.trainer import Progress, train
from tests.benchmarks.gpu.packed import unpack
from tests.benchmarks.gpu.plan import State, TimeIsUp

SEVERAL = {"training.schedule": "cosine", "training.ema": 0.999, "training.learning_rate_warm_up": 0.02}
"""Beside a batch and a learning rate: how a training of minutes reaches a good ELBO."""
PROBED = 10**5
"""Epochs that no probe gets to the end of."""


@dataclass(frozen=True)
class Scale:
    """How large everything is."""

    grey: tuple[str, str]
    """Presets, the first of which is the in-distribution set of the rows."""
    colour: str
    batches: tuple[int, ...]
    candidates: tuple[tuple[int, float], ...]
    """(batch, learning rate) that a training is chosen from, after equal time."""
    lanes: tuple[int, ...]
    matrix: int
    images: int
    """Scored for the rows."""
    samples: int
    many: int
    """Images scored with so many samples."""


FULL = Scale(
    grey=("fashionmnist", "mnist"), colour="cifar10-mid", batches=(128, 512, 2048),
    candidates=((128, 1e-3), (512, 1.5e-3), (512, 3e-3), (2048, 3e-3)), lanes=(256, 2048, 8192), matrix=8192,
    images=10_000, samples=1000, many=1000,
)  # fmt: skip
DRY = Scale(
    grey=("digits-tiny", "digits-again"), colour="digits-tiny-colour", batches=(32,), candidates=((32, 3e-3),),
    lanes=(64,), matrix=64, images=100, samples=4, many=40,
)  # fmt: skip


class Bench:
    """One call."""

    def __init__(self, data: Path, runs: Path, state: State, scale: Scale, device: str) -> None:
        self.data, self.runs, self.state, self.scale, self.device = data, runs, state, scale, device
        self._sets: dict[tuple[str, str], ImageSet] = {}

    def fabric(self, precision: Any) -> Fabric:
        """The device, as a scorer takes it."""
        return Fabric(accelerator=self.device, devices=1, precision=precision)

    def preset(self, name: str) -> RunConfig:
        """The preset; in a dry run all are one of digits."""
        return preset("digits-tiny").override({"preset": name}) if name.startswith("digits-") else preset(name)

    def sets(self, name: str, split: str) -> ImageSet:
        """A packed set, unpacked once."""
        if (name, split) not in self._sets:
            self._sets[name, split] = unpack(self.data, name, split)
        return self._sets[name, split]

    def synchronise(self) -> None:
        """Wait for the device."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    def configured(self, name: str, batch: int, rate: float, epochs: int, **more: Any) -> RunConfig:
        """A preset for a GPU and minutes."""
        asked = {"training.batch_size": batch, "training.learning_rate": rate, "training.epochs": epochs}
        return self.preset(name).override(SEVERAL | asked | {"training.checkpoint_every": 2000} | more)

    def fit(self, config: RunConfig, folder: Path, watch: Callable[[Progress], None], graph: bool = True) -> None:
        """Train, or go on, on the device."""
        whole = self.sets(config.data.name, "train")
        fitted, validation = (part_of(whole, part, config.data.split_seed) for part in ("fitted", "validation"))
        train(
            config, folder, fitted, validation, whole=whole, accelerator=self.device, devices=1, on_step=watch,
            resume=is_resumable(folder), graph=graph,
        )  # fmt: skip

    def pace(self, config: RunConfig, seconds: float, graph: bool = True) -> float:
        """Images a second of training, after a warm-up of a third of the time."""
        folder = self.runs / ".probe"
        shutil.rmtree(folder, ignore_errors=True)
        config = config.override({"training.epochs": PROBED, "training.checkpoint_every": 10**6})
        began, marks = time.monotonic(), []

        def watch(progress: Progress) -> None:
            now = time.monotonic()
            if not marks and now > began + seconds / 3:
                marks.append((now, progress.step))
            if marks and progress.step > marks[0][1] and now > began + seconds:
                marks.append((now, progress.step))
                raise TimeIsUp

        try:
            self.fit(config, folder, watch, graph)
        except TimeIsUp:
            pass
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        (first, step), (last, steps) = marks
        return (steps - step) * config.training.batch_size / (last - first)

    def train_until(self, config: RunConfig, name: str, until: float) -> list[dict[str, Any]]:
        """A run of its own, whose epochs fit the time unless it was begun before; its last epoch as a row."""
        folder = self.runs / name

        def watch(progress: Progress) -> None:
            if time.monotonic() > until + 0.15 * (until - began):
                raise TimeIsUp(f"stopped in epoch {progress.epoch + 1} of {config.training.epochs}")

        began = time.monotonic()
        self.fit(config, folder, watch)
        curve = read_history(folder)
        best = curve.loc[curve["elbo"].idxmax()]
        return [
            {
                "run": name, "batch": config.training.batch_size, "learning rate": config.training.learning_rate,
                "epochs": int(curve["epoch"].iloc[-1]), "best validation ELBO, nats": float(best["elbo"]),
                "images/s": float(curve["images_per_second"].median()),
            }
        ]  # fmt: skip

    def epochs_in(self, config: RunConfig, seconds: float, images_per_second: float) -> int:
        """Whole epochs that fit, each with its validation and its checkpoint."""
        fitted = len(part_of(self.sets(config.data.name, "train"), "fitted", config.data.split_seed))
        an_epoch = fitted / images_per_second + (1.0 if self.device == "cuda" else 0.1)
        return max(1, int(0.92 * seconds / an_epoch))


def require_sound(run: Path) -> Path:
    """The folder of a run that has weights."""
    if not (run / "model.safetensors").exists():
        raise TimeIsUp(f"{run.name} is not trained yet: call again")
    return run
