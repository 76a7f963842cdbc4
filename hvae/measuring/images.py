"""Images from outside x one run -> a score table in memory, measured as the run's own tables are."""

from __future__ import annotations

import lightning
import numpy as np
import pandas as pd

from hvae.datasets import content_index
from hvae.errors import DataError
from hvae.measuring.pixels import pixel_statistics
from hvae.measuring.scorer import Scorer
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable
from hvae.runs.settings import Setting

NOISE_KEY = "images"
"""Name of the noise of images without a data set; their content addresses it, so a picture keeps its score under any
file name and in any company."""


class Measurer:
    """One run, ready to measure images from outside.

    Attributes:
        setting: reading, S, R, seed and precision.
        image_shape: (channel, height, width) that the model takes.
    """

    def __init__(self, run: RunEntry, setting: Setting, *, accelerator: str = "auto", batch_size: int = 256) -> None:
        """Load the run's model.

        Raises:
            CheckpointError: a damaged run.
        """
        fabric = lightning.Fabric(accelerator=accelerator, devices=1, precision=setting.precision)
        self.setting, self._run = setting, run.name
        self._scorer = Scorer(run.path, setting, fabric, batch_size)
        self.image_shape = self._scorer.config.model.image_shape

    @property
    def weights_sha256(self) -> str:
        """Of the weights."""
        return self._scorer.weights_sha256

    def table(self, images: np.ndarray) -> ScoreTable:
        """A score table in memory of images (m, channel, height, width) uint8, statistics of the pixels among them.

        Values are in nats, the mean over the draws; each image is on its own, so they may come in any portions.

        Raises:
            DataError: images of another shape or type.
        """
        if images.dtype != np.uint8 or images.shape[1:] != tuple(self.image_shape):
            raise DataError(
                f"{self._run} takes uint8 images of shape {tuple(self.image_shape)}, these are {images.dtype} of shape "
                f"{images.shape[1:]}"
            )
        index = np.array([content_index(image) for image in images])
        means = self._scorer.values(images, NOISE_KEY, index).mean(0)
        # Rounded as a stored table is, so that an image ranks as it would there.
        frame = pd.DataFrame(means.astype(np.float32), columns=self._scorer.columns)
        frame = pd.concat([frame, pixel_statistics(images)], axis=1).astype(np.float64)
        frame.insert(0, "example", np.arange(len(images)))
        frame.insert(1, "label", 0)
        about = self._scorer.about(data="images", slug="images", split="all", data_fingerprint="")
        return ScoreTable(frame, about, self._run)
