"""Images through a model, cached. Imports torch, so pages import it only once their text stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
import torch

from app.reading import loading
from hvae.datasets import ImageSet
from hvae.errors import DataError
from hvae.measuring.noise import noise_key
from hvae.measuring.reconstructions import RepeatedReconstructions, reconstruct_repeatedly, unconditional_samples
from hvae.models.proposal import Reading
from hvae.runs.folders import RunEntry


def walk(
    run: RunEntry, images: ImageSet, index: np.ndarray, seed: int, reading: Reading, draws: int = 1
) -> RepeatedReconstructions:
    """Reconstructions of some images at every level.

    Binarisation and noise are those of `hvae score` for the same seed, draws, data set, split and position.

    Args:
        run: with weights.
        images: only the shown ones, `(n, ...)`.
        index: `(n,)` their positions in the data set, which address the noise.
        seed: of the evaluation.
        reading: of L^{>k}.
        draws: R, how often to binarise and sample afresh.

    Raises:
        CheckpointError: missing or damaged weights.
        DataError: images that are not of the model's shape.
    """
    checkpoint = loading.checkpoint(run)
    if images.shape != tuple(checkpoint.config.model.image_shape):
        raise DataError(
            f"{run.name} takes images of shape {tuple(checkpoint.config.model.image_shape)}, these are {images.shape}"
        )
    # Pictures without a data set have no split either; their position already names their content.
    key = noise_key(images.slug, images.split) if images.split else images.slug
    positions = tuple(int(position) for position in index)
    found = _walk(_stamp(run), images.images, key, positions, seed, reading, draws, run)
    return RepeatedReconstructions(**found)


# A plain dictionary: a cached dataclass would be of another class after a reload of this file. Twelve of
# them are 40 MB for grey images and 350 MB for the deepest colour model with every row and draw.
@st.cache_data(max_entries=12, show_spinner=False)
def _walk(
    stamp: str,
    images: np.ndarray,
    key: str,
    index: tuple[int, ...],
    seed: int,
    reading: Reading,
    draws: int,
    _run: RunEntry,
) -> dict[str, Any]:
    checkpoint = loading.checkpoint(_run)
    return vars(
        reconstruct_repeatedly(
            checkpoint.layered("reconstruct"),
            images,
            np.array(index),
            preprocessing=checkpoint.config.data.preprocessing,
            key=key,
            seed=seed,
            draws=draws,
            reading=reading,
        )
    )


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
