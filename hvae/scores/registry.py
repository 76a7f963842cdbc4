"""Every OOD score by name: the only list of scores, for reports, commands, verdicts, pages and Python."""

import difflib
import re
from collections.abc import Sequence

from hvae.config import Preprocessing
from hvae.errors import ConfigError
from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import Level, Score, computable, spanned
from hvae.scores.baselines.pixels import GreyShare, PixelEntropy, PixelStatistics, PngSize, PpcaDensity, ZlibSize
from hvae.scores.densities.dose import DensityOfStates
from hvae.scores.densities.joint import Joint, JointInput
from hvae.scores.densities.typicality import BatchTypicality, Typicality
from hvae.scores.densities.waic import Waic
from hvae.scores.labels.heads import Binary, Calibrated, Mahalanobis, NoiseClass, Odin, OutlierExposure, Vib
from hvae.scores.labels.softmax import Ensemble, MaximumProbability, PredictiveEntropy
from hvae.scores.levels.bound import Bound
from hvae.scores.levels.complementary import Complementary
from hvae.scores.levels.llr import LikelihoodRatio
from hvae.scores.levels.lpath import LikelihoodPath
from hvae.scores.levels.regret import LikelihoodRegret
from hvae.scores.prior_knowledge.background import BackgroundRatio
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
        BatchTypicality,
        DensityOfStates,
        Waic,
        Complementary,
        LikelihoodPath,
        LikelihoodRegret,
        EntropyCorrected,
        Complexity,
        BackgroundRatio,
        MaximumProbability,
        PredictiveEntropy,
        Odin,
        Mahalanobis,
        Ensemble,
        Vib,
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
_SOME_DEPTH = 3
"""A model of so many layers has levels of every score that has any."""


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


def of_label(label: str) -> Score | None:
    """The score of a label such as `DoSE` or `LLR>2`, or of a name; None where there is none."""
    if label in SCORES:
        return SCORES[label](SCORES[label].usual_level(_SOME_DEPTH))
    usual = (kind(kind.usual_level(_SOME_DEPTH)) for kind in SCORES.values())
    same = next((one for one in usual if re.sub(r"\d+", "", one.label) == re.sub(r"\d+", "", label)), None)
    return same if same is None or same.k is None else type(same)(int(re.findall(r"\d+", label)[-1]))


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


def offered(preprocessing: Preprocessing | None = None, task: str | None = "") -> dict[str, type[Score]]:
    """The scores that any one stored table gives, one value an image, by name in the order of the registry.

    Those that have something to say of a model of that `task`, by default one of log p(x), of any where it is None;
    with `preprocessing` of images so taken.
    """
    kinds = ((name, kind) for name, kind in SCORES.items() if kind.of_one_table())
    return {
        name: kind
        for name, kind in kinds
        if preprocessing in (None, *kind.preprocessings) and (task is None or kind.speaks_of(task))
    }


def everything(depth: int, preprocessing: Preprocessing | None = None, task: str | None = "") -> list[Score]:
    """Every score of `offered` at every level of a model of `depth` latent layers, in the order of the registry."""
    return [score for name in offered(preprocessing, task) for score in at_every_level(name, depth)]


def of_classifier(tables: Sequence[ScoreTable]) -> list[Score]:
    """What the head of a classifier gives in all these tables of it."""
    kinds = offered(task=tables[0].metadata.task).values()
    return computable([kind() for kind in kinds if not kind.model_free], tables, None)[0]


def _words(levels: tuple[Level, ...]) -> str:
    return "it has no levels" if levels in ((), (None,)) else f"its levels are {spanned(levels, ' to ')}"
