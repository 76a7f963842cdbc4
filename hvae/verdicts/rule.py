"""Is THIS image unlike what the model knows? The label-free rule of `hvae.stats.conformal` for single images.

Imports no torch. A rule is made from two score tables of the run's own training set, so no OOD image has a part in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from hvae.errors import TableError
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable, list_tables, read_table
from hvae.stats import conformal
from hvae.stats.arrays import Floats, between

Statistic = Literal["rank", "difference"]
"""How the K ratios LLR^{>k} of one image become one number.

- `rank`: the least tail rank over k, every k ranked in the reference part, ties broken by how far out they are.
- `difference`: the k that differs most, as the paper suggests for single examples: the largest standardised
  LLR^{>k}, in standard deviations of the reference part.
"""
STATISTICS: tuple[Statistic, ...] = ("rank", "difference")
CONFIDENCE = 0.95
"""Of the interval around the share of in-distribution images that are as far out."""


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
