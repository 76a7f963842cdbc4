"""Every L^{>k} and log-ratio of some images from one sweep through the hierarchy, whatever is done with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import lightning
import numpy as np
import torch
from pydantic import Field, ValidationError

from hvae.config import Frozen, first_problem
from hvae.errors import ConfigError
from hvae.measuring.bounds import ImportanceWeightedBound, Sweep
from hvae.measuring.noise import EvaluationNoise, prepare
from hvae.models.blocks import fold_weight_norm
from hvae.models.proposal import Reading, elbo_proposal
from hvae.runs.checkpoints import load_checkpoint

LEAST_IMAGES = 32
"""Images in one pass at the least, padded with copies: math libraries take other kernels for smaller ones, which round
differently, and no value of a table may depend on the batch size."""


class Settings(Frozen):
    """How images are scored."""

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


class Scorer:
    """One run, ready to score images.

    Attributes:
        config: of the run.
        weights_sha256: of the weights.
        how: reading, S, R, seed and precision.
    """

    def __init__(self, run: Path, how: Settings, fabric: lightning.Fabric, batch_size: int = 256) -> None:
        """Load the run.

        Args:
            run: run folder.
            how: reading, S, R, seed and precision.
            fabric: of the device and precision.
            batch_size: images x samples in one pass (at least 32 images); no value depends on it.

        Raises:
            CheckpointError: a damaged run.
            ConfigError: a batch size below 1.
        """
        if batch_size < 1:
            raise ConfigError(f"scoring: batch_size must be at least 1, it is {batch_size}")
        checkpoint = load_checkpoint(run, fabric.device)
        self.config, self.weights_sha256, self.how = checkpoint.config, checkpoint.weights_sha256, how
        self._model = fold_weight_norm(checkpoint.model)
        self._fabric, self._batch_size = fabric, batch_size

    @property
    def depth(self) -> int:
        """Number of latent layers L."""
        return self.config.model.depth

    def values(self, images: np.ndarray, key: str, index: np.ndarray) -> np.ndarray:
        """The columns of a score table in nats, for each draw.

        Args:
            images: (n, channel, height, width) uint8 of the model's shape.
            key: name of the noise; see `hvae.measuring.noise.noise_key`.
            index: (n,) what addresses each image's noise: its position in the data set, or its content.

        Returns:
            (draws, n, columns) float64: `elbo`, `iw`, `L>1` ... `L>L`, `log_px`, `log_ratio_1` ... `log_ratio_L`.
        """
        with torch.inference_mode(), self._fabric.autocast():
            draws = [
                np.concatenate([self._batch(images[part], key, index[part], draw) for part in self._parts(len(images))])
                for draw in range(self.how.draws)
            ]
        return np.stack(draws)

    def _parts(self, n: int) -> Iterator[slice]:
        size = LEAST_IMAGES if self.how.samples > 1 else max(self._batch_size, LEAST_IMAGES)
        for start in range(0, n, size):
            yield slice(start, start + size)

    def _batch(self, images: np.ndarray, key: str, index: np.ndarray, draw: int) -> np.ndarray:
        """Values of one batch and draw, (images, columns): bounds L^{>k} from the first sample, the rest from all S."""
        how, device, count = self.how, self._fabric.device, len(index)
        padding = max(0, LEAST_IMAGES - count)
        index = np.pad(index, (0, padding), mode="edge")
        images = np.pad(images, ((0, padding), (0, 0), (0, 0), (0, 0)), mode="edge")
        x = prepare(images, self.config.data.preprocessing, how.seed, key, index, draw).to(device)
        x = x.contiguous(memory_format=torch.channels_last)
        sums = torch.zeros(self.depth + 2, len(index), dtype=torch.float64, device=device)
        weighted = ImportanceWeightedBound()
        bounds: list[torch.Tensor] = []
        per_pass = max(1, self._batch_size // len(index))
        groups = [[0], *(list(range(s, min(s + per_pass, how.samples))) for s in range(1, how.samples, per_pass))]
        for samples in groups:
            noise = EvaluationNoise(how.seed, key, index, draw, samples, self._model.latent_shapes, device)
            sweep = Sweep(self._model, x, noise)
            terms = self._terms(sweep)
            sums += terms.sum(1)
            weighted.update(terms[0])
            if samples == [0]:
                bounds = [sweep.bound(k, how.reading)[0].double() for k in range(1, self.depth + 1)]
        means = sums / how.samples
        rows = [means[0], weighted.value(), *bounds, *means[1:]]
        return torch.stack(rows, dim=1)[:count].cpu().numpy()

    def _terms(self, sweep: Sweep) -> torch.Tensor:
        """log w, log p(x|z) and log r_l of the ELBO, (2 + layer, samples, batch) float64."""
        proposal = elbo_proposal(self.depth)
        terms = [sweep.log_likelihood(proposal), *(r for r in sweep.log_ratios(proposal) if r is not None)]
        stacked = torch.stack([term.double() for term in terms])
        return torch.cat([stacked.sum(0, keepdim=True), stacked])
