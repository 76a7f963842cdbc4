"""Scores of a classifier trained on the labels alone.

Those that are arithmetic over log p(class|x) are computed here, in nats; ODIN and the distance of the features take the
network, so they are measured (`hvae.models.classifier.heads`). The numbers are those of `pytorch-ood`.
"""

import re
from typing import ClassVar

import numpy as np

from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import Need, SingleScore
from hvae.stats.arrays import Floats


class ClassifierScore(SingleScore):
    """A score of a classifier, as it was measured."""

    task: ClassVar[str] = "softmax"
    units: ClassVar[tuple[str, ...]] = ("nats",)
    needs: ClassVar[tuple[Need, ...]] = ("labels",)
    column: ClassVar[str] = "log_p_1"
    cost: ClassVar[int] = 1
    """Passes through the network, a backward one counted as one."""

    def columns(self, depth: int) -> tuple[str, ...]:
        """What its head measures; of one log-probability a class the first stands for all."""
        return (self.column,)

    def passes(self, depth: int, samples: int = 1, draws: int = 1) -> int:
        """One for each draw, or what it says of itself."""
        return draws * self.cost

    def _train(self) -> str:
        preset = "classifier" if self.task == "softmax" else self.task
        return f": hvae train fashionmnist-{preset}"

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        return table.column(self.column)


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


class Odin(ClassifierScore):
    """-log max_y p(y|x') at a high temperature, x' a small step from x towards more confidence."""

    name: ClassVar[str] = "odin"
    title: ClassVar[str] = "ODIN"
    about: ClassVar[str] = "How unsure is a classifier after a small step of the pixels towards its first choice?"
    source: ClassVar[str] = "Liang et al. (2018), eqs 1 and 2, with one T and epsilon for all sets"
    mark: ClassVar[tuple[str, str, str]] = ("ODIN", "ODIN", r"\mathrm{ODIN}")
    column: ClassVar[str] = "odin"
    cost: ClassVar[int] = 3


class FeatureMahalanobis(ClassifierScore):
    """1/2 min_c (f(x) - mu_c)' Sigma^-1 (f(x) - mu_c), f the last features, one covariance for all classes."""

    name: ClassVar[str] = "mahalanobis"
    title: ClassVar[str] = "Feature Mahalanobis"
    about: ClassVar[str] = "How far are a classifier's features of the image from those of the nearest class?"
    source: ClassVar[str] = "Lee et al. (2018b), eqs 1 and 2, of the last features and without a step of the pixels"
    mark: ClassVar[tuple[str, str, str]] = ("Mahalanobis", "Mahalanobis", r"\mathrm{Mahalanobis}")
    column: ClassVar[str] = "mahalanobis"


class Ensemble(ClassifierScore):
    """-log max_y of the mean of p_m(y|x) over classifiers trained from other seeds."""

    name: ClassVar[str] = "ensemble"
    title: ClassVar[str] = "Ensemble of classifiers"
    about: ClassVar[str] = "How unsure are several classifiers of their common first choice?"
    source: ClassVar[str] = "Lakshminarayanan et al. (2017), sec. 2.4"
    needs: ClassVar[tuple[Need, ...]] = ("labels", "several runs")
    of_single_images: ClassVar[bool] = False
    mark: ClassVar[tuple[str, str, str]] = ("ensemble", "ensemble", r"\mathrm{ensemble}")
    cost: ClassVar[int] = 2

    def columns(self, depth: int) -> tuple[str, ...]:
        """Those of the run and of one other at least; every other one that is there takes part."""
        return (self.column, f"{self.column}@seed1")

    def passes_of(self, table: ScoreTable) -> int:
        """One for each classifier that takes part."""
        return table.metadata.draws * len(self._members(table))

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        members = [log_probabilities(table, run) for run in self._members(table)]
        return -np.log(np.mean(np.exp(members), axis=0).max(1))

    def _members(self, table: ScoreTable) -> list[str]:
        """Marks of the classifiers whose columns a table has, its own with none."""
        seeds = f"{self.column}@seed"
        return ["", *(str(name).removeprefix(self.column) for name in table.frame if str(name).startswith(seeds))]


class InformationBottleneck(ClassifierScore):
    """The rate log q(z|x) - log m(z): how many nats the code of the image takes beside the marginal of all codes."""

    name: ClassVar[str] = "vib"
    title: ClassVar[str] = "Information bottleneck"
    about: ClassVar[str] = "How unusual is the code that a classifier's bottleneck makes of the image?"
    source: ClassVar[str] = "Alemi et al. (2018), the rate R; objective of Alemi et al. (2017), eq. 17"
    mark: ClassVar[tuple[str, str, str]] = ("VIB", "VIB rate", r"\mathrm{VIB}")
    task: ClassVar[str] = "vib"
    column: ClassVar[str] = "rate"


def log_probabilities(table: ScoreTable, of: str = "") -> Floats:
    """log p(y|x), `(n, classes)` float64, of the run, or of another one `@seedM` that was joined."""
    names = [name for name in table.frame if re.fullmatch(rf"log_p_\d+{of}", str(name))]
    return np.column_stack([table.column(str(name)) for name in names])
