"""Run -> robustness card: its own test images, changed more and more, told from others that are as they were.

Every family of `hvae.datasets.families` is scored as the run's reference part is. Finished strengths wait in
`card/.partial/`, so an interrupted measurement continues where it stopped.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import Timeout

from hvae import __version__, stats
from hvae import scores as registry
from hvae.datasets import ImageSet
from hvae.datasets.families import FAMILIES
from hvae.errors import CheckpointError, DataError, TableError
from hvae.files import read_sealed, run_lock, write_sealed
from hvae.measuring.scorer import Measurer
from hvae.runs.folders import RunEntry
from hvae.runs.measured.cards import FOLDER, MAXIMUM_BYTES, UNALTERED, Card, CardMetadata, write_card
from hvae.runs.score_tables import ScoreTable
from hvae.scores import Score
from hvae.stats import conformal

BUDGET = 0.05
"""Share of false alarms at which images are caught."""
MODEL_SCORES, DENSITY_SCORES = ("joint", "llr"), ("bound", "typicality")
"""Of a model with latent layers and of one without, each at its usual level; beside every score that needs no model."""


def card_scores(reference: ScoreTable, *others: ScoreTable) -> tuple[list[Score], list[str]]:
    """The scores of a card that all tables of a run give, and one line for each that is left out.

    They are `MODEL_SCORES`, or `DENSITY_SCORES` of a model without latent layers, or what the head of a classifier
    gives; and the baselines.
    """
    kinds = registry.SCORES.items()
    depth = reference.metadata.depth
    of_model = MODEL_SCORES if depth else DENSITY_SCORES
    if reference.metadata.task:
        of_model = tuple(one.name for one in registry.of_classifier((reference, *others)))
    names = [*of_model, *(name for name, kind in kinds if kind.model_free and kind.of_single_images)]
    wanted = [registry.score(name, depth) for name in names]
    return registry.computable(wanted, (reference, *others), reference)


def measure_card(
    run: RunEntry,
    images: ImageSet,
    reference: ScoreTable,
    calibration: ScoreTable,
    n: int = 500,
    *,
    batch_size: int = 64,
    accelerator: str = "auto",
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Measure and store the card of a run; its path.

    Scores are fitted to the `reference` part of the run's own training set and thresholds come from the `calibration`
    part; a score that they do not give is left out, see `card_scores`. The setting and its seed are theirs.

    `n` test images are changed and as many others stay as they are, spread evenly over `images`; of a smaller set half
    of all. `on_progress` is called with (images done, in all).

    Raises:
        CheckpointError: a damaged run, one measured by another process, or weights other than those of the parts.
        DataError: fewer than four images.
        TableError: the parts give no score, and what is missing.
    """
    if len(images) < 4 or n < 2:
        raise DataError(f"{images.slug} ({images.split}): a card needs at least 4 images, and 2 to change")
    try:
        with run_lock(run.path / FOLDER):
            how = reference.metadata.setting
            measurer = Measurer(run, how, accelerator=accelerator, batch_size=batch_size)
            card = _Measuring(run, images.spread(2 * n), reference, calibration, measurer)
            return card.run(on_progress or (lambda done, total: None))
    except Timeout:
        raise CheckpointError(f"another process measures the card of {run.name}: wait until it ends") from None


class _Measuring:
    """One card."""

    def __init__(
        self, run: RunEntry, images: ImageSet, reference: ScoreTable, calibration: ScoreTable, measurer: Measurer
    ) -> None:
        self.folder, self.reference, self.measurer = run.path, reference, measurer
        self.changed, self.unaltered = images.images[0::2], images.images[1::2]
        known = reference.metadata
        if known.weights_sha256 != measurer.weights_sha256:
            raise CheckpointError(
                f"{run.name}: its reference and calibration tables were made with other weights than it has now; "
                "score both parts again"
            )
        self.metadata = CardMetadata(
            slug=images.slug,
            split=images.split,
            **known.setting.fields,
            depth=known.depth,
            n=len(self.changed),
            n_unaltered=len(self.unaltered),
            n_calibration=len(calibration),
            budget=BUDGET,
            weights_sha256=known.weights_sha256,
            data_fingerprint=images.fingerprint,
            version=__version__,
        )
        table = measurer.table(self.unaltered)
        self.scores, problems = card_scores(reference, calibration, table)
        if not self.scores:
            raise TableError(f"{run.name}: {problems[0]}")
        self.others = {score.label: score.of(table, reference) for score in self.scores}
        self.thresholds = {score.label: score.of(calibration, reference) for score in self.scores}
        identity = hashlib.sha256(repr((self.metadata, known.data_fingerprint, list(self.others))).encode())
        self.partial = run.path / FOLDER / ".partial" / f"{self.metadata.file_name}.{identity.hexdigest()[:12]}"

    def run(self, on_progress: Callable[[int, int], None]) -> Path:
        """Measure what is missing, then write the card."""
        points = [(UNALTERED, 0.0)] + [(one.name, float(s)) for one in FAMILIES.values() for s in one.strengths]
        total = len(points) * len(self.changed) + len(self.unaltered)
        rows: list[dict[str, object]] = []
        for number, (family, strength) in enumerate(points, start=1):
            rows += self._finished(family, strength) or self._rows(family, strength)
            on_progress(len(self.unaltered) + number * len(self.changed), total)
        path = write_card(self.folder, Card(pd.DataFrame(rows), self.metadata))
        shutil.rmtree(self.partial, ignore_errors=True)
        return path

    def _path(self, family: str, strength: float) -> Path:
        return self.partial / f"{family}-{strength:g}.json"

    def _finished(self, family: str, strength: float) -> list[dict[str, object]] | None:
        """Rows measured before, None where they are missing or damaged."""
        content = read_sealed(self._path(family, strength), MAXIMUM_BYTES)
        return None if content is None else json.loads(content)

    def _rows(self, family: str, strength: float) -> list[dict[str, object]]:
        """Measure one strength of a family: a row a score."""
        images = FAMILIES[family].of(self.changed, strength, self.metadata.seed) if strength else self.changed
        table, rows = self.measurer.table(images), []
        for score in self.scores:
            own = score.of(table, self.reference)
            area = stats.auroc(self.others[score.label], own)
            p = conformal.p_values(-self.thresholds[score.label], -own)
            row = {"family": family, "strength": strength, "score": score.label, "auroc": area.value}
            rows.append(row | {"auroc_low": area.low, "auroc_high": area.high, "caught": float(np.mean(p <= BUDGET))})
        write_sealed(self._path(family, strength), json.dumps(rows).encode())
        return rows
