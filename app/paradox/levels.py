"""Scores of a hierarchical run beside the likelihood of every density, on the same sets."""

from functools import partial

import pandas as pd

from app.paradox.rivals import Pair, Rival, views
from app.reading import loading, view
from hvae.runs.folders import RunEntry


def hierarchy(preferred: RunEntry | None, known: str, other: str) -> Rival | None:
    """The first run of several layers, trained on the familiar set, that has scored both; the preferred one before."""
    for run in sorted(loading.runs(), key=lambda run: preferred is None or run.path != preferred.path):
        if (run.depth or 0) < 2 or run.config is None or run.config.data.name != known:
            continue
        found = loading.catalogue(run)
        if (settings := found.settings(known)) and found.find(other, settings[0]):
            return Rival(found, settings[0], "Hierarchical VAE")
    return None


def rows(pair: Pair, deep: Rival | None) -> tuple[pd.DataFrame, list[str]]:
    """(AUROC of each score on each unfamiliar set that all have scored, why some are left out).

    Columns are those of `app.figures.aurocs.ranking` and `levels`, whether the score looks at levels.
    """
    plain = [rival for rival, _ in pair.shown]
    every = [*plain, *([deep] if deep else [])]
    others = set.intersection(*(set(rival.catalogue.sets()) for rival in every)) - {pair.known, pair.other}
    wanted = [(rival, "−log p(x)", "bound", 0) for rival in plain]
    wanted += [(rival, "typicality", "typicality", None) for rival in plain]
    if deep:
        wanted += [(deep, "−L", "bound", 0), (deep, "LLR<sup>&gt;1</sup>", "llr", 1), (deep, "joint", "joint", None)]
    lines, problems = [], []
    for rival, label, name, k in wanted:
        ask = partial(views, rival, pair.known, (pair.other, *sorted(others)), name, k)
        seen, said = view.tried([ask])
        problems += said
        for one in (other for made in seen for other in made.outside):
            area = view.auroc(seen[0].inside, one)
            of = {"score": f"{rival.title}: {label}", "ood": one.slug, "levels": name in ("llr", "joint")}
            lines.append(of | {"auroc": area.value, "low": area.low, "high": area.high})
    return pd.DataFrame(lines, columns=["score", "ood", "levels", "auroc", "low", "high"]), problems
