"""Training of a model: one process or many, resumable to the bit, checkpoints chosen by validation ELBO.

Every random number of a step follows from (seed, step, rank), so a resumed run needs no generator state to continue
exactly where it was.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import lightning
import numpy as np
import pandas as pd
import torch
from filelock import Timeout
from torch import Tensor
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DistributedSampler

from hvae.config import RunConfig
from hvae.datasets import ImageSet
from hvae.errors import CheckpointError, ConfigError, DataError, HvaeError
from hvae.files import remove_leftovers, run_lock, write_atomically
from hvae.models.contract import Model, Objective
from hvae.runs.checkpoints import WEIGHTS_FILE, read_config, save_weights, write_config
from hvae.runs.folders import RESUME_FILE, is_resumable
from hvae.runs.images.training_set import remembered
from hvae.training import resuming
from hvae.training.schedules import learning_rate_at, of_every_class

HISTORY_FILE = "history.csv"
INITIALISATION_IMAGES = 512
VALIDATION_BATCH = 250
DIVERGED_NATS_PER_DIMENSION = 1000.0


class TrainingDiverged(HvaeError):
    """Training met a value that is not finite, or an ELBO beyond all reason."""


@dataclass(frozen=True)
class Progress:
    """What a progress display needs after one step."""

    step: int
    steps: int
    epoch: int
    elbo: float
    log_ratios: tuple[float, ...]
    images_per_second: float


def train(
    config: RunConfig,
    folder: Path,
    fitted: ImageSet,
    validation: ImageSet,
    *,
    whole: ImageSet | None = None,
    resume: bool = False,
    accelerator: str = "auto",
    devices: int | str = "auto",
    nodes: int = 1,
    on_step: Callable[[Progress], None] | None = None,
) -> Path:
    """Train a model on the `fitted` images into a run folder, which is returned.

    It gets `config.json` with the identity of the `whole` training set (default the one that `fitted` was taken from,
    without its size), `model.safetensors` (moving average at the best ELBO of the `validation` images),
    `history.csv` and `resume.safetensors`; to `resume` from that gives the same as an uninterrupted run. Accelerator,
    devices and nodes are as Lightning Fabric names them; `on_step` is called on the first process after each step, and
    a `KeyboardInterrupt` of its own ends the training with what was learnt up to this step kept.

    Raises:
        CheckpointError: the folder holds another run, is locked by another process, or has nothing to resume.
        ConfigError: images of another shape than the model's.
        DataError: no images.
        TrainingDiverged: a value that is not finite; the last good checkpoint is kept.
        HvaeError: a file could not be written; what was there before is kept.
    """
    _check_images(config, fitted, validation)
    precision = config.training.precision
    fabric = lightning.Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes, precision=precision)
    fabric.launch()
    try:
        with run_lock(folder) if fabric.is_global_zero else nullcontext():
            if fabric.is_global_zero:
                remove_leftovers(folder)
            config = _noted(config, folder, whole or fitted, resume)
            _Trainer(fabric, config, folder, fitted, validation, resume).run(on_step)
    except Timeout:
        problem = f"another process is writing {folder}: wait until it ends, or train into another folder"
        raise CheckpointError(problem) from None
    return folder


def _check_images(config: RunConfig, fitted: ImageSet, validation: ImageSet) -> None:
    for images in (fitted, validation):
        if not len(images):
            raise DataError(f"{images.name} {images.split} holds no images to train with")
        if images.shape != (shape := config.model.image_shape):
            raise ConfigError(f"images of {images.name} have shape {images.shape}, the model takes {shape}")
    config.model.check_labels(fitted.labels)


def _noted(config: RunConfig, folder: Path, whole: ImageSet, resume: bool) -> RunConfig:
    """The config that the run is trained with, where the folder may be written."""
    noted = remembered(config, whole)
    if resume:
        if not is_resumable(folder):
            raise CheckpointError(f"{folder} has no {RESUME_FILE} to resume from; train it without --resume")
        if (begun := read_config(folder)) not in (config, noted):
            raise CheckpointError(f"{folder} was trained with another config; resume it without overrides")
        return begun
    if is_resumable(folder) or any((folder / name).exists() for name in (HISTORY_FILE, WEIGHTS_FILE)):
        raise CheckpointError(f"{folder} already holds a run: resume it (--resume) or name another folder")
    return noted


class _Trainer:
    """One training, from the first step to the last."""

    def __init__(
        self,
        fabric: lightning.Fabric,
        config: RunConfig,
        folder: Path,
        fitted: ImageSet,
        validation: ImageSet,
        resume: bool,
    ) -> None:
        self.fabric, self.config, self.training, self.folder = fabric, config, config.training, folder
        self.images, self.labels = _tensors(fitted)
        self.validation = _tensors(validation)
        self.sampler = DistributedSampler(
            range(len(fitted)),  # type: ignore[arg-type]
            num_replicas=fabric.world_size,
            rank=fabric.global_rank,
            seed=self.training.seed,
            drop_last=True,
        )
        self.batch = min(self.training.batch_size // fabric.world_size, len(self.sampler))
        self.steps_per_epoch = len(self.sampler) // self.batch
        self.steps = self.steps_per_epoch * self.training.epochs
        with fabric.init_module():
            torch.manual_seed(self.training.seed)
            model = config.model.build()
        model = model.to(device=fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model: Model = model
        if not resume:
            self._initialise()
        self.average = AveragedModel(model, multi_avg_fn=self._blend).requires_grad_(False)
        optimizer = torch.optim.Adam(model.parameters(), lr=self.training.learning_rate, fused=True)
        self.module, self.optimizer = fabric.setup(model, optimizer)
        # Distributed wrappers watch the forward pass of a module; the objective is that of this one.
        self.module.mark_forward_method("objective")
        self.learnt = resuming.Learnt(model, self.average, self.optimizer)
        self.state = resuming.Progress()
        if resume:
            self.state = resuming.read(folder, self.learnt, self.steps, self.steps_per_epoch)

    def run(self, on_step: Callable[[Progress], None] | None) -> None:
        """Train from the current step to the last, validating at the end of each epoch."""
        if self.fabric.is_global_zero and not self.state.step:
            write_config(self.folder, self.config)
            self._save_resume()
        began, images = time.monotonic(), 0
        while self.state.step < self.steps:
            for index in self._batches():
                elbo, log_ratios = self._step(index)
                images += len(index) * self.fabric.world_size
                rate = images / (time.monotonic() - began)
                stopped = None
                if on_step is not None and self.fabric.is_global_zero:
                    epoch = (self.state.step - 1) // self.steps_per_epoch
                    try:
                        on_step(Progress(self.state.step, self.steps, epoch, elbo, log_ratios, rate))
                    except KeyboardInterrupt as asked:
                        stopped = asked
                ends_epoch = self.state.step % self.steps_per_epoch == 0
                if ends_epoch:
                    self._validate(elbo, rate)
                    began, images = time.monotonic(), 0
                if stopped or ends_epoch or self.state.step % self.training.checkpoint_every == 0:
                    self._save_resume()
                if stopped:
                    raise stopped

    def _batches(self) -> Iterator[Tensor]:
        """Index batches of the current epoch from the current position on."""
        epoch, position = divmod(self.state.step, self.steps_per_epoch)
        self.sampler.set_epoch(epoch)
        order = torch.tensor(list(self.sampler))
        for start in range(position, self.steps_per_epoch):
            yield order[start * self.batch : (start + 1) * self.batch]

    def _generator(self, *purpose: int) -> torch.Generator:
        """A generator that depends on the seed, the purpose and the rank alone."""
        entropy = [self.training.seed, self.fabric.global_rank, *purpose]
        seed = int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))
        return torch.Generator(self.fabric.device).manual_seed(seed)

    def _preprocess(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Images in [0, 1]; mutated pixels and binarisation are drawn afresh at every read."""
        grey = images.to(self.fabric.device).float() / 255
        if mutation := self.config.data.mutation:
            uniform = torch.randint(0, 256, grey.shape, generator=generator, device=grey.device) / 255
            mutated = torch.rand(grey.shape, generator=generator, device=grey.device) < mutation
            grey = torch.where(mutated, uniform, grey)
        if self.config.data.preprocessing in ("grey", "integer"):
            return grey
        if self.config.data.preprocessing == "threshold":
            return (grey > 0.5).float()
        return (grey > torch.rand(grey.shape, generator=generator, device=grey.device)).float()

    def _initialise(self) -> None:
        generator = self._generator(0, 0)
        order = torch.randperm(len(self.images), generator=torch.Generator().manual_seed(self.training.seed))
        x = self._preprocess(self.images[order[:INITIALISATION_IMAGES]], generator)
        with torch.no_grad():
            self.model.initialise(x, generator)

    def _blend(self, averages: Any, weights: Any, count: Any) -> None:
        """Exponential moving average whose decay rises to its value, so that early weights are soon forgotten."""
        decay = min(self.training.ema, (1 + int(count)) / (10 + int(count))) if self.training.ema else 0.0
        torch._foreach_lerp_(averages, weights, 1 - decay)

    def _step(self, index: Tensor) -> tuple[float, tuple[float, ...]]:
        """One optimiser step; the minibatch's mean ELBO and log-ratios."""
        progress = self.state.step / self.steps
        x, generator = self._inputs(index)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate_at(progress, self.steps, self.training)
        labels = self.labels[index].to(x.device)
        result = Objective(*self.module.objective(x, labels, generator, self.training, progress))
        self._check(index, Objective(*(value.detach() for value in result)))
        self.optimizer.zero_grad()
        self.fabric.backward(result.loss)
        self._clip_gradients()
        self.optimizer.step()
        self.average.update_parameters(self.model)
        self.state.step += 1
        means = result.log_ratios.detach().mean(1)
        return float(result.log_likelihood.detach().mean() + means.sum()), tuple(means.tolist())

    def _clip_gradients(self) -> None:
        """Clip to the global norm; checked before clipping, which would spread one NaN over every gradient."""
        gradients = {name: value.grad for name, value in self.model.named_parameters() if value.grad is not None}
        norm = torch.nn.utils.get_total_norm(gradients.values())
        if not torch.isfinite(norm):
            broken = (name for name, gradient in gradients.items() if not torch.isfinite(gradient).all())
            self._stop(f"the gradient of {next(broken, 'all weights together')} is not finite")
        torch.nn.utils.clip_grads_with_norm_(self.model.parameters(), self.training.gradient_norm, norm)

    def _inputs(self, index: Tensor) -> tuple[Tensor, torch.Generator]:
        """The preprocessed minibatch of the current step, and the generator of its latent noise."""
        generator = self._generator(1, self.state.step)
        return self._preprocess(self.images[index], generator), generator

    def _check(self, index: Tensor, result: Objective) -> None:
        # By what is minimised: while the divergences weigh nothing yet, one image of a fresh model may have a log-ratio
        # of millions of nats, from which it recovers.
        loss, elbo = float(result.loss), float(result.elbo.mean())
        if math.isfinite(elbo) and loss < DIVERGED_NATS_PER_DIMENSION * self.config.model.dimensions:
            return
        if not math.isfinite(elbo + loss):
            # Where the pass first met one: a NaN soon is in every term.
            with torch.no_grad(), self.fabric.autocast():
                self._stop(f"{self.model.first_not_finite(*self._inputs(index))} is not finite")
        layers = result.log_ratios.mean(1)
        worst = f", most of it in layer z_{int(layers.argmin()) + 1}" if len(layers) else ""
        self._stop(f"the ELBO fell to {elbo:.3g} nats{worst}")

    def _stop(self, reason: str) -> None:
        raise TrainingDiverged(
            f"training diverged at step {self.state.step + 1} of {self.steps}: {reason}. "
            f"The last good checkpoint in {self.folder} is kept; try a lower training.learning_rate"
        )

    def _validate(self, train_elbo: float, rate: float) -> None:
        """Validation ELBO of the moving average; the best so far becomes `model.safetensors`."""
        model, generator = cast(Model, self.average.module), self._generator(2, 0)
        with torch.no_grad(), self.fabric.autocast():
            means = model.validate(self._read(self.validation, generator), generator)
        elbo, progress = means["elbo"], self.state.step / self.steps
        row = {
            "epoch": self.state.step // self.steps_per_epoch,
            "step": self.state.step,
            "train_elbo": train_elbo,
            **means,
            "learning_rate": learning_rate_at(progress, self.steps, self.training),
            **model.schedule(self.training, progress),
            "images_per_second": rate,
        }
        if not math.isfinite(elbo):
            self._stop("the validation ELBO is not finite")
        self.state.history.append(row)
        if not self.fabric.is_global_zero:
            return
        if elbo > self.state.best_elbo:
            self.state.best_elbo = elbo
            chosen, generator = of_every_class(self.labels), self._generator(3, 0)
            with torch.no_grad():
                model.settle(self._read((self.images[chosen], self.labels[chosen]), generator))
            save_weights(self.folder, model.state_dict(), self.config)
        path, history = self.folder / HISTORY_FILE, pd.DataFrame(self.state.history)
        write_atomically(path, lambda part: history.to_csv(part, index=False, float_format="%.6g"))

    def _read(self, images: tuple[Tensor, Tensor], generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of images and labels, preprocessed when asked for: binarisation and noise take turns."""
        for x, labels in zip(*(part.split(VALIDATION_BATCH) for part in images), strict=True):
            yield self._preprocess(x, generator), labels.to(self.fabric.device)

    def _save_resume(self) -> None:
        if self.fabric.is_global_zero:
            resuming.write(self.folder, self.learnt.tensors(), self.state)


def _tensors(images: ImageSet) -> tuple[Tensor, Tensor]:
    """Images (n, channel, height, width) uint8 and labels (n,)."""
    return torch.from_numpy(images.images), torch.tensor(images.labels)
