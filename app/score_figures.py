"""The main figures of the Scores page: metrics, densities, ROC curves, and AUROC at every k."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app import components, loading, scored, state
from app.figures import densities, levels, roc
from app.palette import look
from app.score_controls import Scored, View
from app.state import ImageId
from app.wording import estimate, percent, rate
from hvae import metrics
from hvae.errors import HvaeError
from hvae.results import RunEntry


def metrics_table(view: View, threshold: scored.Threshold, versus: RunEntry | None) -> None:
    """AUROC, AUPRC and FPR80 with 95 % intervals for every OOD set, what the threshold catches, and run B beside it."""
    rows, numbers = [], []
    for other in view.outside:
        found = loading.summary(view.inside.key, other.key, view.measure.score, view.measure.k)
        caught = threshold.caught(view.measure.of(other.table))
        numbers.append({"ood": other.slug, "caught": caught} | _columns(found))
        rows.append(
            [
                look(other.slug).title,
                *(estimate(found["equal"][name]) for name in ("auroc", "auprc", "fpr80")),
                percent(caught),
                _verdict(found["equal"]["auroc"].value),
                *([_run_b(view, other, versus)] if versus else []),
            ]
        )
    columns = ["OOD set", "AUROC ↑", "AUPRC ↑", "FPR80 ↓", f"caught at {percent(threshold.false_alarms)} false alarms"]
    columns += ["", *([f"AUROC of {components.escape(versus.name)}"] if versus else [])]
    components.table(
        columns,
        rows,
        f"{view.measure.symbol} against {look(view.inside.slug).title}, {view.setting}, with 95 % intervals",
        numbers=pd.DataFrame(numbers),
        name="metrics",
    )


def _columns(found: dict[str, dict[str, metrics.Estimate]]) -> dict[str, float]:
    """Metrics on equal-size subsets (as in the paper) and on all images, as columns."""
    return {
        f"{images}_{name}{end}": value
        for images, estimates in found.items()
        for name, one in estimates.items()
        for end, value in (("", one.value), ("_low", one.low), ("_high", one.high))
    }


def _run_b(view: View, other: Scored, versus: RunEntry) -> str:
    """AUROC of run B under the same setting, and by how much run A is better on the same images."""
    keys = loading.tables(versus)
    pair = [scored.find(keys, slug, view.setting) for slug in (view.inside.slug, other.slug)]
    if None in pair:
        return "not scored"
    try:
        inside, outside = (view.measure.of(loading.table(key)) for key in pair if key)
    except HvaeError as error:
        return components.escape(error)
    mine = (view.measure.of(view.inside.table), view.measure.of(other.table))
    text = rate(metrics.auroc(inside, outside).value)
    if (len(inside), len(outside)) != (len(mine[0]), len(mine[1])):
        return text
    gain = metrics.paired_auroc_difference(*mine, inside, outside)
    return f'{text} <span class="interval">A − B = {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]</span>'


def main_figures(view: View, threshold: scored.Threshold) -> None:
    """Densities beside ROC curves."""
    inside = view.measure.of(view.inside.table)
    aurocs = {other.slug: metrics.auroc(inside, view.measure.of(other.table)).value for other in view.outside}
    left, right = st.columns([3, 2], gap="large")
    with left:
        _densities(view, threshold, aurocs)
    with right:
        curves = {other.slug: metrics.roc_curve(inside, view.measure.of(other.table)) for other in view.outside}
        points = {
            other.slug: (threshold.false_alarms, threshold.caught(view.measure.of(other.table)))
            for other in view.outside
        }
        title = "The larger mark on each curve is the threshold; the dotted diagonal is guessing"
        components.chart(roc.roc(curves, points, title), roc.table(curves), "roc", key="roc")


def _densities(view: View, threshold: scored.Threshold, aurocs: dict[str, float]) -> None:
    sets = (view.inside, *view.outside)
    values = [view.measure.of(one.table) for one in sets]
    edges = metrics.shared_edges(values)
    series = []
    for one, scores in zip(sets, values, strict=True):
        marks = scored.rug(scores)
        series.append(densities.Series(one.slug, metrics.density(scores, edges), marks, scores[marks]))
    unit = view.measure.unit
    figure = densities.densities(series, threshold.value, _title(view, aurocs), view.measure.symbol, unit)

    def pin(mark: int) -> None:
        place, index = divmod(int(mark), densities.IDS_PER_SET)
        if place < len(sets):
            state.pin(ImageId(sets[place].slug, index))

    components.chart(figure, densities.table(series), "densities", key="densities", on_click=pin)


def by_level(view: View) -> None:
    """AUROC at every k for both scores, and which k is the best one."""
    curves: levels.Curves = {
        other.slug: {score: scored.auroc_by_level(view.inside.table, other.table, score) for score in levels.PANELS}
        for other in view.outside
    }
    figure = levels.auroc_by_level(
        curves,
        (view.measure.score, view.measure.k),
        "Below .5 a score points the wrong way; the band marks the chosen k",
    )
    components.chart(figure, levels.table(curves), "auroc-by-k", key="levels")
    rows = []
    for slug, scores in curves.items():
        best = max(scores["LLR"], key=lambda k: scores["LLR"][k].value)
        rows.append([look(slug).title, f"LLR<sup>&gt;{best}</sup>", estimate(scores["LLR"][best])])
    components.table(["OOD set", "best k", "AUROC ↑"], rows, "Best k (as in the paper; uses OOD data)")


def _title(view: View, aurocs: dict[str, float]) -> str:
    """What the densities show, in a sentence: the hardest set is named."""
    own = look(view.inside.slug).title
    if not aurocs:
        return f"{view.measure.symbol} of {own}"
    worst = min(aurocs, key=aurocs.__getitem__)
    name, value = look(worst).title, aurocs[worst]
    if value < 0.45:
        return (
            f"{view.measure.symbol} fails: {name} looks MORE normal than {own} in {100 * (1 - value):.0f} of 100 pairs"
        )
    if value < 0.6:
        return (
            f"{view.measure.symbol} hardly tells {name} from {own}: {100 * value:.0f} of 100 pairs are ordered rightly"
        )
    hardest = f"{name}, the hardest set," if len(aurocs) > 1 else name
    return f"{view.measure.symbol} tells {hardest} from {own} in {100 * value:.0f} of 100 pairs"


def _verdict(value: float) -> str:
    if value < 0.45:
        return components.mark("points the wrong way")
    if value < 0.6:
        return components.mark("near guessing")
    return components.mark("tells them apart", "good") if value >= 0.9 else ""
