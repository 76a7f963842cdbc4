"""A trained run as a Python object: score, judge and rebuild images in a line each.

Only what is asked for is loaded: `load` reads a configuration, torch comes with the first image.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hvae import scores as registry
from hvae.errors import ConfigError, DataError, HvaeError
from hvae.runs.catalogue import Catalogue, catalogue
from hvae.runs.folders import RunEntry, find_run
from hvae.runs.settings import Setting
from hvae.verdicts.rule import Statistic, rule

ALPHA = 0.05


def load(run: str | Path) -> LoadedRun:
    """A run by its name (see `hvae runs list`) or folder; `HvaeError` if there is none, or it is damaged."""
    return LoadedRun(find_run(str(run)))


class LoadedRun:
    """One run, ready for images.

    Images are a numpy or torch batch of 8-bit values in the shape that the model takes: `(n, channel, height, width)`,
    `(n, height, width, channel)`, or `(n, height, width)` for grey ones.
    """

    def __init__(self, run: RunEntry) -> None:
        """Hold on to a run; `HvaeError` if its configuration is damaged."""
        if run.config is None:
            raise HvaeError(f"{run.path} is damaged: {run.problem}")
        self.run, self.name = run, run.name
        self.image_shape = run.config.model.image_shape
        """(channel, height, width) that the model takes."""
        self.depth = run.config.model.depth
        """Number of latent layers L."""

    def score(self, images: Any, scores: Sequence[str] = ("llr",), setting: Setting | None = None) -> pd.DataFrame:
        """OOD scores of images in nats, higher = more out-of-distribution; one row an image of the batch.

        `scores` are names in `hvae.scores.SCORES`; each gives a column a level: `LLR>1` ... `LLR>L`. The `setting`
        (reading, S, R, seed, precision) is by default that of the run's reference part, else the usual one.

        Raises:
            ConfigError: an unknown score.
            DataError: images of another shape or type.
            TableError: a score that needs what the run has not, such as scores of its reference part.
        """
        pixels = self._pixels(images)
        from hvae.measuring.scorer import Measurer

        wanted = [score for name in scores for score in registry.at_every_level(name, self.depth)]
        setting = setting or next(iter(self._catalogue.rule_settings()), Setting())
        table = Measurer(self.run, setting).table(pixels)
        reference = None
        if any(score.needs_reference for score in wanted):
            found = self._catalogue
            entry = found.find(found.own or "", setting, ("reference",))
            reference = found.read(entry) if entry else None
        return pd.DataFrame({score.label: score.of(table, reference) for score in wanted})

    def judge(
        self,
        images: Any,
        alpha: float = ALPHA,
        *,
        score: str | None = None,
        two_sided: bool = False,
        statistic: Statistic = "rank",
        setting: Setting | None = None,
    ) -> pd.DataFrame:
        """Verdicts of the label-free rule: is each image unlike what the model knows?

        One row an image: statistics, scores and the parts of the one that judges in nats, tail ranks, where the image
        `differs_at`, `p` with its interval, `ood`, `verdict`. The frame's `attrs` name the `score` that judged, the
        `statistic`, and what has to be known of it, the `note`. `alpha` is the share of false alarms allowed, in
        (0, 1); the others are as `hvae.verdicts.rule.rule` has them.

        Raises:
            ConfigError: an unknown score.
            DataError: images of another shape or type.
            TableError: the parts are not scored, with the command that scores them; or the calibration part is so small
                that nothing could be an alarm, with the size it takes.
        """
        from hvae.verdicts.judge import Judge

        pixels = self._pixels(images)
        made = rule(self._catalogue, setting, score=score, two_sided=two_sided, statistic=statistic)
        made.require(alpha)
        frame = Judge(self.run, made)(pixels, alpha)
        frame.attrs = {"score": made.score, "statistic": made.statistic, "note": made.note}
        return frame

    def reconstruct(
        self, images: Any, levels: Sequence[int] | None = None, *, draws: int = 1, seed: int = 0
    ) -> np.ndarray:
        """What images look like with the k lowest latents from the prior (Havtorn et al., 2021, Fig. 1).

        `(level, n, channel, height, width)` float32 in [0, 1], the mean of `draws` repeats whose noise is that of the
        `seed`. `levels` are values of k, by default 0 ... L, 0 with every latent from the posterior.

        Raises:
            ConfigError: a level that the model has not.
            DataError: images of another shape or type.
        """
        from hvae.datasets import LOOSE, content_index
        from hvae.measuring.reconstructions import reconstruct_repeatedly
        from hvae.runs.checkpoints import load_checkpoint

        pixels = self._pixels(images)
        chosen = list(range(self.depth + 1)) if levels is None else list(levels)
        if unknown := [k for k in chosen if not 0 <= k <= self.depth]:
            raise ConfigError(f"level {unknown[0]} is outside 0..{self.depth}, the levels of {self.name}")
        checkpoint = load_checkpoint(self.run.path)
        result = reconstruct_repeatedly(
            checkpoint.layered("reconstruct"),
            pixels,
            np.array([content_index(image) for image in pixels]),
            preprocessing=checkpoint.config.data.preprocessing,
            key=LOOSE,
            seed=seed,
            draws=draws,
        )
        return result.pictures()[chosen]

    @cached_property
    def _catalogue(self) -> Catalogue:
        return catalogue(self.run)

    def _pixels(self, images: Any) -> np.ndarray:
        """The batch as (n, channel, height, width) uint8."""
        pixels = np.asarray(images)
        channels, height, width = self.image_shape
        if pixels.dtype != np.uint8:
            raise DataError(f"images must be 8-bit values (uint8, 0 to 255), these are {pixels.dtype}")
        if channels == 1 and pixels.shape[1:] == (height, width):
            pixels = pixels[:, None]
        elif pixels.shape[1:] == (height, width, channels) and pixels.shape[1:] != self.image_shape:
            pixels = pixels.transpose(0, 3, 1, 2)
        if pixels.ndim != 4 or pixels.shape[1:] != self.image_shape or not len(pixels):
            raise DataError(
                f"{self.name} takes images of shape (n, {channels}, {height}, {width}), these are {np.shape(images)}"
            )
        return np.ascontiguousarray(pixels)
