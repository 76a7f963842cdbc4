"""One image through a model under several choices of switches, kept."""

import numpy as np

from app.frame.caching import kept
from app.how_it_works.controls import Example
from app.how_it_works.terms import Terms
from app.images import models
from app.reading import loading
from hvae.measuring.noise import EvaluationNoise, prepare
from hvae.measuring.reconstructions import reconstruct_switched
from hvae.runs.folders import RunEntry


def walk(run: RunEntry, one: Example, seed: int, choices: tuple[str, ...]) -> tuple[np.ndarray, dict[str, Terms]]:
    """(what the model sees `(channel, height, width)`, terms by choice), with the noise of `hvae score`."""
    key = models.key_of(one.images)

    def make() -> tuple[np.ndarray, dict[str, Terms]]:
        checkpoint = loading.checkpoint(run)
        model = checkpoint.layered("reconstruct")
        x = prepare(one.images.images, checkpoint.config.data.preprocessing, seed, key, one.index)
        noise = EvaluationNoise(seed, key, one.index, 0, [0], model.latent_shapes)
        found = reconstruct_switched(model, x, noise, choices)
        return x.numpy()[0], {
            choice: Terms(found.means[n, 0], float(found.log_px[n, 0]), found.log_ratios[n, 0])
            for n, choice in enumerate(choices)
        }

    return kept("switched", (models.stamp(run), one.images.fingerprint, key, one.index, seed, choices), make)
