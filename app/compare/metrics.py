"""Metrics of several runs side by side: the table with paired differences, its LaTeX, and the ROC curves."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.compare.choosing import Compared, View
from app.figures import curves as curve_figures
from app.figures.layout import Figure
from app.frame import components
from app.frame.caching import kept
from app.looks.palette import look
from app.looks.wording import rate
from app.reading import baselines
from app.reading import view as views
from app.reading.view import METRICS
from hvae import stats

UNPAIRED = "not paired: different images"


def room(view: View) -> DeltaGenerator:
    """A place for the metrics table, as high as it will be: what is below must not jump when it is filled."""
    frame = st.container(key="metrics-frame")
    if view.ood:
        rest = 330 if len(view.runs) > 1 else 260
        frame.html(f'<div class="room" style="--rows: {len(view.ood) * len(view.runs)}; --rest: {rest}px"></div>')
    return frame.container()


def metrics_table(view: View) -> None:
    """AUROC, AUPRC and FPR80 of every run against every OOD set, and the paired difference in AUROC from run A."""
    first, several = view.runs[0], len(view.runs) > 1
    frame = pd.DataFrame([_row(view, one, slug) for slug in view.ood for one in view.runs])
    runs = {one.run.name: one for one in view.runs}

    def scores(row: Any) -> str:
        """The set, leading to the scores of its run on it."""
        choices = runs[row.run].choices | {"data": view.data, "ood": [row.ood], "image": None}
        return components.leads(look(row.ood).title, "scores", **choices)

    shown: dict[str, Callable[[Any], str]] = {
        "OOD set": lambda row: look(row.ood).title if pd.isna(row.full_auroc) else scores(row),
        "run": lambda row: runs[row.run].led,
        **{heading: cell for heading, cell in views.metric_cells().items() if heading in METRICS.values()},
    }
    if several:
        shown["AUROC minus A's"] = _signed
        shown["p"] = lambda row: "–" if pd.isna(row.full_p) else "&lt; .001" if row.full_p < 0.001 else rate(row.full_p)
    rates = f"AUROC, AUPRC and FPR80 of {view.measure.symbol}"
    caption = f"{rates} against {look(view.data).title}, {view.setting}, with 95 % intervals"
    components.listed(frame, shown, caption)
    in_latex = partial(latex, frame, f"{look(view.data).title}, {view.setting}")
    components.save(frame, "compared-metrics", key="compared-metrics-csv", quiet=True, latex=in_latex)
    sizes = ", ".join(f"{len(first.scored[slug].table):,} {look(slug).title}" for slug in view.ood)
    st.caption(
        f"Computed from all images: {len(first.inside.table):,} {look(view.data).title} against {sizes}, unless the "
        "CSV says otherwise. In the CSV, equal_auroc and so on have both sides cut to the same number as well, as "
        "in the paper."
    )
    if several:
        components.prose(
            "The difference is that on the images that both runs scored, paired (DeLong et al., 1988), and p is how "
            "often chance alone would make it as large. It holds for these two trained models; only more seeds "
            "show what another training would give."
        )


def without_a_model(view: View) -> None:
    """The model-free baselines, fitted to the reference part of run A, beside all runs."""
    rivals = {} if view.measure.score.model_free else {one.letter: one for one in view.runs}
    baselines.fold(*baselines.measured(view.runs[0]), rivals)


def _row(view: View, one: Compared, slug: str) -> dict[str, Any]:
    """The metrics of one run against one set, those of all images and of equal numbers; none where it is not scored."""
    row: dict[str, Any] = {"ood": slug, "run": one.run.name, "score": view.measure.label, "paired": None}
    empty = [f"full_{name}{end}" for name in (*METRICS, "difference") for end in ("", "_low", "_high")]
    row |= dict.fromkeys(["n_in", "n_ood", *empty, "full_p"], float("nan"))
    first, outside = view.runs[0], one.scored.get(slug)
    if outside is None:
        return row
    row |= views.metric_columns(one.inside, outside)
    if one is first:
        return row
    gain = views.gain(one.inside, outside, first.inside, first.scored[slug]) if slug in first.scored else None
    if gain is None:
        return row | {"paired": UNPAIRED}
    return row | {"paired": "paired", "full_p": gain.p_value} | views.spread("full_difference", gain)


def _signed(row: Any) -> str:
    """The difference with its interval, three decimals and signs, such as `+.012`; why there is none, or a dash."""
    if row.paired == UNPAIRED:
        said, why = UNPAIRED.split(": ")
        return f'{said} <span class="interval">{why}</span>'
    if pd.isna(row.full_difference):
        return "–"
    ends = row.full_difference, row.full_difference_low, row.full_difference_high
    value, low, high = (("−" if one < 0 else "+") + rate(abs(one)) for one in ends)
    return f'{value} <span class="interval">[{low}, {high}]</span>'


def latex(frame: pd.DataFrame, note: str) -> str:
    """The metrics over all images as a LaTeX table with intervals; the frame is that of the CSV."""
    from hvae.report.rendering import latex_table

    def cell(row: Any, name: str, form: str = "{:.3f}") -> str:
        one = views.estimate_of(row, f"full_{name}")
        return "" if pd.isna(one.value) else f"{form} [{form}, {form}]".format(one.value, one.low, one.high)

    rows: list[Any] = list(frame.itertuples())
    cells = [
        {"OOD set": look(str(row.ood)).title, "run": str(row.run), "score": str(row.score)}
        | {name.upper(): cell(row, name) for name in METRICS}
        | {"difference in AUROC": cell(row, "difference", "{:+.3f}")}
        | {"p": "" if pd.isna(row.full_p) else f"{row.full_p:.2g}"}
        for row in rows
    ]
    title = "OOD detection of several runs with 95 % intervals"
    return latex_table(title, f"in-distribution {note}", pd.DataFrame(cells))


def curves(view: View, slug: str) -> None:
    """One ROC curve a run against one OOD set."""
    runs = [one for one in view.runs if slug in one.scored]

    def make() -> tuple[Figure, pd.DataFrame]:
        curves = {one.run.name: stats.roc_curve(one.inside.scores, one.scored[slug].scores, points=300) for one in runs}
        areas = {one.letter: views.auroc(one.inside, one.scored[slug]).value for one in runs}
        title = _title(areas, look(slug).title)
        return curve_figures.overlay(curves, [one.look for one in runs], title), curve_figures.table(curves, "run")

    stamp = [(one.letter, one.inside.stamp, one.scored[slug].stamp) for one in runs]
    components.chart(*kept("overlay", stamp, make), f"roc-{slug}", key="overlay")


def _title(areas: dict[str, float], name: str) -> str:
    best, worst = max(areas, key=areas.__getitem__), min(areas, key=areas.__getitem__)
    if len(areas) == 1:
        return f"{best} ranks {100 * areas[best]:.0f} of 100 pairs with {name} correctly"
    if areas[best] - areas[worst] < 0.005:
        return f"All runs rank {name} equally well: {100 * areas[best]:.1f} of 100 pairs correctly"
    return (
        f"{best} tells {name} apart best: it ranks {100 * areas[best]:.1f} of 100 pairs correctly, {worst} "
        f"{100 * areas[worst]:.1f}"
    )
