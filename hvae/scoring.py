"""Scores x data set -> table: every L^{>k} and log-ratio of every example from one sweep, resumable.

Finished chunks wait in `scores/.partial/`, so an interrupted scoring continues where it stopped.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Literal

import lightning
import numpy as np
import pandas as pd
import torch
from filelock import Timeout
from pydantic import Field, ValidationError

from hvae import __version__
from hvae.blocks import fold_weight_norm
from hvae.bounds import ImportanceWeightedBound, Sweep
from hvae.checkpoints import load_checkpoint
from hvae.config import Frozen, Preprocessing, first_problem
from hvae.datasets import ImageSet
from hvae.errors import CheckpointError, ConfigError, DataError
from hvae.evaluation import EvaluationNoise, noise_key, prepare
from hvae.files import run_lock, write_atomically
from hvae.proposal import Reading, elbo_proposal
from hvae.results import ScoreTable, TableMetadata, columns, write_table

LEAST_IMAGES = 32
"""Images in one pass at the least, padded with copies: math libraries take other kernels for smaller ones, which round
differently, and no value of a table may depend on the batch size."""
CHUNK = 200
"""Images between two saved chunks: what an interrupted scoring can lose at most."""


class Settings(Frozen):
    """How a data set is scored."""

    reading: Reading = "mean"
    samples: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """S: importance samples of L_S."""
    draws: Annotated[int, Field(ge=1, le=10_000)] = 1
    """R: independent repeats, each with its own binarisation and posterior sample."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    precision: Literal["32-true", "bf16-mixed"] = "32-true"


def settings(**values: object) -> Settings:
    """Settings from the outside.

    Raises:
        ConfigError: an unknown reading, S or R below 1, a negative seed: one line.
    """
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"scoring: {first_problem(error)}") from None


