"""Metrics of several runs side by side: the table with paired differences, its LaTeX, and the ROC curves."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.compare.choosing import View
from app.compare.numbers import Compared, same_images
from app.figures import curves as curve_figures
from app.figures.curves import Line
from app.figures.layout import Figure
from app.frame import components
from app.looks.palette import look
from app.looks.wording import estimate, rate
from app.reading import loading
from app.reading.measures import Measure, stamp
from hvae import stats
from hvae.runs.score_tables import TableKey
from hvae.stats import PairedDifference

METRICS = ("auroc", "auprc", "fpr80")
UNPAIRED = "not paired: different images"


def room(view: View) -> DeltaGenerator:
    """A place for the metrics table, as high as it will be: what is below must not jump when it is filled."""
    frame = st.container(key="metrics-frame")
    if view.ood:
        height = 41 * len(view.ood) * len(view.runs) + (230 if len(view.runs) > 1 else 160)
        frame.html(f"<style>.st-key-metrics-frame {{ min-height: {height}px }}</style>")
    return frame


def metrics_table(view: View) -> None:
    """AUROC, AUPRC and FPR80 of every run against every OOD set, and the paired difference in AUROC from run A."""
    rows, numbers = [], []
    for slug in view.ood:
        for one in view.runs:
            row: dict[str, object] = {"ood": slug, "run": one.run.name, "score": components.plain(view.measure.symbol)}
            cells = [look(slug).title, one.look.title]
            if slug not in one.tables:
                rows.append([*cells, "not scored", *[""] * (len(METRICS) + 1)])
                continue
            found = loading.summary(one.keys[view.data], one.keys[slug], view.measure.score, view.measure.k)
            for images, estimates in found.items():
                for name, value in estimates.items():
                    row |= {f"{images}_{name}{end}": getattr(value, kind) for end, kind in _ENDS.items()}
            cells += [estimate(found["equal"][name]) for name in METRICS]
            rows.append([*cells, *(_compared_with_a(view, one, slug, row) if len(view.runs) > 1 else ())])
            numbers.append(row)
    frame = pd.DataFrame(numbers)
    columns = ["OOD set", "run", "AUROC ↑", "AUPRC ↑", "FPR80 ↓"]
    columns += ["AUROC minus A's", "p"] if len(view.runs) > 1 else []
    caption = f"{view.measure.symbol} against {look(view.data).title}, {view.setting}, with 95 % intervals"
    components.table(columns, rows, caption)
    with st.container(horizontal=True, gap="medium"):
        components.save(frame, "compared-metrics", key="compared-metrics-csv", quiet=True)
        st.download_button(
            "↓ LaTeX",
            lambda: latex(frame, f"{look(view.data).title}, {view.setting}"),
            "compared-metrics.tex",
            "text/x-tex",
            key="compared-metrics-latex",
            on_click="ignore",
            type="tertiary",
        )
    st.caption("As in the paper, both sides are cut to the same number of images; the CSV has all images as well.")
    if len(view.runs) == 1:
        return
    st.caption(
        "The difference is paired where both runs scored the same images (DeLong et al., 1988): p is how often chance "
        "alone would make it as large. It holds for these two trained models; what another seed would give needs "
        "more seeds."
    )


_ENDS = {"": "value", "_low": "low", "_high": "high"}


def _compared_with_a(view: View, one: Compared, slug: str, row: dict[str, object]) -> tuple[str, str]:
    """(difference with its interval, p) as cells; added to the row."""
    first = view.runs[0]
    if one is first:
        return "–", "–"
    if not all(same_images(one.tables[name], first.tables[name]) for name in (view.data, slug)):
        row["paired"] = UNPAIRED
        return UNPAIRED, "–"
    keys = (one.keys[view.data], one.keys[slug], first.keys[view.data], first.keys[slug])
    found = paired(keys, view.measure.score, view.measure.k)
    row["paired"] = "paired"
    for images, gain in found.items():
        row |= {f"{images}_difference{end}": getattr(gain, kind) for end, kind in _ENDS.items()}
        row[f"{images}_p"] = gain.p_value
    gain = found["equal"]
    text = f'{_signed(gain.value)} <span class="interval">[{_signed(gain.low)}, {_signed(gain.high)}]</span>'
    return text, "&lt; .001" if gain.p_value < 0.001 else rate(gain.p_value)


def paired(keys: tuple[TableKey, TableKey, TableKey, TableKey], score: str, k: int) -> dict[str, PairedDifference]:
    """AUROC of one run minus that of another, on equal-size subsets and on all images; cached until a file changes.

    Args:
        keys: (in-distribution, OOD) tables of the one run, then of the other, of the same images.
        score: `L` or `LLR`.
        k: of the score.
    """
    return _paired(keys, Measure(score, k), f"{stamp(keys)} {score} {k}")


@st.cache_data(max_entries=512, show_spinner=False)
def _paired(
    _keys: tuple[TableKey, TableKey, TableKey, TableKey], _measure: Measure, name: str
) -> dict[str, PairedDifference]:
    own_in, own_ood, in_a, ood_a = (_measure.of(loading.table(key)) for key in _keys)
    inside, outside = stats.equal_subsets(len(own_in), len(own_ood), 0)
    full = stats.paired_auroc_difference(own_in, own_ood, in_a, ood_a)
    if len(own_in) == len(own_ood):
        return {"equal": full, "full": full}
    return {
        "equal": stats.paired_auroc_difference(own_in[inside], own_ood[outside], in_a[inside], ood_a[outside]),
        "full": full,
    }


def latex(frame: pd.DataFrame, note: str) -> str:
    """The metrics on equal-size subsets as a LaTeX table with intervals.

    Args:
        frame: as the CSV holds it.
        note: on the in-distribution set and the setting.
    """
    from hvae.report.rendering import latex_table

    def cell(row: Mapping[Any, Any], name: str, form: str = "{:.3f}") -> str:
        value, low, high = (float(row[f"equal_{name}{end}"]) for end in _ENDS)
        return "" if np.isnan(value) else f"{form} [{form}, {form}]".format(value, low, high)

    columns: dict[str, list[str]] = {
        "OOD set": [look(str(slug)).title for slug in frame["ood"]],
        "run": [str(name) for name in frame["run"]],
        "score": [str(name) for name in frame["score"]],
    }
    names = [f"equal_difference{end}" for end in _ENDS]
    complete = frame.reindex(columns=list(dict.fromkeys([*frame.columns, *names, "equal_p"])))
    rows = complete.to_dict("records")
    columns |= {name.upper(): [cell(row, name) for row in rows] for name in METRICS}
    columns["difference in AUROC"] = [cell(row, "difference", "{:+.3f}") for row in rows]
    columns["p"] = ["" if np.isnan(p := float(row["equal_p"])) else f"{p:.2g}" for row in rows]
    return latex_table(
        "OOD detection of several runs with 95 % intervals", f"in-distribution {note}", pd.DataFrame(columns)
    )


def curves(view: View, slug: str) -> None:
    """One ROC curve a run against one OOD set."""
    keys = [one.keys[name] for one in view.runs if slug in one.tables for name in (view.data, slug)]
    letters = [one.letter for one in view.runs]
    figure, lines = _drawn_curves(f"{view.measure}{letters}{stamp(keys)}", view, slug)
    components.chart(figure, lambda: curve_figures.overlay_table(lines), f"roc-{slug}", key="overlay")


# A resource, because drawing takes most of the time of a page that is warm: nobody may change what it holds.
@st.cache_resource(max_entries=48, show_spinner=False)
def _drawn_curves(stamp: str, _view: View, slug: str) -> tuple[Figure, list[Line]]:
    lines, areas = [], {}
    for one in _view.runs:
        if slug in one.tables:
            scores = [_view.measure.of(one.tables[name]) for name in (_view.data, slug)]
            lines.append(Line(one.run.name, one.look, stats.roc_curve(*scores, points=300)))
            areas[one.letter] = stats.auroc(*scores).value
    return curve_figures.overlay(lines, _title(areas, look(slug).title)), lines


def _title(areas: dict[str, float], name: str) -> str:
    """Who catches most, in a sentence."""
    best, worst = max(areas, key=areas.__getitem__), min(areas, key=areas.__getitem__)
    if len(areas) == 1:
        return f"{best} orders {100 * areas[best]:.0f} of 100 pairs with {name} rightly"
    if areas[best] - areas[worst] < 0.005:
        return f"All runs order {name} alike: {100 * areas[best]:.1f} of 100 pairs rightly"
    return (
        f"{best} tells {name} apart best: {100 * areas[best]:.1f} of 100 pairs ordered rightly, "
        f"{100 * areas[worst]:.1f} by {worst}"
    )


def misfits(view: View) -> dict[str, str]:
    """Runs without tables that take images of another shape than run A, with that shape in words."""
    shapes = {run.name: run.config.model.image_shape for run in view.unscored if run.config}
    first = view.runs[0].run.config
    return {
        name: " × ".join(map(str, shape))
        for name, shape in shapes.items()
        if first and shape != first.model.image_shape
    }


def commands(view: View, wanted: Sequence[str]) -> list[str]:
    """The commands that score what is missing, one a run."""
    found = []
    for one in view.runs:
        absent = [slug for slug in wanted if slug not in one.tables]
        if absent:
            found.append((one.run.name, absent))
    unfit = misfits(view)
    found += [(run.name, [view.data, *wanted]) for run in view.unscored if run.name not in unfit]
    how = view.setting
    flags = f"--reading {how.reading} --samples {how.samples} --draws {how.draws}"
    return [f"hvae score {shlex.quote(name)} --data {' --data '.join(sets)} {flags}" for name, sets in found]


def _signed(value: float) -> str:
    """A difference with three decimals and its sign, such as `+.012`."""
    return ("−" if value < 0 else "+") + rate(abs(value))
