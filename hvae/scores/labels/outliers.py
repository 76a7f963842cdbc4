"""Scores of a classifier that has seen images of another set, called out-of-distribution, in training.

A run is scored on the half of that set that it has not seen (`hvae.runs.images.outliers`).
"""

from typing import ClassVar

from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import Need
from hvae.scores.labels.softmax import ClassifierScore
from hvae.stats.arrays import Floats


class Binary(ClassifierScore):
    """The log-odds of a classifier of in- against out-of-distribution."""

    name: ClassVar[str] = "binary"
    title: ClassVar[str] = "Binary classifier"
    about: ClassVar[str] = (
        "Does the image look more like the outliers of the training than like the model's own images?"
    )
    source: ClassVar[str] = "Ren et al. (2019)"
    needs: ClassVar[tuple[Need, ...]] = ("OOD data",)
    mark: ClassVar[tuple[str, str, str]] = ("binary", "binary", r"\mathrm{binary}")
    task: ClassVar[str] = "binary"
    column: ClassVar[str] = "outlier_logit"


class _Taught(ClassifierScore):
    """-log max_y p(y|x) of a classifier that was taught what to say of outliers."""

    needs: ClassVar[tuple[Need, ...]] = ("labels", "OOD data")

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        return -table.column(self.column)


class NoiseClass(_Taught):
    """-log max_{y <= K} p(y|x) of a classifier of K classes and one of outliers."""

    name: ClassVar[str] = "noise-class"
    title: ClassVar[str] = "Class of outliers"
    about: ClassVar[str] = "How unsure of every class is a classifier that knows outliers as one class more?"
    source: ClassVar[str] = "Ren et al. (2019)"
    mark: ClassVar[tuple[str, str, str]] = ("noise-class", "noise class", r"\mathrm{noise\ class}")
    task: ClassVar[str] = "noise-class"
    column: ClassVar[str] = "known_log_p"


class OutlierExposure(_Taught):
    """-log max_y p(y|x) of a classifier that was to be unsure of images of a set other than those it is tested on."""

    name: ClassVar[str] = "outlier-exposure"
    title: ClassVar[str] = "Outlier exposure"
    about: ClassVar[str] = "How unsure is a classifier that was taught to be unsure of images of yet another set?"
    source: ClassVar[str] = "Hendrycks et al. (2019), eq. 1 and sec. 4.3"
    mark: ClassVar[tuple[str, str, str]] = ("outlier-exposure", "outlier exposure", r"\mathrm{outlier\ exposure}")
    task: ClassVar[str] = "outlier-exposure"
    column: ClassVar[str] = "exposed_log_p"


class Calibrated(_Taught):
    """-log max_y p(y|x) of a classifier that was to be unsure of images of the set that it is tested on."""

    name: ClassVar[str] = "calibrated"
    title: ClassVar[str] = "Calibrated on outliers"
    about: ClassVar[str] = "How unsure is a classifier that was taught to be unsure of such outliers?"
    source: ClassVar[str] = "Lee et al. (2018a), eq. 1"
    mark: ClassVar[tuple[str, str, str]] = ("calibrated", "calibrated", r"\mathrm{calibrated}")
    task: ClassVar[str] = "calibrated"
    column: ClassVar[str] = "calibrated_log_p"
