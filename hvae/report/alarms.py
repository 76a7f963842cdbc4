"""How often the label-free rule raises an alarm, on in-distribution images and on others."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from hvae.report.comparisons import Comparison
from hvae.runs.score_tables import ScoreTable
from hvae.stats import conformal
from hvae.verdicts.rule import Rule


def alarm_table(
    comparisons: Iterable[Comparison], *, alpha: float = 0.05, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Realised alarms of the label-free rule (`hvae.verdicts.rule`) at the budget `alpha`.

    One row a comparison that has reference and calibration tables, and set of images:

    - `role` = `held-out half`: half of the calibration part judged by the other half. Both are exchangeable, so the
      rate must lie in the beta-binomial interval [`low`, `high`]: this is the check of the rule;
    - `test`: the own test images judged by the whole calibration part. The official test split is not quite
      exchangeable with the training split: its rate is a measurement, the interval only a yardstick;
    - `ood`: the share of OOD images that raise an alarm, higher = better; no interval.

    Beside the settings: `data`, `role`, `alpha`, `n_reference`, `n_calibration`, `n`, `rate`, `low`, `high`.

    `level` is the probability of the interval, `seed` that of the halves.
    """
    rows: list[dict[str, object]] = []
    for one in comparisons:
        if one.depth and {"reference", "calibration"} <= set(one.parts):
            rule = Rule(one.run, one.parts["reference"], one.parts["calibration"])
            inside = None if one.in_table and one.in_table.metadata.split in one.parts else one.in_table
            found = rule_alarms(rule, inside, one.others, one.in_data, alpha=alpha, level=level, seed=seed)
            rows += (one.settings | row for row in found)
    return pd.DataFrame(rows)


def rule_alarms(
    rule: Rule,
    inside: ScoreTable | None,
    others: Iterable[ScoreTable],
    own: str,
    *,
    alpha: float = 0.05,
    level: float = 0.95,
    seed: int = 0,
) -> Iterator[dict[str, object]]:
    """The rows of `alarm_table` for one rule: `own` is the slug of its set, `inside` its test images if it has some."""

    def row(data: str, role: str, by: Rule, images: ScoreTable) -> dict[str, object]:
        n = len(by.calibration)
        low, high = conformal.false_alarm_interval(alpha, n, len(images), level)
        return {
            "data": data,
            "role": role,
            "alpha": alpha,
            "n_reference": len(by.reference),
            "n_calibration": n,
            "n": len(images),
            "rate": float(by.judge(images).alarms(alpha).mean()),
            "low": float("nan") if role == "ood" else low,
            "high": float("nan") if role == "ood" else high,
        }

    if len(rule.calibration) >= 2:
        order = np.random.default_rng(seed).permutation(len(rule.calibration))
        half = len(order) // 2
        judged, kept = (rule.calibration.take(part) for part in (order[:half], order[half:]))
        yield row(own, "held-out half", replace(rule, calibration=kept), judged)
    if inside is not None:
        yield row(own, "test", rule, inside)
    for other in others:
        yield row(other.metadata.slug, "ood", rule, other)
