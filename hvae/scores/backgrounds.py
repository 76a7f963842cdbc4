"""Which of several background models a likelihood ratio takes: chosen by images of the run's own training set alone.

The rule (assets/EXPERIMENTS.md): over the calibration part, that no weight was fitted to, the ratio should follow the
length of the shortest lossless code of an image least, in the absolute rank correlation. Complexity is what misleads
log p, and what a background model is there to take out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from hvae.errors import TableError
from hvae.runs.catalogue import Catalogue, catalogue
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable
from hvae.runs.settings import Setting
from hvae.scores.prior_knowledge.complexity import code_length
from hvae.stats.arrays import Floats


@dataclass(frozen=True)
class Choice:
    """The background model that a run takes, and why."""

    run: RunEntry | None = None
    """None where there is none, or nothing to choose by."""
    problem: str = ""
    """Why none could be chosen of several, with the command that mends it."""
    correlations: Mapping[int, float] = field(default_factory=dict)
    """Rank correlation of the ratio with the code length, by percentage of the pixels replaced; 0 for log p alone."""

    def in_words(self, name: str) -> str:
        """One line on how the background model of a run was chosen; empty where there was nothing to choose."""
        if self.problem:
            return f"{name}: {self.problem}"
        if self.run is None or not self.correlations:
            return ""
        of = {percent: one for percent, one in sorted(self.correlations.items()) if percent}
        found = ", ".join(f"{one:+.2f} at {percent} %" for percent, one in of.items())
        alone = self.correlations[0]
        useless = min(map(abs, of.values())) >= abs(alone)
        verdict = "; no ratio follows it less than log p does" if useless else ""
        return (
            f"{name} takes {self.run.name} as its background: over own calibration images the rank correlation of the "
            f"ratio with their code length is {found} ({alone:+.2f} for log p alone){verdict}"
        )


def choose(found: Catalogue, backgrounds: Sequence[RunEntry], setting: Setting) -> Choice:
    """The background model of a run by its own calibration images; the only one where there is one."""
    if len(backgrounds) < 2:
        return Choice(next(iter(backgrounds), None))
    tables, runs = [], [found, *map(catalogue, backgrounds)]
    for one in runs:
        entry = found.own and one.find(found.own, setting, ("calibration",))
        if not entry:
            return Choice(problem=_unscored(one.run, found, setting))
        tables.append(one.read(entry))
    own, *others = tables
    unlike = next((one.run for one in others if not _same_images(one, own)), None)
    if unlike is not None:
        return Choice(problem=f"{unlike} has scored other calibration images than {found.run.name}: score both alike")
    try:
        code = code_length(own)
    except TableError as error:
        return Choice(problem=f"a background model is chosen by code lengths: {error}")
    likelihood = own.column("iw")
    ratios = {rate(run): likelihood - other.column("iw") for run, other in zip(backgrounds, others, strict=True)}
    correlations = {percent: rank_correlation(ratio, code) for percent, ratio in ratios.items()}
    chosen = min(backgrounds, key=lambda run: abs(correlations[rate(run)]))
    return Choice(chosen, correlations={0: rank_correlation(likelihood, code)} | correlations)


def rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's, 0 where one of them does not vary."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.corrcoef(stats.rankdata(first), stats.rankdata(second))[0, 1])


def rate(run: RunEntry) -> int:
    """Percentage of the pixels that a background model saw replaced."""
    assert run.config is not None
    return round(100 * run.config.data.mutation)


def _same_images(one: ScoreTable, other: ScoreTable) -> bool:
    return one.metadata.data_fingerprint == other.metadata.data_fingerprint != ""


def _unscored(run: RunEntry, found: Catalogue, setting: Setting) -> str:
    return (
        f"which of several background models is taken is chosen by calibration images, and {run.name} has not scored "
        f"them: hvae score {run.name} --data {found.own} --split calibration {setting.options}"
    )
