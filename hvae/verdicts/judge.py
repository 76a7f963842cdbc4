"""Images from outside x one run -> verdicts: measured as its own tables are, then judged by the label-free rule."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hvae import scores as registry
from hvae.datasets.own.caveats import Caveat, in_words
from hvae.datasets.own.doubts import of_image
from hvae.datasets.own.preparing import Treatment
from hvae.errors import CheckpointError, TableError
from hvae.measuring.scorer import Measurer
from hvae.runs.folders import RunEntry
from hvae.verdicts.rule import Rule


class Judge:
    """One run with its rule, ready for images of the `image_shape` (channel, height, width) that its model takes."""

    def __init__(self, run: RunEntry, rule: Rule, *, accelerator: str = "auto") -> None:
        """Load the run's model.

        Raises:
            CheckpointError: a damaged run, or weights other than those that scored the rule's tables.
            TableError: a score that no single image has.
        """
        if not (kind := registry.find(rule.score)).of_single_images:
            raise TableError(f"{kind.title} is measured of whole image sets, not of single images: judge by another")
        self.rule = rule
        self._measurer = Measurer(run, rule.setting, accelerator=accelerator)
        self.image_shape = self._measurer.image_shape
        self._as_they_are = Treatment(self.image_shape, like=run.config.data.name if run.config else "")
        if self._measurer.weights_sha256 != rule.weights_sha256:
            raise CheckpointError(
                f"{run.name}: its reference and calibration tables were made with other weights than it has now; "
                "score both parts again"
            )

    def __call__(
        self, images: np.ndarray, alpha: float, caveats: Sequence[Sequence[Caveat]] | None = None
    ) -> pd.DataFrame:
        """Score and judge (m, channel, height, width) uint8 images; each on its own, so they may come in any portions.

        One row an image: its `caveats` (KIND: SENTENCE; ...), what cannot be known of it whatever the model says: those
        given, one sequence an image, else those that its pixels show; the statistics of a score table (nats), every
        score of the registry that they give by its label (`LLR>1`, ...), and the columns of
        `hvae.verdicts.judgement.Judgement.frame` at the false-alarm budget `alpha`.

        Raises:
            DataError: images of another shape.
            HvaeError: alpha outside (0, 1).
        """
        table = self._measurer.table(images)
        statistics = table.frame.drop(columns=["example", "label"])
        wanted = registry.everything(table.metadata.depth, task=table.metadata.task)
        found, _ = registry.computable(wanted, (table,), self.rule.reference)
        scores = pd.DataFrame({score.label: score.of(table, self.rule.reference) for score in found})
        known = caveats or [of_image(image, self._as_they_are) for image in images]
        said = pd.DataFrame({"caveats": list(map(in_words, known))})
        return pd.concat([said, statistics, scores, self.rule.judge(table).frame(alpha)], axis=1)
