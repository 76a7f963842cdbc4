"""Scores of a classifier that are arithmetic over log p(class|x), in nats; the numbers are those of `pytorch-ood`."""

import re
from typing import ClassVar

import numpy as np

from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import Need
from hvae.scores.labels.heads import ClassifierScore
from hvae.stats.arrays import Floats


class MaximumProbability(ClassifierScore):
    """-log max_y p(y|x), which orders images as -max_y p(y|x) does: the maximum softmax probability."""

    name: ClassVar[str] = "msp"
    title: ClassVar[str] = "Maximum softmax probability"
    about: ClassVar[str] = "How unsure is a classifier of its first choice?"
    source: ClassVar[str] = "Hendrycks & Gimpel (2017)"
    mark: ClassVar[tuple[str, str, str]] = ("msp", "−log max p(y|x)", r"-\log \max_y p(y|x)")

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        return -log_probabilities(table).max(1)


class PredictiveEntropy(ClassifierScore):
    """-sum_y p(y|x) log p(y|x)."""

    name: ClassVar[str] = "entropy"
    title: ClassVar[str] = "Predictive entropy"
    about: ClassVar[str] = "How evenly does a classifier spread its belief over the classes?"
    source: ClassVar[str] = "Ren et al. (2019)"
    mark: ClassVar[tuple[str, str, str]] = ("entropy", "H(y|x)", r"H(y|x)")

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        logs = log_probabilities(table)
        return -np.sum(np.exp(logs) * logs, axis=1)


class Ensemble(ClassifierScore):
    """-log max_y of the mean of p_m(y|x) over classifiers trained from other seeds."""

    name: ClassVar[str] = "ensemble"
    title: ClassVar[str] = "Ensemble of classifiers"
    about: ClassVar[str] = "How unsure are several classifiers of their common first choice?"
    source: ClassVar[str] = "Lakshminarayanan et al. (2017), sec. 2.4"
    needs: ClassVar[tuple[Need, ...]] = ("labels", "several runs")
    of_single_images: ClassVar[bool] = False
    mark: ClassVar[tuple[str, str, str]] = ("ensemble", "ensemble", r"\mathrm{ensemble}")

    def columns(self, depth: int) -> tuple[str, ...]:
        """Those of the run and of one other at least."""
        return (self.column, f"{self.column}@seed1")

    def taken(self, table: ScoreTable) -> tuple[str, ...]:
        """Every other run that is there takes part."""
        return tuple(str(name) for name in table.frame if re.fullmatch(rf"{self.column}(@seed\d+)?", str(name)))

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        members = [log_probabilities(table, name.removeprefix(self.column)) for name in self.taken(table)]
        return -np.log(np.mean(np.exp(members), axis=0).max(1))


def log_probabilities(table: ScoreTable, of: str = "") -> Floats:
    """log p(y|x), `(n, classes)` float64, of the run, or of another one `@seedM` that was joined."""
    names = [name for name in table.frame if re.fullmatch(rf"log_p_\d+{of}", str(name))]
    return np.column_stack([table.column(str(name)) for name in names])
