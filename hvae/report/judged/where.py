"""Where an image is lost: maps of log p(x|z) with every z from the image minus that with the lowest from the prior.

The mathematics is that of `hvae.measuring.reconstructions`; here maps are made for a report, and painted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hvae.datasets import LOOSE, content_index
from hvae.errors import HvaeError
from hvae.scores import find

if TYPE_CHECKING:
    from hvae.runs.checkpoints import Checkpoint
    from hvae.runs.folders import RunEntry
    from hvae.verdicts.asked import Settings

MOST_DRAWS = 16
"""Tables with more draws are rebuilt with one: a person waits for it."""
_DIVERGING = (
    "#2D004B", "#542788", "#8073AC", "#B2ABD2", "#D8DAEB", "#F7F7F7", "#FEE0B6", "#FDB863", "#E08214", "#B35806",
    "#7F3B08",
)  # fmt: skip
"""Violet over white to orange (ColorBrewer's PuOr, turned round): told apart by every kind of colour blindness."""
LOW_END = "{low:.0f} nats: predicted better from the prior"
HIGH_END = "{high:.0f} nats or more: the image was needed for it"
"""What the ends of the scale mean."""


@dataclass(frozen=True, eq=False)
class Where:
    """Maps of some images by their row, `(height, width)` in nats; empty where the model has no levels."""

    maps: Mapping[int, np.ndarray] = field(default_factory=dict)
    k: int = 1
    """Latents z_1 ... z_k come from the prior."""
    most: float = 7.0
    """Nats at the high end of the colour scale; its low end is as far below 0."""
    draws: int = 1
    missing: str = ""
    """Why there are no maps of a model that has levels, in a sentence."""


def diverging() -> np.ndarray:
    """The colour scale of the maps, `(256, 3)` uint8, lowest first."""
    stops = np.array([[int(one[at : at + 2], 16) for at in (1, 3, 5)] for one in _DIVERGING])
    places, steps = np.linspace(0, len(stops) - 1, 256), np.arange(len(stops))
    return np.stack([np.rint(np.interp(places, steps, stops[:, channel])) for channel in range(3)], 1).astype(np.uint8)


def through_scale(values: np.ndarray, low: float, high: float, scale: np.ndarray) -> np.ndarray:
    """`(height, width)` values, clipped to [low, high], as `(height, width, 3)` uint8 pixels of a colour scale."""
    position = np.clip((values - low) / (high - low), 0, 1)
    return scale[np.rint(position * 255).astype(np.intp)]


def where(
    run: RunEntry | None,
    settings: Settings,
    images: Mapping[int, np.ndarray],
    load: Callable[[RunEntry], Checkpoint] | None = None,
) -> Where:
    """Maps of images `(channel, height, width)` uint8 by their row, with the noise that judged them.

    `run` is None where the one that judged is gone; `load` gives its model on the CPU.
    """
    if not settings.depth or not images:
        return Where()
    if run is None or run.config is None or not run.has_weights:
        why = f"the weights of {settings.run} are not here"
        return Where(missing=f"Where in the image the evidence lies is not shown: {why}.")
    if run.config.model.inability("reconstruct"):
        return Where()
    try:
        return _measured(load(run) if load else _loaded(run), settings, images)
    except HvaeError as error:
        return Where(missing=f"Where in the image the evidence lies is not shown: {error}.")


def _loaded(run: RunEntry) -> Checkpoint:
    from hvae.runs.checkpoints import load_checkpoint

    return load_checkpoint(run.path)


def _measured(checkpoint: Checkpoint, settings: Settings, images: Mapping[int, np.ndarray]) -> Where:
    from hvae.measuring.reconstructions import reconstruct_repeatedly

    if settings.weights_sha256 not in ("", checkpoint.weights_sha256):
        raise HvaeError(f"{settings.run} has other weights now than those that judged")
    rows, pixels, how = list(images), np.stack(list(images.values())), settings.setting
    walked = reconstruct_repeatedly(
        checkpoint.layered("reconstruct"),
        pixels,
        np.array([content_index(image) for image in pixels]),
        preprocessing=checkpoint.config.data.preprocessing,
        key=LOOSE,
        seed=how.seed,
        draws=how.draws if how.draws <= MOST_DRAWS else 1,
        reading=how.reading,
        noise=how.noise,
    )
    # The level at which the inspector takes a bound apart.
    k = min(find(settings.score).usual_level(settings.depth) or 1, walked.depth)
    shown = "log p(x|z) lost"
    return Where(dict(zip(rows, walked.maps(shown)[k], strict=True)), k, walked.range_of(shown)[1], walked.draws)
