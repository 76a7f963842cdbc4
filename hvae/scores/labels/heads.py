"""Scores that the head of a classifier measures itself: one column of a table each.

ODIN and the distance of the features take the network, so they are measured (`hvae.models.classifier.heads`). Heads
that need outliers have seen images of another set, called out-of-distribution, in training; a run is scored on the half
of that set that it has not seen (`hvae.runs.images.outliers`).
"""

from collections.abc import Sequence
from typing import ClassVar

from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import Need, SingleScore
from hvae.stats.arrays import Floats


class ClassifierScore(SingleScore):
    """A score of a classifier, as it was measured."""

    task: ClassVar[str] = "softmax"
    units: ClassVar[tuple[str, ...]] = ("nats",)
    needs: ClassVar[tuple[Need, ...]] = ("labels",)
    column: ClassVar[str] = "log_p_1"
    sign: ClassVar[int] = 1
    """-1 for a column that is low where an image is out-of-distribution."""
    cost: ClassVar[int] = 1
    """Passes through the network of each run, a backward one counted as one."""

    def columns(self, depth: int) -> tuple[str, ...]:
        """What its head measures; of one log-probability a class the first stands for all."""
        return (self.column,)

    def passes(self, depth: int, samples: int = 1, draws: int = 1, taken: Sequence[str] | None = None) -> int:
        """What it costs, for each draw and each run that takes part: one column stands for each."""
        return draws * self.cost * len(self.columns(depth) if taken is None else taken)

    def _train(self) -> str:
        preset = "classifier" if self.task == "softmax" else self.task
        return f": hvae train fashionmnist-{preset}"

    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        return self.sign * table.column(self.column)


def _measured(meaning: str, mark: tuple[str, str, str], **declared: object) -> type[ClassifierScore]:
    """The score that one column of a classifier is; `declared` are class variables of `ClassifierScore`."""
    # Called as it is below, or it could not be pickled.
    return type("".join(map(str.title, str(declared["name"]).split("-"))), (ClassifierScore,), {
        "__doc__": meaning, "__module__": __name__, "mark": mark, **declared,
    })  # fmt: skip


Odin = _measured(
    "-log max_y p(y|x') at a high temperature, x' a small step from x towards more confidence.",
    ("ODIN", "ODIN", r"\mathrm{ODIN}"), name="odin", title="ODIN", column="odin", cost=3,
    about="How unsure is a classifier after a small step of the pixels towards its first choice?",
    source="Liang et al. (2018), eqs 1 and 2, with one T and epsilon for all sets",
)  # fmt: skip
Mahalanobis = _measured(
    "1/2 min_c (f(x) - mu_c)' Sigma^-1 (f(x) - mu_c), f the last features, one covariance for all classes.",
    ("Mahalanobis", "Mahalanobis", r"\mathrm{Mahalanobis}"), name="mahalanobis", title="Feature Mahalanobis",
    about="How far are a classifier's features of the image from those of the nearest class?", column="mahalanobis",
    source="Lee et al. (2018b), eqs 1 and 2, of the last features and without a step of the pixels",
)  # fmt: skip
Vib = _measured(
    "The rate log q(z|x) - log m(z): how many nats the code of the image takes beside the marginal of all codes.",
    ("VIB", "VIB rate", r"\mathrm{VIB}"), name="vib", title="Information bottleneck", task="vib", column="rate",
    about="How unusual is the code that a classifier's bottleneck makes of the image?",
    source="Alemi et al. (2018), the rate R; objective of Alemi et al. (2017), eq. 17",
)  # fmt: skip
Binary = _measured(
    "The log-odds of a classifier of in- against out-of-distribution.",
    ("binary", "binary", r"\mathrm{binary}"), name="binary", title="Binary classifier", task="binary",
    about="Does the image look more like the outliers shown in training than like the training images?",
    source="Ren et al. (2019)", needs=("OOD data",), column="outlier_logit",
)  # fmt: skip
_TAUGHT = {"needs": ("labels", "OOD data"), "sign": -1}
"""A classifier that was taught what to say of outliers: -log max_y p(y|x)."""
NoiseClass = _measured(
    "-log max_{y <= K} p(y|x) of a classifier of K classes and one of outliers.",
    ("noise-class", "noise class", r"\mathrm{noise\ class}"), name="noise-class", title="Class of outliers",
    about="How unsure of every class is a classifier that knows outliers as one class more?", task="noise-class",
    source="Ren et al. (2019)", column="known_log_p", **_TAUGHT,
)  # fmt: skip
OutlierExposure = _measured(
    "-log max_y p(y|x) of a classifier that was to be unsure of images of a set other than those it is tested on.",
    ("outlier-exposure", "outlier exposure", r"\mathrm{outlier\ exposure}"), name="outlier-exposure",
    title="Outlier exposure", task="outlier-exposure", column="exposed_log_p", **_TAUGHT,
    about="How unsure is a classifier that was taught to be unsure of images of yet another set?",
    source="Hendrycks et al. (2019), eq. 1 and sec. 4.3",
)  # fmt: skip
Calibrated = _measured(
    "-log max_y p(y|x) of a classifier that was to be unsure of images of the set that it is tested on.",
    ("calibrated", "calibrated", r"\mathrm{calibrated}"), name="calibrated", title="Calibrated on outliers",
    about="How unsure is a classifier that was taught to be unsure of such outliers?", task="calibrated",
    source="Lee et al. (2018a), eq. 1", column="calibrated_log_p", **_TAUGHT,
)  # fmt: skip
