"""Every OOD score by name: the only list of scores, for reports, commands, verdicts, pages and Python."""

import difflib
from collections.abc import Sequence

from hvae.config import Preprocessing
from hvae.errors import ConfigError
from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import Level, Score, computable
from hvae.scores.baselines.pixels import GreyShare, PixelEntropy, PixelStatistics, PngSize, PpcaDensity, ZlibSize
from hvae.scores.densities.dose import DensityOfStates
from hvae.scores.densities.joint import Joint, JointInput
from hvae.scores.densities.typicality import Typicality
from hvae.scores.labels.outliers import Binary, Calibrated, NoiseClass, OutlierExposure
from hvae.scores.labels.softmax import (
    Ensemble,
    FeatureMahalanobis,
    InformationBottleneck,
    MaximumProbability,
    Odin,
    PredictiveEntropy,
)
from hvae.scores.levels.bound import Bound
from hvae.scores.levels.llr import LikelihoodRatio
from hvae.scores.prior_knowledge.complexity import Complexity
from hvae.scores.prior_knowledge.entropy_corrected import EntropyCorrected

SCORES: dict[str, type[Score]] = {
    score.name: score
    for score in (
        Bound,
        LikelihoodRatio,
        Joint,
        JointInput,
        Typicality,
        DensityOfStates,
        EntropyCorrected,
        Complexity,
        MaximumProbability,
        PredictiveEntropy,
        Odin,
        FeatureMahalanobis,
        Ensemble,
        InformationBottleneck,
        OutlierExposure,
        Binary,
        NoiseClass,
        Calibrated,
        PixelEntropy,
        GreyShare,
        ZlibSize,
        PngSize,
        PpcaDensity,
        PixelStatistics,
    )
}
"""In the order of tables and menus; those that no model is needed for come last."""


def find(name: str) -> type[Score]:
    """The score of that name.

    Raises:
        ConfigError: no such score, with those that a title has it in, else the closest names.
    """
    if name in SCORES:
        return SCORES[name]
    titled = [one.name for one in SCORES.values() if name and name.lower() in one.title.lower()]
    close = titled[:3] or difflib.get_close_matches(name.lower(), SCORES, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(close)}?" if close else f"the scores are {', '.join(SCORES)}"
    raise ConfigError(f"there is no score '{name[:60]}': {hint}")


def score(name: str, depth: int, k: Level = None) -> Score:
    """The score of that name at level k, at its usual one where k is None.

    Raises:
        ConfigError: no such score, or no such level in a model of `depth` latent layers.
    """
    kind = find(name)
    levels = kind.levels(depth)
    if k is None:
        return kind(kind.usual_level(depth))
    if k not in levels:
        raise ConfigError(f"{kind.title} has no level k = {k} in a model of {depth} layers; {_words(levels)}")
    return kind(k)


def at_every_level(name: str, depth: int) -> list[Score]:
    """The score of that name at every level of a model of `depth` latent layers."""
    kind = find(name)
    return [kind(k) for k in kind.levels(depth)]


def everything(depth: int, preprocessing: Preprocessing | None = None, density: bool | None = True) -> list[Score]:
    """Every score at every level of a model of `depth` latent layers, in the order of the registry.

    With `preprocessing` those that have something to say of images so taken; of a model of log p(x), of a classifier
    where `density` is False, and of both where it is None.
    """
    names = [
        name
        for name, kind in SCORES.items()
        if preprocessing in (None, *kind.preprocessings) and (density is None or kind.speaks_of(density))
    ]
    return [score for name in names for score in at_every_level(name, depth)]


def of_classifier(tables: Sequence[ScoreTable]) -> list[Score]:
    """What the head of a classifier gives in all these tables of it."""
    named = (kind() for kind in SCORES.values() if not kind.of_density and not kind.model_free)
    return computable(named, tables, None)[0]


def _words(levels: tuple[Level, ...]) -> str:
    return "it has no levels" if levels in ((), (None,)) else f"its levels are {levels[0]} to {levels[-1]}"
