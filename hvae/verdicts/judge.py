"""Images from outside x one run -> verdicts: scored as the run's own tables are, then judged by the label-free rule."""

from __future__ import annotations

import lightning
import numpy as np
import pandas as pd

from hvae.datasets import content_index
from hvae.errors import CheckpointError, DataError
from hvae.measuring.scorer import Scorer, settings
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import columns
from hvae.verdicts.rule import Rule

NOISE_KEY = "images"
"""Name of the noise of images without a data set; their content addresses it, so a picture keeps its score under any
file name and in any company."""


class Judge:
    """One run with its rule, ready for images.

    Attributes:
        rule: the label-free rule, and with it the setting (reading, S, R, seed, precision) of every score.
        image_shape: (channel, height, width) that the model takes.
    """

    def __init__(self, run: RunEntry, rule: Rule, *, accelerator: str = "auto", batch_size: int = 256) -> None:
        """Load the run's model.

        Raises:
            CheckpointError: a damaged run, or weights other than those that scored the rule's tables.
        """
        how = settings(
            reading=rule.reading, samples=rule.samples, draws=rule.draws, seed=rule.seed, precision=rule.precision
        )
        fabric = lightning.Fabric(accelerator=accelerator, devices=1, precision=how.precision)
        self.rule, self._run = rule, run.name
        self._scorer = Scorer(run.path, how, fabric, batch_size)
        self.image_shape = self._scorer.config.model.image_shape
        if self._scorer.weights_sha256 != rule.weights_sha256:
            raise CheckpointError(
                f"{run.name}: its reference and calibration tables were made with other weights than it has now; "
                "score both parts again"
            )

    def __call__(self, images: np.ndarray, alpha: float) -> pd.DataFrame:
        """Score and judge images; each on its own, so they may come in any portions.

        Args:
            images: (m, channel, height, width) uint8 of `image_shape`.
            alpha: false-alarm budget, in (0, 1).

        Returns:
            One row an image: the columns of a score table (nats, the mean over the draws), `LLR>1` ... `LLR>L`, and
            those of `hvae.verdicts.rule.Judgement.frame`.

        Raises:
            DataError: images of another shape.
            HvaeError: alpha outside (0, 1).
        """
        if images.shape[1:] != tuple(self.image_shape):
            raise DataError(
                f"{self._run} takes images of shape {tuple(self.image_shape)}, these are {images.shape[1:]}"
            )
        index = np.array([content_index(image) for image in images])
        values = self._scorer.values(images, NOISE_KEY, index).mean(0)
        # Rounded as a stored table is, so that an image ranks as it would there.
        frame = pd.DataFrame(values.astype(np.float32), columns=columns(self.rule.depth, 1)[2:]).astype(np.float64)
        for k in range(1, self.rule.depth + 1):
            frame[f"LLR>{k}"] = frame["iw"] - frame[f"L>{k}"]
        ratios = frame[[f"LLR>{k}" for k in range(1, self.rule.depth + 1)]].to_numpy()
        return pd.concat([frame, self.rule.judge(ratios).frame(alpha)], axis=1)
