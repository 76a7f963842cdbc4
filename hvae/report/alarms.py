"""How often the label-free rule raises an alarm, on in-distribution images and on others."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from hvae.report.comparisons import Comparison
from hvae.runs.score_tables import ScoreTable
from hvae.stats import conformal
from hvae.verdicts.rule import Rule, of_parts

BUDGETS = (0.01, 0.05, 0.1)
"""Shares of false alarms at which the rule is checked."""
LEVEL = 0.999
"""Probability of the interval that a realised rate is checked against."""


def alarm_table(
    comparisons: Iterable[Comparison], *, alphas: Sequence[float] = BUDGETS, level: float = LEVEL, seed: int = 0
) -> pd.DataFrame:
    """Realised alarms of the label-free rule (`hvae.verdicts.rule`, by its usual score) at the budgets `alphas`.

    One row a comparison that has reference and calibration tables, set of images, and budget:

    - `role` = `held-out half`: half of the calibration part judged by the other half. Both are exchangeable, so the
      rate must lie in the beta-binomial interval [`low`, `high`]: this is the check of the rule;
    - `test`: the own test images judged by the whole calibration part. The official test split is not quite
      exchangeable with the training split: its rate is a measurement, the interval only a yardstick;
    - `ood`: the share of OOD images that raise an alarm, higher = better; no interval.

    Beside the settings: `data`, `role`, `alpha`, `n_reference`, `n_calibration`, `n`, `rate`, `low`, `high`, and of the
    rule `score` and `note`.

    `level` is the probability of the interval, `seed` that of the halves.
    """
    rows: list[dict[str, object]] = []
    for one in comparisons:
        if {"reference", "calibration"} <= set(one.parts):
            rule = of_parts(one.run, one.parts["reference"], one.parts["calibration"])
            inside = None if one.in_table and one.in_table.metadata.split in one.parts else one.in_table
            found = rule_alarms(rule, inside, one.others, one.in_data, alphas=alphas, level=level, seed=seed)
            rows += (one.settings | row for row in found)
    return pd.DataFrame(rows)


def rule_alarms(
    rule: Rule,
    inside: ScoreTable | None,
    others: Iterable[ScoreTable],
    own: str,
    *,
    alphas: Sequence[float] = BUDGETS,
    level: float = LEVEL,
    seed: int = 0,
) -> Iterator[dict[str, object]]:
    """The rows of `alarm_table` for one rule: `own` is the slug of its set, `inside` its test images if it has some."""

    def judged(data: str, role: str, by: Rule, images: ScoreTable) -> Iterator[dict[str, object]]:
        n, found = len(by.calibration), by.judge(images)
        for alpha in alphas:
            low, high = conformal.false_alarm_interval(alpha, n, len(images), level)
            yield {
                "data": data,
                "role": role,
                "alpha": alpha,
                "n_reference": len(by.reference),
                "n_calibration": n,
                "n": len(images),
                "rate": float(found.alarms(alpha).mean()),
                "low": float("nan") if role == "ood" else low,
                "high": float("nan") if role == "ood" else high,
                "score": by.score,
                "note": by.note,
            }

    if len(rule.calibration) >= 2:
        order = np.random.default_rng(seed).permutation(len(rule.calibration))
        half = len(order) // 2
        fresh, kept = (rule.calibration.take(part) for part in (order[:half], order[half:]))
        yield from judged(own, "held-out half", replace(rule, calibration=kept), fresh)
    if inside is not None:
        yield from judged(own, "test", rule, inside)
    for other in others:
        yield from judged(other.metadata.slug, "ood", rule, other)
