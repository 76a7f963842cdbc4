"""Is THIS image unlike what the model knows? The label-free rule of `hvae.conformal` for single images, in words too.

Imports no torch. A rule is made from two score tables of the run's own training set, so no OOD image has a part in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from hvae import conformal
from hvae.arrays import Floats, between, finite
from hvae.errors import HvaeError, TableError
from hvae.results import RunEntry, ScoreTable, list_tables, read_table

Statistic = Literal["rank", "difference"]
"""How the K ratios LLR^{>k} of one image become one number.

- `rank`: the least tail rank over k, every k ranked in the reference part, ties broken by how far out they are.
- `difference`: the k that differs most, as the paper suggests for single examples: the largest standardised
  LLR^{>k}, in standard deviations of the reference part.
"""
STATISTICS: tuple[Statistic, ...] = ("rank", "difference")
CONFIDENCE = 0.95
"""Of the interval around the share of in-distribution images that are as far out."""
NONE_KNOWS = "none of them"
COMPARABLE = (
    "A p-value is comparable between runs because each is calibrated on its own training set: it is the share of the "
    "run's own in-distribution images that are as far out. Several runs can all call an image typical, and then the "
    "larger p says little, as the p-values of images that a run knows are spread evenly from 0 to 1. They can also all "
    "call it unusual: none of them knows it."
)
"""What p-values side by side mean."""


@dataclass(frozen=True, eq=False)
class Rule:
    """The label-free rule of one run under one setting.

    Attributes:
        run: name of the run.
        reference: LLR^{>k} of the reference part `(n_ref, L)`, nats.
        calibration: LLR^{>k} of the calibration part `(n, L)`, nats.
        reading: of L^{>k}.
        samples: S.
        draws: R.
        seed: of the evaluation.
        precision: of the forward passes.
        weights_sha256: of the weights that scored both parts.
        two_sided: whether ratios too LOW are called OOD as well.
        statistic: how the ratios become one number.
    """

    run: str
    reference: Floats
    calibration: Floats
    reading: str
    samples: int
    draws: int
    seed: int
    precision: str
    weights_sha256: str
    two_sided: bool = False
    statistic: Statistic = "rank"

    @property
    def depth(self) -> int:
        """Number of latent layers L."""
        return self.reference.shape[1]

    @property
    def least_p(self) -> float:
        """Smallest p-value there can be, 1 / (n + 1)."""
        return 1 / (len(self.calibration) + 1)

    def judge(self, ratios: Floats) -> Judgement:
        """Judge images by their LLR^{>k}.

        Args:
            ratios: `(m, L)` in nats, column k - 1 for LLR^{>k}, scored under the rule's setting.

        Raises:
            HvaeError: another number of layers, or values that are not finite.
        """
        far, level = self._far(ratios)
        calibration, _ = self._far(self.calibration)
        p = conformal.p_values(calibration, far)
        reached = np.rint(p * (len(calibration) + 1)).astype(int) - 1
        low, high = _share_interval(reached, len(calibration))
        ranks = conformal.tail_ranks(self.reference, ratios, two_sided=self.two_sided)
        return Judgement(ranks, level, p, low, high, len(calibration))

    def _far(self, ratios: Floats) -> tuple[Floats, np.ndarray]:
        """(the statistic T, small = far out; the k it comes from), `(m,)` each."""
        if self.statistic == "rank":
            ranks = conformal.tail_ranks(self.reference, ratios, two_sided=self.two_sided, break_ties=True)
            return conformal.statistic(ranks), np.argmin(ranks, axis=1) + 1
        out = conformal.standardised(self.reference, ratios)
        if self.two_sided:
            out = np.abs(out)
        return -out.max(1), np.argmax(out, axis=1) + 1


@dataclass(frozen=True, eq=False)
class Judgement:
    """What the rule says about `m` images.

    Attributes:
        ranks: tail rank of LLR^{>k} in the reference part, `(m, L)` in (0, 1].
        level: `(m,)` the k at which the image differs most, from 1.
        p: `(m,)` conformal p-value in [1 / (n + 1), 1].
        low: `(m,)` 95 % interval (Clopper-Pearson) of the share of in-distribution images that are as far out.
        high: `(m,)` its upper end.
        n: size of the calibration part.
    """

    ranks: Floats
    level: np.ndarray
    p: Floats
    low: Floats
    high: Floats
    n: int

    def alarms(self, alpha: float) -> np.ndarray:
        """Mask `(m,)` of images called OOD at the false-alarm budget alpha.

        Raises:
            HvaeError: alpha outside (0, 1).
        """
        return self.p <= between(alpha, "alpha", 0, 1)

    def words(self, alpha: float) -> list[str]:
        """The verdict on each image in words; `alpha` as of `alarms`."""
        return [
            _in_words(alarm, p, low, high, self.n)
            for alarm, p, low, high in zip(self.alarms(alpha), self.p, self.low, self.high, strict=True)
        ]

    def frame(self, alpha: float) -> pd.DataFrame:
        """One row an image: `rank>1` ... `rank>L`, `differs_at` (k), `p`, `p_low`, `p_high`, `ood`, `verdict`."""
        columns = {f"rank>{k + 1}": self.ranks[:, k] for k in range(self.ranks.shape[1])}
        return pd.DataFrame(
            columns
            | {"differs_at": self.level, "p": self.p, "p_low": self.low, "p_high": self.high}
            | {"ood": self.alarms(alpha), "verdict": self.words(alpha)}
        )


def rule(
    run: RunEntry,
    *,
    reading: str = "mean",
    samples: int = 1,
    draws: int = 1,
    two_sided: bool = False,
    statistic: Statistic = "rank",
) -> Rule:
    """The rule of a run from its stored tables of the reference and calibration parts.

    Raises:
        TableError: a part is not scored under this setting (the message says how), damaged, or scored by other weights
            or under another seed or precision than the other part.
    """
    tables = {part: _part(run, part, reading, samples, draws) for part in ("reference", "calibration")}
    first, second = (tables[part].metadata for part in ("reference", "calibration"))
    for field in ("slug", "weights_sha256", "seed", "precision", "depth", "preprocessing"):
        if getattr(first, field) != getattr(second, field):
            raise TableError(
                f"{run.name}: its reference and calibration parts were scored with different {field}; score both again"
            )
    return Rule(
        run=run.name,
        reference=ratios(tables["reference"]),
        calibration=ratios(tables["calibration"]),
        reading=first.reading,
        samples=first.samples,
        draws=first.draws,
        seed=first.seed,
        precision=first.precision,
        weights_sha256=first.weights_sha256,
        two_sided=two_sided,
        statistic=statistic,
    )


def ratios(table: ScoreTable) -> Floats:
    """LLR^{>k} of every image of a table, `(n, L)`, one column a k, in nats."""
    return np.column_stack([table.likelihood_ratio(k) for k in range(1, table.metadata.depth + 1)])


def settings(run: RunEntry) -> list[tuple[str, int, int]]:
    """(reading, S, R) under which a run's reference and calibration parts are both scored, fewest draws first."""
    found = {
        part: {(key.reading, key.samples, key.draws) for key in list_tables(run.path) if key.split == part}
        for part in ("reference", "calibration")
    }
    return sorted(found["reference"] & found["calibration"], key=lambda one: (one[0] != "mean", one))


