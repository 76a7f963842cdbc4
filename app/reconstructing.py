"""Images through a model, cached. The one module of the dashboard that imports torch when it is imported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st
import torch

from app import loading
from app.reconstruction_table import Walked
from hvae import datasets
from hvae.datasets import ImageSet
from hvae.errors import DataError
from hvae.evaluation import EvaluationNoise, noise_key, prepare
from hvae.proposal import Reading
from hvae.reconstructions import reconstruct, unconditional_samples
from hvae.results import RunEntry


def walk(run: RunEntry, images: ImageSet, index: np.ndarray, seed: int, reading: Reading) -> Walked:
    """Reconstructions of some images at every level.

    Binarisation and noise are those of `hvae score` for the same seed, data set, split and position.

    Args:
        run: with weights.
        images: only the shown ones, `(n, ...)`.
        index: `(n,)` their positions in the data set, which address the noise.
        seed: of the evaluation.
        reading: of L^{>k}.

    Raises:
        CheckpointError: missing or damaged weights.
        DataError: images that are not of the model's shape.
    """
    checkpoint = loading.checkpoint(run)
    if images.shape != tuple(checkpoint.config.model.image_shape):
        raise DataError(
            f"{run.name} takes images of shape {tuple(checkpoint.config.model.image_shape)}, these are {images.shape}"
        )
    # Pictures without a data set have no part either; their position already names their content.
    key = noise_key(images.slug, images.split) if images.name in datasets.names() else images.slug
    positions = tuple(int(position) for position in index)
    return Walked(**_walk(_stamp(run), images.images, key, positions, seed, reading, run))


# A plain dictionary of arrays: a cached dataclass would be of another class after a reload of this file.
@st.cache_data(max_entries=32, show_spinner=False)
def _walk(
    stamp: str, images: np.ndarray, key: str, index: tuple[int, ...], seed: int, reading: Reading, _run: RunEntry
) -> dict[str, np.ndarray]:
    checkpoint = loading.checkpoint(_run)
    positions = np.array(index)
    x = prepare(images, checkpoint.config.data.preprocessing, seed, key, positions)
    noise = EvaluationNoise(seed, key, positions, 0, [0], checkpoint.model.latent_shapes)
    return {"seen": x.numpy()} | vars(reconstruct(checkpoint.model, x, noise, reading))


def sampled(run: RunEntry, n: int, seed: int) -> np.ndarray:
    """Unconditional samples of a run, `(n, channel, height, width)` float32 in [0, 1], by seed.

    Raises:
        CheckpointError: missing or damaged weights.
    """
    return _sampled(_stamp(run), n, seed, run)


@st.cache_data(max_entries=32, show_spinner=False)
def _sampled(stamp: str, n: int, seed: int, _run: RunEntry) -> np.ndarray:
    model = loading.checkpoint(_run).model
    return unconditional_samples(model, n, torch.Generator().manual_seed(seed))


def _stamp(run: RunEntry) -> str:
    """Changes whenever the weights do."""
    path = Path(run.path) / "model.safetensors"
    return f"{path}@{path.stat().st_mtime_ns}" if path.is_file() else str(path)
