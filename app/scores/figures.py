"""The figures of the Scores page: metrics, densities, ROC curves, and the likelihood beside the chosen score."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.figures import curves as curve_figures
from app.figures import densities
from app.figures.densities import Brush, Series
from app.figures.layout import Figure
from app.frame import components, state
from app.frame.caching import kept
from app.images import served
from app.looks.palette import look
from app.looks.wording import literal, percent, rate, spoken
from app.reading import loading, measures
from app.reading import view as views
from app.reading.choosing import USUAL
from app.reading.measures import Measure, usable_unit
from app.reading.view import Scored, View
from app.scores import controls
from app.scores.controls import BUDGETS, Reach
from hvae.errors import TableError
from hvae.runs.folders import RunEntry
from hvae.scores import find

CONTRAST_MARKS = 200
"""Images drawn one by one in each panel beside the likelihood, all sets together; the main figure has more."""
LIKELIHOOD = find("bound")(0)


def metrics_table(view: View, threshold: measures.Threshold, versus: RunEntry | None) -> None:
    """AUROC, AUPRC and FPR80 with 95 % intervals for every OOD set, what the threshold catches, and run B beside it."""
    shown: dict[str, Callable[..., str]] = {"OOD set": lambda row: look(row.ood).title, **views.metric_cells()}
    shown[f"caught at {percent(threshold.false_alarms)} false alarms"] = lambda row: percent(row.caught)
    shown[""] = lambda row: _verdict(row.full_auroc)
    beside, problems = views.tried([partial(view.at, catalogue=loading.catalogue(versus))] if versus else [])
    if versus:
        shown[f"AUROC of {components.named(versus.name)}"] = _gain
    components.listed(
        pd.DataFrame([_metrics(view, other, threshold, beside) for other in view.outside]),
        shown,
        f"{view.measure.symbol} against {look(view.inside.slug).title}, {view.setting}, with 95 % intervals, from all "
        "images of both sets",
        name="metrics",
    )
    for text in problems:
        st.caption(literal(text))


def _metrics(view: View, other: Scored, threshold: measures.Threshold, beside: Sequence[View]) -> dict[str, object]:
    """Metrics on all images and on subsets of equal size (as in the paper), one column each; those of run B."""
    row: dict[str, object] = {"ood": other.slug, "score": view.measure.label, "caught": threshold.caught(other.scores)}
    row |= views.metric_columns(view.inside, other) | {"b_auroc": np.nan, "gain": np.nan}
    for run_b in beside:
        for one in run_b.only([other.slug]).outside:
            row["b_auroc"] = views.auroc(run_b.inside, one).value
            if gain := views.gain(view.inside, other, run_b.inside, one):
                row |= views.spread("gain", gain)
    return row


def _gain(row: Any) -> str:
    """AUROC of run B, and by how much run A is better on the same images."""
    if np.isnan(row.b_auroc):
        return "not scored"
    gain = "" if np.isnan(row.gain) else f"A − B = {row.gain:+.3f} [{row.gain_low:+.3f}, {row.gain_high:+.3f}]"
    return f'{rate(row.b_auroc)} <span class="interval">{gain}</span>'


def main_figures(
    view: View, threshold: measures.Threshold, brushing: bool, panel: str
) -> tuple[Brush, DeltaGenerator | None]:
    """Densities beside ROC or precision-recall curves; returns the brushed range, and the room for its images."""
    left, right = st.container(key="main-figures").columns([3, 2], gap="large")
    with left:
        above = st.container()
        reach = controls.choose_range(view, brushing, panel)
        room = None if reach.brush == (None, None) else st.container()
        _slider(view)
    with above:
        _densities(view, threshold, reach)
    with right:
        _curves(view, threshold, reach.panel)
    return reach.brush, room


def series(sets: Sequence[Scored], marks: int) -> list[Series]:
    """Binned densities of several sets, with so many images of them drawn one by one."""
    rugs = [measures.rug(one.scores, marks // len(sets)) for one in sets]
    drawn = zip(sets, views.densities(sets), rugs, strict=True)
    return [
        Series(one.slug, density, rug, one.scores[rug], served.words(one.table, rug.tolist()))
        for one, density, rug in drawn
    ]


def _densities(view: View, threshold: measures.Threshold, reach: Reach) -> None:
    # A new key forgets what was selected in the figure before: the outline of another brush, or a mark that a click on
    # the same place would take back instead of choosing. A figure that is dragged over keeps its key, and with it its
    # place in the browser, as long as the outline is that of the range.
    selected = controls.outline() if reach.brushing else reach
    key = f"densities-{zlib.crc32(f'{view.stamp}{reach.brushing}{selected}'.encode()):08x}"
    # What was dragged the browser outlines itself; a figure that stays the same is not drawn again.
    brush = (None, None) if components.is_brushed(key) else reach.brush

    def draw() -> tuple[Figure, pd.DataFrame]:
        found, measure = series(view.sets, measures.RUG_MARKS), view.measure
        figure = densities.densities(
            found, threshold.value, _title(view), measure.symbol, measure.unit, brush, brushing=reach.brushing
        )
        return figure, densities.density_table(found)

    mouse: Any = {"on_brush": controls.drag} if reach.brushing else {"on_click": state.inspect_mark(view.slugs)}
    drawn = kept("densities drawn", (view.stamp, threshold.value, reach.brushing, brush), draw)
    with st.container(key="densities"):
        components.chart(*drawn, "densities", key=key, pictures=served.of_view(view), **mouse)


def _curves(view: View, threshold: measures.Threshold, panel: str) -> None:
    """ROC or precision-recall curves; a click on one sets the threshold to that of its point."""
    curves = {other.slug: views.curves(view.inside, other)[panel != "ROC"] for other in view.outside}
    thresholds = [one.thresholds for one in curves.values()]

    def move(mark: int) -> None:
        place, point = divmod(int(mark), curve_figures.POINTS_PER_CURVE)
        if place < len(thresholds) and point < len(thresholds[place]):
            share = 100 * float(np.mean(view.inside.scores >= thresholds[place][point]))
            # Rounded up, so that the images at the threshold stay within the budget.
            st.session_state["alarm"] = float(np.clip(np.ceil(share * 1000 - 1e-6) / 1000, *BUDGETS))

    def draw() -> tuple[Figure, pd.DataFrame]:
        alarms, caught = threshold.false_alarms, {other.slug: threshold.caught(other.scores) for other in view.outside}
        if panel == "ROC":
            points = {slug: (alarms, share) for slug, share in caught.items()}
            title = "Images caught at every rate of false alarms: the large marks are the threshold; click to move it"
        else:
            # At 1:1; 1 where nothing is called OOD, as at the upper end of a curve.
            precise = {slug: share / (alarms + share) if alarms + share else 1.0 for slug, share in caught.items()}
            points = {slug: (share, precise[slug]) for slug, share in caught.items()}
            title = "How many of the images called OOD are OOD? The large marks are the threshold; click to move it"
        return curve_figures.clickable(curves, points, title), curve_figures.table(curves)

    drawn, name = kept("curves drawn", (panel, view.stamp, threshold.value), draw), panel.lower()
    with st.container(key=name):
        key = f"{name}-{zlib.crc32(f'{view.stamp}{view.budget}'.encode()):08x}"
        components.chart(*drawn, "roc" if panel == "ROC" else "precision-recall", key=key, on_click=move)


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
    aurocs, own, symbol = _aurocs(view), look(view.inside.slug).title, view.measure.symbol
    worst = min(aurocs, key=aurocs.__getitem__)
    name, value = look(worst).title, aurocs[worst]
    if value < views.WRONG_WAY:
        return f"{symbol} fails: {name} looks MORE normal than {own} in {100 * (1 - value):.0f} of 100 pairs"
    if value < views.GUESSING:
        return f"{symbol} hardly tells {name} from {own}: it ranks {100 * value:.0f} of 100 pairs correctly"
    hardest = f"{name}, the hardest set," if len(aurocs) > 1 else name
    if value < views.TELLS:
        return f"{symbol} ranks {100 * value:.0f} of 100 pairs of {hardest} and {own} correctly"
    return f"{symbol} tells {hardest} from {own} in {100 * value:.0f} of 100 pairs"


def _verdict(value: float) -> str:
    if value < views.WRONG_WAY:
        return components.mark("points the wrong way")
    if value < views.GUESSING:
        return components.mark("near guessing")
    return components.mark("tells them apart", "good") if value >= views.TELLS else ""


def pair(view: View) -> tuple[View, View]:
    """The sets under the likelihood, and under the chosen score (the usual one where that is the likelihood itself)."""
    likelihood = view.under(Measure(LIKELIHOOD, usable_unit(type(LIKELIHOOD), view.unit)))
    if view.measure.score != LIKELIHOOD:
        return likelihood, view
    usual = find(USUAL)
    if not usual.levels(view.depth):
        raise TableError("this is the likelihood itself, and the model has no layers to compare it with")
    other = view.under(Measure(usual(usual.usual_level(view.depth)), usable_unit(usual, view.unit)))
    return likelihood.only(other.slugs), other


def beside_likelihood(view: View) -> None:
    """Densities of -L^{>0} and of the chosen score on the same images; a click on a mark pins its image."""
    both = pair(view)
    stamp = f"{both[0].stamp}\n{both[1].stamp}"

    def draw() -> tuple[Figure, pd.DataFrame]:
        left, right = map(_panel, both)
        own, symbol = look(view.inside.slug).title, both[1].measure.symbol
        title = what_to_see(own, symbol, *map(_aurocs, both))
        return densities.contrast(left, right, title), densities.contrast_table(left, right)

    with st.container(key="contrast"):
        # A new key forgets the mark that was chosen in the figure before, which a click there would take back.
        key = f"contrast-{zlib.crc32(stamp.encode()):08x}"
        drawn = kept("contrast drawn", stamp, draw)
        click = state.inspect_mark(both[1].slugs)
        components.chart(*drawn, "contrast", key=key, on_click=click, pictures=served.of_view(both[1]))


def what_to_see(own: str, symbol: str, likelihood: Mapping[str, float], other: Mapping[str, float]) -> str:
    """The two panels in a sentence, from the title of the in-distribution set and the AUROCs of either score."""
    fooled = [slug for slug, value in likelihood.items() if value < views.WRONG_WAY]
    if not fooled:
        return f"Likelihood: no set sits left of {own} here; {symbol} beside it, on the same images"
    names = spoken(look(slug).title for slug in fooled)
    verb = "sits" if len(fooled) == 1 else "sit"
    said = f"Likelihood: {names} {verb} left of {own}, as if more normal than its own data"
    caught = [slug for slug in fooled if other[slug] > 0.55]
    if not caught:
        return f"{said}; {symbol} does not mend it"
    if len(caught) == len(fooled):
        return f"{said}; {symbol} moves {'it' if len(fooled) == 1 else 'them'} to the right"
    return f"{said}; {symbol} moves {spoken(look(slug).title for slug in caught)} to the right"


def _panel(view: View) -> densities.Panel:
    one, marks = view.measure, series(view.sets, CONTRAST_MARKS)
    return densities.Panel(one.symbol, one.unit, f"{one.score.title}, {one.symbol}", marks)


def _aurocs(view: View) -> dict[str, float]:
    return {other.slug: views.auroc(view.inside, other).value for other in view.outside}