def summary(p: Floats, n: int, alpha: float) -> dict[str, object]:
    """What the rule says about all images together.

    Args:
        p: `(m,)` their conformal p-values.
        n: size of the calibration part.
        alpha: false-alarm budget and false discovery rate, in (0, 1).

    Returns:
        `n`; `alarms`, how many have p <= alpha; `expected`, how many would if every image were in-distribution; `low`
        and `high`, the 99.9 % beta-binomial interval of that count; `discoveries`, how many the Benjamini-Hochberg
        procedure calls OOD with a false discovery rate of alpha; `least_rejections`, how many images must be as far
        out as can be measured before that procedure can call any.
    """
    m = len(p)
    low, high = conformal.false_alarm_interval(alpha, n, m)
    return {
        "n": m,
        "alarms": int(np.count_nonzero(p <= alpha)),
        "expected": alpha * m,
        "low": round(low * m),
        "high": round(high * m),
        "discoveries": int(conformal.benjamini_hochberg(p, alpha).sum()),
        "least_rejections": conformal.least_rejections(m, alpha, n),
    }


def knows_best(p: ArrayLike, alpha: float) -> np.ndarray:
    """Which runs know each image best: those with its largest p-value, unless every run raises an alarm.

    Args:
        p: `(m, runs)` conformal p-values, each calibrated on the training set of its run.
        alpha: false-alarm budget, in (0, 1).

    Returns:
        Mask `(m, runs)`; several in a row are tied, none of a row knows the image.

    Raises:
        HvaeError: p-values that are not a finite table, or alpha outside (0, 1).
    """
    p = finite(p, "p-values", 2)
    return (p == p.max(axis=1, keepdims=True)) & (p > between(alpha, "alpha", 0, 1))


