"""Images through a model, kept. Imports torch, so pages import it only once their text stands."""

import numpy as np
import torch

from app.frame.caching import kept
from app.reading import loading
from hvae.datasets import ImageSet
from hvae.errors import DataError
from hvae.measuring.noise import noise_key
from hvae.measuring.reconstructions import RepeatedReconstructions, reconstruct_repeatedly, unconditional_samples
from hvae.models.proposal import Reading
from hvae.runs.folders import RunEntry


def walk(
    run: RunEntry, images: ImageSet, index: np.ndarray, seed: int, reading: Reading, draws: int = 1, noise: int = 1
) -> RepeatedReconstructions:
    """Reconstructions of the shown images `(n, ...)` at every level, each a mean over so many draws; raises HvaeErrors.

    Binarisation and noise are those of `hvae score` for the same seed, draws, version of the noise, data set, split and
    position (`index`, `(n,)`).
    """
    checkpoint = loading.checkpoint(run)
    shape = tuple(checkpoint.config.model.image_shape)
    if images.shape != shape:
        raise DataError(f"{run.name} takes images of shape {shape}, these are {images.shape}")
    key = key_of(images)
    model, preprocessing = checkpoint.layered("reconstruct"), checkpoint.config.data.preprocessing
    how = {"preprocessing": preprocessing, "key": key, "seed": seed, "draws": draws, "reading": reading, "noise": noise}
    name = stamp(run), images.fingerprint, key, index.tolist(), seed, reading, draws, noise
    return kept("walk", name, lambda: reconstruct_repeatedly(model, images.images, index, **how), "huge")


def sampled(run: RunEntry, n: int, seed: int) -> np.ndarray:
    """Unconditional samples of a run, `(n, channel, height, width)` float32 in [0, 1]; raises a CheckpointError."""

    def make() -> np.ndarray:
        return unconditional_samples(loading.checkpoint(run).model, n, torch.Generator().manual_seed(seed))

    return kept("samples", (stamp(run), n, seed), make, "large")


def key_of(images: ImageSet) -> str:
    """What addresses the noise of images; those without a data set have no split, and positions from their content."""
    return noise_key(images.slug, images.split) if images.split else images.slug


def stamp(run: RunEntry) -> str:
    """Changes whenever the weights do."""
    path = run.path / "model.safetensors"
    return f"{path}@{path.stat().st_mtime_ns if path.is_file() else 0}"
