"""Training of a model: one process or many, resumable to the bit, checkpoints chosen by validation ELBO.

Every random number of a step follows from (seed, step), so a resumed run needs no generator state to continue exactly
where it was, and several processes draw the noise that one would.
"""

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pandas as pd
import torch
from filelock import Timeout
from lightning_fabric import Fabric
from torch import Tensor

from hvae.config import RunConfig
from hvae.datasets import ImageSet
from hvae.errors import CheckpointError, ConfigError, DataError
from hvae.files import remove_leftovers, run_lock, write_atomically
from hvae.models.contract import Model, Objective
from hvae.runs.checkpoints import WEIGHTS_FILE, read_config, save_weights, write_config
from hvae.runs.folders import RESUME_FILE, is_resumable
from hvae.runs.images.training_set import remembered
from hvae.training import resuming
from hvae.training.averaging import MovingAverage
from hvae.training.batches import Batches, held
from hvae.training.diverging import Look, Soundness, TrainingDiverged, gradients_of, reason
from hvae.training.recording import CudaGraphs, Inputs, RecordedStep
from hvae.training.schedules import learning_rate_at, of_every_class

HISTORY_FILE = "history.csv"
INITIALISATION_IMAGES = 512
VALIDATION_BATCH = 250


@dataclass(frozen=True)
class Progress:
    """What a progress display needs after one step, or after some on an accelerator."""

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
    graph: bool = True,
    on_step: Callable[[Progress], None] | None = None,
) -> Path:
    """Train a model on the `fitted` images into a run folder, which is returned.

    It gets `config.json` with the identity of the `whole` training set (default the one that `fitted` was taken from,
    without its size), `model.safetensors` (moving average at the best ELBO of the `validation` images),
    `history.csv` and `resume.safetensors`; to `resume` from that gives the same as an uninterrupted run. Accelerator,
    devices and nodes are as Lightning Fabric names them; on a single GPU steps are played from a CUDA `graph`.
    `on_step` is called on the first process after each step, on an accelerator after every `STEPS_BETWEEN_LOOKS`, and
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
    fabric = Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes, precision=precision)
    fabric.launch()
    try:
        with run_lock(folder) if fabric.is_global_zero else nullcontext():
            if fabric.is_global_zero:
                remove_leftovers(folder)
            config = _noted(config, folder, whole or fitted, resume)
            _Trainer(fabric, config, folder, fitted, validation, resume, graph).run(on_step)
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
        fabric: Fabric,
        config: RunConfig,
        folder: Path,
        fitted: ImageSet,
        validation: ImageSet,
        resume: bool,
        graph: bool = True,
    ) -> None:
        self.fabric, self.config, self.training, self.folder = fabric, config, config.training, folder
        self.batches, self.validation = Batches(fabric, config, fitted), held(validation, fabric.device)
        self.steps = self.batches.steps_per_epoch * self.training.epochs
        if fabric.device.type == "cuda":
            # All batches have one shape: the fastest kernels are looked for once.
            torch.backends.cudnn.benchmark = True
        with fabric.init_module():
            torch.manual_seed(self.training.seed)
            model = config.model.build()
        model = model.to(device=fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model: Model = model
        if not resume:
            self._initialise()
        self.average = MovingAverage(model, self.training.ema)
        graph = graph and fabric.device.type == "cuda" and fabric.world_size == 1
        rate = self.training.learning_rate
        first = torch.tensor(rate, device=fabric.device) if graph else rate
        optimizer = torch.optim.Adam(model.parameters(), lr=first, fused=True, capturable=graph)
        self.soundness = Soundness(fabric, config.model.dimensions)
        # A fused optimizer makes no step where this is 1, and asks no host about it.
        optimizer.found_inf = self.soundness.bad  # type: ignore[attr-defined]
        self.module, self.optimizer = fabric.setup(model, optimizer)
        # Distributed wrappers watch the forward pass of a module; the objective is that of this one.
        self.module.mark_forward_method("objective")
        self._make = RecordedStep(self._made, self.optimizer, CudaGraphs()) if graph else self._plain
        self.learnt = resuming.Learnt(model, self.average, self.optimizer)
        self.state = resuming.Progress()
        if resume:
            self.state = resuming.read(folder, self.learnt, self.steps, self.batches.steps_per_epoch)

    def run(self, on_step: Callable[[Progress], None] | None) -> None:
        """Train from the current step to the last, validating at the end of each epoch."""
        if self.fabric.is_global_zero and not self.state.step:
            write_config(self.folder, self.config)
            self._save_resume()
        per_epoch = self.batches.steps_per_epoch
        began, images, looked = time.monotonic(), 0, self.state.step
        while self.state.step < self.steps:
            for index in self.batches.of_epoch(self.state.step):
                self._step(index)
                images += len(index) * self.fabric.world_size
                ends_epoch = self.state.step % per_epoch == 0
                keeps = ends_epoch or self.state.step % self.training.checkpoint_every == 0
                if not (keeps or self.soundness.due):
                    continue
                seen, looked = self._look(looked), self.state.step
                rate = images / (time.monotonic() - began)
                stopped = None
                if on_step is not None and self.fabric.is_global_zero:
                    epoch = (self.state.step - 1) // per_epoch
                    try:
                        on_step(Progress(self.state.step, self.steps, epoch, seen.elbo, seen.log_ratios, rate))
                    except KeyboardInterrupt as asked:
                        stopped = asked
                if ends_epoch:
                    self._validate(seen.elbo, rate)
                    began, images = time.monotonic(), 0
                if keeps or stopped:
                    self._save_resume()
                if stopped:
                    raise stopped

    def _initialise(self) -> None:
        generator = self.batches.generator(0, 0)
        images = self.batches.images
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(self.training.seed))
        x = self.batches.preprocess(images[order[:INITIALISATION_IMAGES].to(images.device)], generator)
        with torch.no_grad():
            self.model.initialise(x, generator)

    def _step(self, index: Tensor) -> None:
        """One optimiser step, in which the host waits for nothing that the device computes."""
        rate = learning_rate_at(self.state.step / self.steps, self.steps, self.training)
        self.soundness.keep(self._make(self._inputs(self.state.step, index), rate))
        self.average.update(self.model, self.state.step)
        self.state.step += 1

    def _inputs(self, step: int, index: Tensor) -> Inputs:
        weights = self.model.schedule(self.training, step / self.steps)
        return Inputs(*self.batches.taken(index), self.batches.noise(step), weights)

    def _plain(self, inputs: Inputs, rate: float) -> Tensor:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return self._made(inputs)

    def _made(self, inputs: Inputs) -> Tensor:
        """A step from its inputs to the new weights, without the moving average; what `Soundness` says of it."""
        result = self._objective(inputs)
        self.optimizer.zero_grad()
        self.fabric.backward(result.loss)
        norm = torch.nn.utils.get_total_norm([gradient for _, gradient in gradients_of(self.model)])
        said = self.soundness.judge(result, norm)
        torch.nn.utils.clip_grads_with_norm_(self.model.parameters(), self.training.gradient_norm, norm)
        self.optimizer.step()
        return said

    def _objective(self, inputs: Inputs) -> Objective:
        images, labels, generator, weights = inputs
        x = self.batches.preprocess(images, generator)
        # On one device Fabric calls a marked method as it is, without the precision it sets for a forward pass.
        with self.fabric.autocast():
            return Objective(*self.module.objective(x, labels, generator, self.training, weights))

    def _look(self, since: int) -> Look:
        """What came of the steps `since` the last look; the end of the training where one of them went wrong."""
        seen = self.soundness.look()
        if seen.first_bad is not None:
            self._stop(self._reason(since + seen.first_bad), since + seen.first_bad)
        return seen

    def _reason(self, step: int) -> str:
        """Why a step went wrong: it is made again from the weights before it."""
        index = self.batches.index(step)
        result = self._objective(self._inputs(step, index))
        told, where = Objective(*(value.detach() for value in result)), None
        if not math.isfinite(told.elbo.mean() + told.loss):
            # Where the pass first met one: a NaN soon is in every term.
            images, _, generator, _ = self._inputs(step, index)
            x = self.batches.preprocess(images, generator)
            with torch.no_grad(), self.fabric.autocast():
                where = self.model.first_not_finite(x, generator)
        self.optimizer.zero_grad()
        self.fabric.backward(result.loss)
        return reason(told, gradients_of(self.model), where, self.soundness.most)

    def _stop(self, reason: str, step: int) -> None:
        raise TrainingDiverged(
            f"training diverged at step {step + 1} of {self.steps}: {reason}. "
            f"The last good checkpoint in {self.folder} is kept; try a lower training.learning_rate"
        )

    def _validate(self, train_elbo: float, rate: float) -> None:
        """Validation ELBO of the moving average; the best so far becomes `model.safetensors`."""
        model, generator = cast(Model, self.average.module), self.batches.generator(2, 0)
        with torch.no_grad(), self.fabric.autocast():
            means = model.validate(self.batches.read(self.validation, generator, VALIDATION_BATCH), generator)
        elbo, progress = means["elbo"], self.state.step / self.steps
        row = {
            "epoch": self.state.step // self.batches.steps_per_epoch,
            "step": self.state.step,
            "train_elbo": train_elbo,
            **means,
            "learning_rate": learning_rate_at(progress, self.steps, self.training),
            **model.schedule(self.training, progress),
            "images_per_second": rate,
        }
        if not math.isfinite(elbo):
            self._stop("the validation ELBO is not finite", self.state.step)
        self.state.history.append(row)
        if not self.fabric.is_global_zero:
            return
        if elbo > self.state.best_elbo:
            self.state.best_elbo = elbo
            chosen, generator = of_every_class(self.batches.labels), self.batches.generator(3, 0)
            part = self.batches.images[chosen], self.batches.labels[chosen]
            with torch.no_grad():
                model.settle(self.batches.read(part, generator, VALIDATION_BATCH))
            save_weights(self.folder, model.state_dict(), self.config)
        path, history = self.folder / HISTORY_FILE, pd.DataFrame(self.state.history)
        write_atomically(path, lambda part: history.to_csv(part, index=False, float_format="%.6g"))

    def _save_resume(self) -> None:
        if self.fabric.is_global_zero:
            resuming.write(self.folder, self.learnt.tensors(), self.state)