def score(
    run: Path,
    images: ImageSet,
    how: Settings,
    *,
    batch_size: int = 256,
    accelerator: str = "auto",
    devices: int | str = "auto",
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Score every image of a data set with one run.

    Args:
        run: run folder.
        images: of the data set, in its order.
        how: reading, S, R, seed, precision.
        batch_size: images x samples in one pass (at least 32 images); no value of the table depends on it.
        accelerator: as Lightning Fabric names it.
        devices: how many, or `auto`.
        on_progress: called with (images done, images in all) after each chunk.

    Returns:
        Path of the table.

    Raises:
        CheckpointError: a damaged run, or one that another process is writing.
        DataError: images of another shape than the model's.
        ConfigError: a batch size below 1.
    """
    if batch_size < 1:
        raise ConfigError(f"scoring: batch_size must be at least 1, it is {batch_size}")
    if not len(images):
        raise DataError(f"{images.name} has no images to score")
    fabric = lightning.Fabric(accelerator=accelerator, devices=devices, precision=how.precision)
    fabric.launch()
    try:
        with run_lock(run / "scores") if fabric.is_global_zero else nullcontext():
            return _Scoring(fabric, run, images, how, batch_size).run(on_progress)
    except Timeout:
        raise CheckpointError(f"another process is scoring {run}: wait until it ends; its chunks are kept") from None


class _Scoring:
    """One data set under one run."""

    def __init__(
        self, fabric: lightning.Fabric, folder: Path, images: ImageSet, how: Settings, batch_size: int
    ) -> None:
        checkpoint = load_checkpoint(folder, fabric.device)
        config = checkpoint.config
        if images.images.shape[1:] != config.model.image_shape:
            raise DataError(
                f"{images.name} has images of shape {images.images.shape[1:]}, the model of {folder.name} expects "
                f"{config.model.image_shape}"
            )
        self.fabric, self.folder, self.images, self.how, self.batch_size = fabric, folder, images, how, batch_size
        self.model = fold_weight_norm(checkpoint.model)
        self.preprocessing: Preprocessing = config.data.preprocessing
        self.metadata = TableMetadata(
            data=images.name if images.name == images.slug else images.slug,
            slug=images.slug,
            split=images.split,
            reading=how.reading,
            samples=how.samples,
            draws=how.draws,
            seed=how.seed,
            depth=config.model.depth,
            dimensions=config.model.dimensions,
            preprocessing=self.preprocessing,
            precision=how.precision,
            weights_sha256=checkpoint.weights_sha256,
            data_fingerprint=images.fingerprint,
            data_note=images.note,
            version=__version__,
        )
        self.columns = columns(config.model.depth, 1)[2:]
        identity = hashlib.sha256(self.metadata.model_dump_json().encode()).hexdigest()[:12]
        self.partial = folder / "scores" / ".partial" / f"{self.metadata.file_name}.{identity}"

    def run(self, on_progress: Callable[[int, int], None] | None) -> Path:
        """Score what is missing, then write the table."""
        starts = range(0, len(self.images), CHUNK)
        done = 0
        for number, start in enumerate(starts):
            stop = min(start + CHUNK, len(self.images))
            if number % self.fabric.world_size == self.fabric.global_rank and self._read(start, stop) is None:
                values = self._chunk(np.arange(start, stop))
                write_atomically(self._path(start), lambda part, values=values: _save(part, values))
            done += stop - start
            if on_progress is not None and self.fabric.is_global_zero:
                on_progress(done, len(self.images))
        self.fabric.barrier()
        path = self.folder / "scores" / self.metadata.file_name
        if self.fabric.is_global_zero:
            chunks = [self._read(start, min(start + CHUNK, len(self.images))) for start in starts]
            path = write_table(self.folder, self._table(np.concatenate(chunks, axis=1)))  # type: ignore[arg-type]
            shutil.rmtree(self.partial, ignore_errors=True)
        return path

    def _path(self, start: int) -> Path:
        return self.partial / f"{start:09d}.npy"

    def _read(self, start: int, stop: int) -> np.ndarray | None:
        """A finished chunk (draws, images, columns), None where it is missing or damaged."""
        try:
            values = np.load(self._path(start), allow_pickle=False)
        except (OSError, ValueError):
            return None
        return values if values.shape == (self.how.draws, stop - start, len(self.columns)) else None

    def _table(self, values: np.ndarray) -> ScoreTable:
        """Means over the draws, and their standard errors where there are several."""
        frame = pd.DataFrame(values.mean(0), columns=self.columns)
        frame.insert(0, "example", np.arange(len(self.images)))
        frame.insert(1, "label", self.images.labels)
        if self.how.draws > 1:
            errors = values.std(0, ddof=1) / np.sqrt(self.how.draws)
            frame = pd.concat([frame, pd.DataFrame(errors, columns=[f"{name}_se" for name in self.columns])], axis=1)
        return ScoreTable(frame, self.metadata)

    def _chunk(self, index: np.ndarray) -> np.ndarray:
        """Values of some examples, (draws, images, columns) float64 in nats."""
        with torch.inference_mode(), self.fabric.autocast():
            draws = [
                np.concatenate([self._batch(batch, draw) for batch in self._batches(index)])
                for draw in range(self.how.draws)
            ]
        return np.stack(draws)

    def _batches(self, index: np.ndarray) -> Iterator[np.ndarray]:
        size = LEAST_IMAGES if self.how.samples > 1 else max(self.batch_size, LEAST_IMAGES)
        for start in range(0, len(index), size):
            yield index[start : start + size]

    def _batch(self, index: np.ndarray, draw: int) -> np.ndarray:
        """Values of one batch and draw, (images, columns): bounds L^{>k} from the first sample, the rest from all S."""
        how, depth, device = self.how, self.model.depth, self.fabric.device
        count, index = len(index), np.pad(index, (0, max(0, LEAST_IMAGES - len(index))), mode="edge")
        key = noise_key(self.images.slug, self.images.split)
        x = prepare(self.images.images[index], self.preprocessing, how.seed, key, index, draw).to(device)
        x = x.contiguous(memory_format=torch.channels_last)
        sums = torch.zeros(depth + 2, len(index), dtype=torch.float64, device=device)
        weighted = ImportanceWeightedBound()
        bounds: list[torch.Tensor] = []
        per_pass = max(1, self.batch_size // len(index))
        groups = [[0], *(list(range(s, min(s + per_pass, how.samples))) for s in range(1, how.samples, per_pass))]
        for samples in groups:
            noise = EvaluationNoise(how.seed, key, index, draw, samples, self.model.latent_shapes, device)
            sweep = Sweep(self.model, x, noise)
            terms = self._terms(sweep)
            sums += terms.sum(1)
            weighted.update(terms[0])
            if samples == [0]:
                bounds = [sweep.bound(k, how.reading)[0].double() for k in range(1, depth + 1)]
        means = sums / how.samples
        rows = [means[0], weighted.value(), *bounds, *means[1:]]
        return torch.stack(rows, dim=1)[:count].cpu().numpy()

    def _terms(self, sweep: Sweep) -> torch.Tensor:
        """log w, log p(x|z) and log r_l of the ELBO, (2 + layer, samples, batch) float64."""
        proposal = elbo_proposal(self.model.depth)
        terms = [sweep.log_likelihood(proposal), *(r for r in sweep.log_ratios(proposal) if r is not None)]
        stacked = torch.stack([term.double() for term in terms])
        return torch.cat([stacked.sum(0, keepdim=True), stacked])


def _save(part: Path, values: np.ndarray) -> None:
    with part.open("wb") as file:
        np.save(file, values, allow_pickle=False)
