"""Runs that differ in their seed alone, as one: mean and spread of a metric over them, and what all of them miss.

How far apart they lie is what chance makes of a training; the interval of a single run knows nothing of it.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from hvae.config import RunConfig
from hvae.report.comparisons import Comparison
from hvae.report.line_ups import shared_rows
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable
from hvae.scores import Score, find
from hvae.stats.arrays import Floats

BUDGET = 0.05
"""Share of own test images that are called OOD where images are missed."""


def group_of(config: RunConfig) -> str:
    """What runs that differ in their seed alone have in common: everything else that their configurations say."""
    alike = config.model_copy(update={"training": config.training.model_copy(update={"seed": 0})})
    return alike.to_json()


def group_name(names: Sequence[str]) -> str:
    """A name for runs of one group: what theirs begin with, and how many they are."""
    stems = {re.sub(r"[-_.]?seed[-_]?\d+$", "", name) for name in names}
    return f"{stems.pop() if len(stems) == 1 else names[0]} x {len(names)} seeds"


def siblings(run: RunEntry, runs: Iterable[RunEntry]) -> list[RunEntry]:
    """The run and those that differ from it in their seed alone, in the order of the seeds; one of each seed."""
    if run.config is None:
        return [run]
    own, found = group_of(run.config), {run.config.training.seed: run}
    for other in runs:
        if other.config is not None and group_of(other.config) == own:
            found.setdefault(other.config.training.seed, other)
    return [found[seed] for seed in sorted(found)]


def grouped(comparisons: Iterable[Comparison]) -> list[tuple[str, list[Comparison]]]:
    """(name, members) of every group of two seeds or more, under one setting and beside one in-distribution set."""
    found: dict[tuple[object, ...], dict[int, Comparison]] = {}
    for one in comparisons:
        key = (group_of(one.config), one.in_data, one.setting)
        found.setdefault(key, {}).setdefault(one.config.training.seed, one)
    members = [list(group.values()) for group in found.values() if len(group) > 1]
    return [(group_name([one.run for one in group]), group) for group in members]


def over_seeds(frame: pd.DataFrame, keys: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    """Rows of several runs as one row a group of `keys`: `seeds`, and of each metric its mean and `_sd` (n - 1)."""
    by = frame.groupby(list(keys), sort=False, dropna=False)
    wanted: dict[str, tuple[str, str]] = {"seeds": (metrics[0], "size")}
    for metric in metrics:
        wanted |= {metric: (metric, "mean"), f"{metric}_sd": (metric, "std")}
    return by.agg(**wanted).reset_index()  # type: ignore[arg-type]  # the names are ours


def missed(inside: Floats, outside: Floats, budget: float = BUDGET) -> np.ndarray:
    """Which OOD images `(m,)` pass where at most a share `budget` of the in-distribution scores `(n,)` does not."""
    ordered, allowed = np.sort(inside), int(np.floor(budget * len(inside) + 1e-9))
    # Ties are taken together, so that no more than the budget is called OOD.
    called = ordered[ordered > ordered[len(ordered) - allowed - 1]]
    return outside < (called[0] if len(called) else np.nextafter(ordered[-1], np.inf))


def usual_score(comparison: Comparison) -> Score:
    """What a comparison is judged by where nobody chose: `joint`, `llr` where there is none for its tables."""
    for name in ("joint", "llr", "bound"):
        kind = find(name)
        if kind.speaks_of(comparison.config.model.task) and kind.levels(comparison.depth):
            score = kind(kind.usual_level(comparison.depth))
            if all(score.obstacle(table, comparison.reference) is None for table in comparison.tables):
                return score
    return find("bound")(0)


def missed_table(comparisons: Iterable[Comparison], budget: float = BUDGET) -> pd.DataFrame:
    """OOD images that every seed of a group misses.

    One row a group, the `run`, and OOD set: `in_data`, the setting, `ood_data`, `score`, `budget`, `seeds`, `n`,
    `missed` (mean share that a seed misses), `missed_by_all` (share that all do), `by_chance` (the share that all would
    if each missed images of its own), and `images`, the numbers of those that all miss, separated by spaces.
    """
    rows: list[dict[str, object]] = []
    for name, group in grouped(comparisons):
        first = group[0]
        for other in first.others:
            pairs = [(one, one.in_table, _of_set(one, other.metadata.slug)) for one in group]
            complete = [(one, own, table) for one, own, table in pairs if own is not None and table is not None]
            rows_of = shared_rows([table for *_, table in complete])
            if len(complete) < len(group) or rows_of is None:
                continue
            score = usual_score(first)
            masks = [
                missed(score.of(own, one.reference), score.of(table, one.reference)[shared], budget)
                for (one, own, table), shared in zip(complete, rows_of, strict=True)
            ]
            every = np.logical_and.reduce(masks)
            row: dict[str, object] = {"run": name, "in_data": first.in_data, **first.setting.fields}
            row |= {"ood_data": other.metadata.slug, "score": score.label, "budget": budget, "seeds": len(masks)}
            row |= {"n": len(every), "missed": float(np.mean(masks)), "missed_by_all": float(every.mean())}
            row |= {"by_chance": float(np.prod([mask.mean() for mask in masks]))}
            row["images"] = " ".join(map(str, other.frame["example"].to_numpy()[rows_of[0]][every]))
            rows.append(row)
    return pd.DataFrame(rows)


def _of_set(one: Comparison, slug: str) -> ScoreTable | None:
    return next((table for table in one.others if table.metadata.slug == slug), None)
