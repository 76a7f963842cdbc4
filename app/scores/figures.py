"""The main figures of the Scores page: metrics, densities, ROC and precision-recall curves."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app.figures import curves as curve_figures
from app.figures import densities
from app.figures.densities import Brush, Series
from app.figures.layout import Figure
from app.frame import components
from app.frame.caching import kept
from app.images.scored import pinning
from app.looks.palette import look
from app.looks.wording import estimate, percent, rate
from app.reading import loading, measures
from app.reading import view as views
from app.reading.view import Scored, View
from app.scores import brush as score_brush
from app.scores.brush import Reach
from app.scores.controls import BUDGETS
from hvae.errors import HvaeError
from hvae.runs.folders import RunEntry

METRICS = {"auroc": "AUROC ↑", "auprc": "AUPRC ↑", "fpr80": "FPR80 ↓"}


def metrics_table(view: View, threshold: measures.Threshold, versus: RunEntry | None) -> None:
    """AUROC, AUPRC and FPR80 with 95 % intervals for every OOD set, what the threshold catches, and run B beside it."""

    def metric(name: str) -> Callable[..., str]:
        return lambda row: estimate(views.estimate_of(row, f"full_{name}"))

    shown: dict[str, Callable[..., str]] = {"OOD set": lambda row: components.escape(look(row.ood).title)}
    shown |= {heading: metric(name) for name, heading in METRICS.items()}
    shown[f"caught at {percent(threshold.false_alarms)} false alarms"] = lambda row: percent(row.caught)
    shown["images"] = lambda row: f"{row.n_in:,} against {row.n_ood:,}"
    shown[""] = lambda row: _verdict(row.full_auroc)
    if versus:
        shown[f"AUROC of {components.escape(versus.name)}"] = _run_b_cell
    components.listed(
        pd.DataFrame([_metrics(view, other, threshold, versus) for other in view.outside]),
        shown,
        f"{view.measure.symbol} against {look(view.inside.slug).title}, {view.setting}, with 95 % intervals, from all "
        "images of both sets",
        name="metrics",
    )


def _metrics(view: View, other: Scored, threshold: measures.Threshold, versus: RunEntry | None) -> dict[str, object]:
    """Metrics on all images and on subsets of equal size (as in the paper), one column each."""
    row: dict[str, object] = {
        "ood": other.slug,
        "score": view.measure.label,
        "n_in": len(view.inside.scores),
        "n_ood": len(other.scores),
        "caught": threshold.caught(other.scores),
    }
    for images, estimates in views.summary(view.inside, other).items():
        for name, one in estimates.items():
            row |= views.spread(f"{images}_{name}", one)
    return row | (_run_b(view, other, versus) if versus else {})


def _run_b(view: View, other: Scored, versus: RunEntry) -> dict[str, object]:
    """AUROC of run B under the same setting, and by how much run A is better on the same images."""
    row: dict[str, object] = {"b_note": "", **dict.fromkeys(("b_auroc", "gain", "gain_low", "gain_high"), np.nan)}
    found = loading.catalogue(versus)
    own, others = (found.find(slug, view.setting) for slug in (view.inside.slug, other.slug))
    if own is None or others is None:
        return row | {"b_note": "not scored"}
    try:
        inside, outside = (views.scored(found, entry, view.measure) for entry in (own, others))
    except HvaeError as error:
        return row | {"b_note": str(error)}
    gain = views.gain(view.inside, other, inside, outside)
    return row | {"b_auroc": views.auroc(inside, outside).value} | (views.spread("gain", gain) if gain else {})


def _run_b_cell(row: Any) -> str:
    if row.b_note:
        return components.escape(row.b_note)
    gain = f"A − B = {row.gain:+.3f} [{row.gain_low:+.3f}, {row.gain_high:+.3f}]" if np.isfinite(row.gain) else ""
    return f'{rate(row.b_auroc)} <span class="interval">{gain}</span>'


def main_figures(view: View, threshold: measures.Threshold) -> Brush:
    """Densities beside ROC or precision-recall curves, with what reaches into them; returns the brushed range."""
    reach = score_brush.choose(view)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _densities(view, threshold, reach)
        _slider(view)
    with right:
        _curves(view, threshold, reach.panel)
    return reach.brush


def series(sets: Sequence[Scored], marks: int) -> list[Series]:
    """Binned densities of several sets, with so many images of them drawn one by one."""
    found = []
    for one, density in zip(sets, views.densities(sets), strict=True):
        index = measures.rug(one.scores, marks // len(sets))
        found.append(Series(one.slug, density, index, one.scores[index]))
    return found


def _densities(view: View, threshold: measures.Threshold, reach: Reach) -> None:
    # A new key forgets what was selected in the figure before: the outline of another brush, or a mark that a click on
    # the same place would take back instead of choosing. A figure that is dragged over keeps its key, and with it its
    # place in the browser, as long as the outline is that of the range.
    selected = score_brush.outline() if reach.brushing else reach
    key = f"densities-{zlib.crc32(f'{view.stamp}{reach.brushing}{selected}'.encode()):08x}"
    # What was dragged the browser outlines itself; a figure that stays the same is not drawn again.
    brush = (None, None) if components.is_brushed(key) else reach.brush

    def draw() -> tuple[Figure, pd.DataFrame]:
        found, measure = series(view.sets, measures.RUG_MARKS), view.measure
        figure = densities.densities(
            found, threshold.value, _title(view), measure.symbol, measure.unit, brush, brushing=reach.brushing
        )
        return figure, densities.density_table(found)

    figure, table = kept("densities drawn", (view.stamp, threshold.value, reach.brushing, brush), draw)
    with st.container(key="densities"):
        if reach.brushing:
            components.chart(figure, table, "densities", key=key, on_brush=score_brush.drag)
        else:
            components.chart(figure, table, "densities", key=key, on_click=pinning(view.slugs))


def _curves(view: View, threshold: measures.Threshold, panel: str) -> None:
    """ROC or precision-recall curves; a click on one sets the threshold to that of its point."""
    both = {other.slug: views.curves(view.inside, other) for other in view.outside}
    thresholds = [pair[0 if panel == "ROC" else 1].thresholds for pair in both.values()]

    def move(mark: int) -> None:
        place, point = divmod(int(mark), curve_figures.POINTS_PER_CURVE)
        if place < len(thresholds) and point < len(thresholds[place]):
            share = 100 * float(np.mean(view.inside.scores >= thresholds[place][point]))
            # Rounded up, so that the images at the threshold stay within the budget.
            st.session_state["alarm"] = float(np.clip(np.ceil(share * 1000 - 1e-6) / 1000, *BUDGETS))

    def draw() -> tuple[Figure, pd.DataFrame]:
        caught = {other.slug: threshold.caught(other.scores) for other in view.outside}
        if panel == "ROC":
            curves = {slug: pair[0] for slug, pair in both.items()}
            points = {slug: (threshold.false_alarms, share) for slug, share in caught.items()}
            title = "The larger mark on each curve is the threshold; a click moves it"
            return curve_figures.roc(curves, points, title), curve_figures.roc_table(curves)
        recalls = {slug: pair[1] for slug, pair in both.items()}
        points = {slug: (share, _precision(threshold, share)) for slug, share in caught.items()}
        title = "Of the images called OOD, how many are? The larger marks are the threshold"
        return curve_figures.precision_recall(recalls, points, title), curve_figures.precision_recall_table(recalls)

    figure, table = kept("curves drawn", (panel, view.stamp, threshold.value), draw)
    with st.container(key=panel.lower()):
        key = f"{panel.lower()}-{zlib.crc32(f'{view.stamp}{view.budget}'.encode()):08x}"
        components.chart(figure, table, "roc" if panel == "ROC" else "precision-recall", key=key, on_click=move)


def _precision(threshold: measures.Threshold, caught: float) -> float:
    """Precision at 1:1; 1 where nothing is called OOD, as at the upper end of a curve."""
    called = threshold.false_alarms + caught
    return caught / called if called else 1.0


def _slider(view: View) -> None:
    """The false-alarm budget once more, to be dragged below the densities."""

    def move() -> None:
        st.session_state["alarm"] = st.session_state["_alarm"]

    st.session_state["_alarm"] = round(100 * view.budget, 1)
    st.slider(
        "Move the threshold: false alarms allowed (%)", *BUDGETS, step=0.1, key="_alarm", format="%.1f", on_change=move
    )


def _title(view: View) -> str:
    """What the densities show, in a sentence: the hardest set is named."""
    aurocs = {other.slug: views.auroc(view.inside, other).value for other in view.outside}
    own, symbol = look(view.inside.slug).title, view.measure.symbol
    worst = min(aurocs, key=aurocs.__getitem__)
    name, value = look(worst).title, aurocs[worst]
    if value < 0.45:
        return f"{symbol} fails: {name} looks MORE normal than {own} in {100 * (1 - value):.0f} of 100 pairs"
    if value < 0.6:
        return f"{symbol} hardly tells {name} from {own}: {100 * value:.0f} of 100 pairs are ordered rightly"
    hardest = f"{name}, the hardest set," if len(aurocs) > 1 else name
    return f"{symbol} tells {hardest} from {own} in {100 * value:.0f} of 100 pairs"


def _verdict(value: float) -> str:
    if value < 0.45:
        return components.mark("points the wrong way")
    if value < 0.6:
        return components.mark("near guessing")
    return components.mark("tells them apart", "good") if value >= 0.9 else ""
