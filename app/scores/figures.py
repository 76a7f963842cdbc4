"""The main figures of the Scores page: metrics, densities, ROC curves, and AUROC at every k."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from app.figures import aurocs as auroc_figures
from app.figures import curves as curve_figures
from app.figures import densities
from app.figures.densities import IDS_PER_SET, Brush, Series
from app.figures.layout import Figure
from app.frame import components, state
from app.frame.state import ImageId
from app.looks.palette import look
from app.looks.wording import estimate, percent, rate
from app.reading import loading, measures
from app.reading import numbers as score_numbers
from app.reading.measures import Measure
from app.reading.view import Scored, View
from app.scores import brush as score_brush
from app.scores.brush import Reach
from app.scores.controls import BUDGETS
from hvae import stats
from hvae.errors import HvaeError
from hvae.runs.folders import RunEntry


def metrics_table(view: View, threshold: measures.Threshold, versus: RunEntry | None) -> None:
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


def _columns(found: dict[str, dict[str, stats.Estimate]]) -> dict[str, float]:
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
    pair = [measures.find(keys, slug, view.setting) for slug in (view.inside.slug, other.slug)]
    if None in pair:
        return "not scored"
    try:
        inside, outside = (view.measure.of(loading.table(key)) for key in pair if key)
    except HvaeError as error:
        return components.escape(error)
    mine = (view.measure.of(view.inside.table), view.measure.of(other.table))
    text = rate(stats.auroc(inside, outside).value)
    if (len(inside), len(outside)) != (len(mine[0]), len(mine[1])):
        return text
    gain = stats.paired_auroc_difference(*mine, inside, outside)
    return f'{text} <span class="interval">A − B = {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]</span>'


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


def _densities(view: View, threshold: measures.Threshold, reach: Reach) -> None:
    sets = (view.inside, *view.outside)
    # A new key forgets what was selected in the figure before: the outline of another brush, or a mark that a click on
    # the same place would take back instead of choosing. A figure that is dragged over keeps its key, and with it its
    # place in the browser, as long as the outline is that of the range.
    selected = score_brush.outline() if reach.brushing else reach
    tables = measures.stamp([one.key for one in sets])
    stamp = f"{view.measure}{view.setting}{reach.brushing}{selected}{tables}"
    key = f"densities-{zlib.crc32(stamp.encode()):08x}"
    # What was dragged the browser outlines itself; a figure that stays the same is not drawn again.
    brush = (None, None) if components.is_brushed(key) else reach.brush
    stamp = f"{view.measure}{threshold.value}{reach.brushing}{brush}{tables}"
    figure, table = _drawn_densities(stamp, view, threshold.value, brush, reach.brushing)

    def pin(mark: int) -> None:
        place, index = divmod(int(mark), IDS_PER_SET)
        if place < len(sets):
            state.pin(ImageId(sets[place].slug, index))

    with st.container(key="densities"):
        if reach.brushing:
            components.chart(figure, table, "densities", key=key, on_brush=score_brush.drag)
        else:
            components.chart(figure, table, "densities", key=key, on_click=pin)


# Resources, because drawing takes most of the time of a page that is warm: nobody may change what they hold.
@st.cache_resource(max_entries=48, show_spinner=False)
def _drawn_densities(
    stamp: str, _view: View, threshold: float, brush: Brush, brushing: bool
) -> tuple[Figure, pd.DataFrame]:
    sets = (_view.inside, *_view.outside)
    series = []
    for one, density in zip(sets, score_numbers.densities([one.key for one in sets], _view.measure), strict=True):
        scores = _view.measure.of(one.table)
        marks = measures.rug(scores, measures.RUG_MARKS // len(sets))
        series.append(Series(one.slug, density, marks, scores[marks]))
    symbol, unit = _view.measure.symbol, _view.measure.unit
    figure = densities.densities(series, threshold, _title(_view), symbol, unit, brush, brushing=brushing)
    return figure, densities.density_table(series)


def _curves(view: View, threshold: measures.Threshold, panel: str) -> None:
    """ROC or precision-recall curves; a click on one sets the threshold to that of its point."""
    inside = view.measure.of(view.inside.table)
    both = {other.slug: score_numbers.curves(view.inside.key, other.key, view.measure) for other in view.outside}
    caught = {other.slug: threshold.caught(view.measure.of(other.table)) for other in view.outside}
    thresholds = [pair[0 if panel == "ROC" else 1].thresholds for pair in both.values()]

    def move(mark: int) -> None:
        place, point = divmod(int(mark), curve_figures.POINTS_PER_CURVE)
        if place < len(thresholds) and point < len(thresholds[place]):
            share = 100 * float(np.mean(inside >= thresholds[place][point]))
            # Rounded up, so that the images at the threshold stay within the budget.
            st.session_state["alarm"] = float(np.clip(np.ceil(share * 1000 - 1e-6) / 1000, *BUDGETS))

    with st.container(key=panel.lower()):
        key = f"{panel.lower()}-{zlib.crc32(f'{view.measure}{view.setting}{list(both)}{view.budget}'.encode()):08x}"
        keys = [view.inside.key, *(other.key for other in view.outside)]
        stamp = f"{panel}{view.measure}{threshold.value}{measures.stamp(keys)}"
        figure, table = _drawn_curves(stamp, panel, both, threshold, caught)
        components.chart(figure, table, "roc" if panel == "ROC" else "precision-recall", key=key, on_click=move)


@st.cache_resource(max_entries=48, show_spinner=False)
def _drawn_curves(
    stamp: str,
    panel: str,
    _both: Mapping[str, tuple[stats.RocCurve, stats.PrecisionRecallCurve]],
    _threshold: measures.Threshold,
    _caught: Mapping[str, float],
) -> tuple[Figure, pd.DataFrame]:
    if panel == "ROC":
        curves = {slug: pair[0] for slug, pair in _both.items()}
        points = {slug: (_threshold.false_alarms, share) for slug, share in _caught.items()}
        title = "The larger mark on each curve is the threshold; a click moves it"
        return curve_figures.roc(curves, points, title), curve_figures.roc_table(curves)
    curves = {slug: pair[1] for slug, pair in _both.items()}
    points = {slug: (share, _precision(_threshold, share)) for slug, share in _caught.items()}
    title = "Of the images called OOD, how many are? The larger marks are the threshold"
    return curve_figures.precision_recall(curves, points, title), curve_figures.precision_recall_table(curves)


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


def by_level(view: View) -> None:
    """AUROC at every k for both scores, and which k is the best one."""
    keys = [view.inside.key, *(other.key for other in view.outside)]
    figure, curves = _drawn_levels(f"{view.measure.score}{view.measure.k}{measures.stamp(keys)}", view)
    components.chart(figure, auroc_figures.level_table(curves), "auroc-by-k", key="levels")
    rows = []
    for slug, scores in curves.items():
        best = max(scores["LLR"], key=lambda k: scores["LLR"][k].value)
        rows.append([look(slug).title, f"LLR<sup>&gt;{best}</sup>", estimate(scores["LLR"][best])])
    components.table(["OOD set", "best k", "AUROC ↑"], rows, "Best k (as in the paper; uses OOD data)")


@st.cache_resource(max_entries=48, show_spinner=False)
def _drawn_levels(stamp: str, _view: View) -> tuple[Figure, auroc_figures.ByLevel]:
    depth = _view.inside.table.metadata.depth
    curves: auroc_figures.ByLevel = {
        other.slug: {
            score: {
                k: score_numbers.auroc(_view.inside.key, other.key, Measure(score, k))
                for k in range(0 if score == "L" else 1, depth + 1)
            }
            for score in auroc_figures.PANELS
        }
        for other in _view.outside
    }
    chosen = (_view.measure.score, _view.measure.k)
    title = "Below .5 a score points the wrong way; the band marks the chosen k"
    return auroc_figures.auroc_by_level(curves, chosen, title), curves


def _title(view: View) -> str:
    """What the densities show, in a sentence: the hardest set is named."""
    aurocs = {other.slug: score_numbers.auroc(view.inside.key, other.key, view.measure).value for other in view.outside}
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
