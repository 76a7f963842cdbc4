"""One image through a model under several choices of switches, cached as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.how_it_works.examples import Example
from app.reading import loading
from hvae.measuring.noise import EvaluationNoise, noise_key, prepare
from hvae.measuring.reconstructions import reconstruct_switched
from hvae.runs.folders import RunEntry


@dataclass(frozen=True, eq=False)
class Terms:
    """One image under one choice of switches.

    Attributes:
        mean: `(channel, height, width)` the reconstruction, in [0, 1].
        log_px: log p(x|z) in nats.
        log_ratios: `(layer,)` log r_l in nats, lowest first, NaN where skipped.
    """

    mean: np.ndarray
    log_px: float
    log_ratios: np.ndarray

    @property
    def bound(self) -> float:
        """The sum, in nats."""
        return self.log_px + float(np.nansum(self.log_ratios))


def walk(run: RunEntry, one: Example, seed: int, choices: tuple[str, ...]) -> tuple[np.ndarray, dict[str, Terms]]:
    """(what the model sees `(channel, height, width)`, terms by choice), with the noise of `hvae score`.

    Args:
        run: with weights.
        one: the image.
        seed: of the evaluation.
        choices: letters `q` and `p`, lowest layer first.

    Raises:
        CheckpointError: missing or damaged weights.
        HvaeError: an image that is not of the model's shape.
    """
    key = noise_key(one.images.slug, one.images.split) if one.in_data_set else one.images.slug
    weights = run.path / "model.safetensors"
    stamp = f"{weights}@{weights.stat().st_mtime_ns if weights.is_file() else 0}"
    found = _walk(stamp, one.images.images, key, int(one.index[0]), seed, choices, run)
    return found["seen"][0], {
        choice: Terms(found["means"][n, 0], float(found["log_px"][n, 0]), found["log_ratios"][n, 0])
        for n, choice in enumerate(choices)
    }


# A plain dictionary of arrays: a cached dataclass would be of another class after a reload of this file.
@st.cache_data(max_entries=64, show_spinner=False)
def _walk(
    stamp: str, images: np.ndarray, key: str, index: int, seed: int, choices: tuple[str, ...], _run: RunEntry
) -> dict[str, np.ndarray]:
    checkpoint = loading.checkpoint(_run)
    model = checkpoint.layered("reconstruct")
    position = np.array([index])
    x = prepare(images, checkpoint.config.data.preprocessing, seed, key, position)
    noise = EvaluationNoise(seed, key, position, 0, [0], model.latent_shapes)
    return {"seen": x.numpy()} | vars(reconstruct_switched(model, x, noise, choices))