def side_by_side(runs: Sequence[str], p: Sequence[Floats], alpha: float) -> pd.DataFrame:
    """The p-values of several runs on the same images, and which run knows each best.

    Args:
        runs: names.
        p: for each run, `(m,)` its p-values of the images in the same order.
        alpha: false-alarm budget, in (0, 1).

    Returns:
        One row an image: `knows_best` in words; `typical_for`, how many runs raise no alarm; for each run `p NAME` and
        `alarm NAME`.

    Raises:
        HvaeError: runs that judged different numbers of images, or alpha outside (0, 1).
    """
    if len({len(one) for one in p}) != 1:
        judged = ", ".join(f"{run} {len(one):,}" for run, one in zip(runs, p, strict=True))
        raise HvaeError(f"runs can be put side by side only on the same images, these judged {judged}")
    table = np.column_stack(list(p))
    words = [_knowing([run for run, best in zip(runs, row, strict=True) if best]) for row in knows_best(table, alpha)]
    frame = pd.DataFrame({"knows_best": words, "typical_for": np.count_nonzero(table > alpha, axis=1)})
    for run, values in zip(runs, p, strict=True):
        frame = frame.assign(**{f"p {run}": values, f"alarm {run}": values <= alpha})
    return frame


def best_in_words(runs: Sequence[str], frame: pd.DataFrame) -> str:
    """How many images each run knows best, in one sentence.

    Args:
        runs: names.
        frame: of `side_by_side` on these runs.
    """
    counts = Counter(frame["knows_best"])
    known = [f"{run} knows {counts[run]:,} best" for run in runs]
    none = counts[NONE_KNOWS]
    tied = len(frame) - none - sum(counts[run] for run in runs)
    ties = [f"{tied:,} {'is a tie' if tied == 1 else 'are ties'}"] if tied else []
    return f"Of {len(frame):,} image{'s' * (len(frame) != 1)}, " + ", ".join(
        [*known, *ties, f"and {NONE_KNOWS} knows {none:,}."]
    )


def _knowing(runs: Sequence[str]) -> str:
    if not runs:
        return NONE_KNOWS
    return runs[0] if len(runs) == 1 else f"tie: {', '.join(runs)}"


def _part(run: RunEntry, part: str, reading: str, samples: int, draws: int) -> ScoreTable:
    keys = [
        key
        for key in list_tables(run.path)
        if (key.split, key.reading, key.samples, key.draws) == (part, reading, samples, draws)
    ]
    if not keys:
        own = run.config.data.name if run.config else "DATA"
        raise TableError(
            f"{run.name} has no scores of the {part} part of its training set under reading {reading}, S = {samples}, "
            f"R = {draws}: hvae score {run.name} --data {own} --split reference calibration --reading {reading} "
            f"--samples {samples} --draws {draws}"
        )
    return read_table(min(keys, key=lambda key: key.seed).path)


def _share_interval(reached: Sequence[int] | np.ndarray, n: int) -> tuple[Floats, Floats]:
    """Clopper-Pearson interval of a share of which `reached` of `n` were seen."""
    reached = np.asarray(reached)
    tail = (1 - CONFIDENCE) / 2
    low = np.where(reached > 0, stats.beta.ppf(tail, np.maximum(reached, 1), n - reached + 1), 0.0)
    high = np.where(reached < n, stats.beta.ppf(1 - tail, reached + 1, np.maximum(n - reached, 1)), 1.0)
    return low, high


def _in_words(alarm: bool, p: float, low: float, high: float, n: int) -> str:
    if not alarm:
        return "typical"
    if p * (n + 1) < 1.5:
        return f"unlike anything in the reference: none of {n:,} in-distribution images is as far out"
    likely = f"1 in {_rounded(1 / high)} to 1 in {_rounded(1 / low)}"
    return f"unusual: 1 in {_rounded(1 / p)} in-distribution images is as far out ({likely})"


def _rounded(number: float) -> str:
    """A count to two digits: no interval is sharper than that."""
    return f"{float(f'{number:.2g}'):,.0f}"
