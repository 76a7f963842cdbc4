"""AUROC with its intervals: of scores at every level, against the samples S or draws R, and of scores as a list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from app.figures.layout import RULE, Figure, laid_out, legend_below, subplots
from app.looks.palette import look
from hvae.stats import Estimate

ACROSS = 3
"""Panels side by side, at most."""


@dataclass(frozen=True)
class Panel:
    """AUROCs of every OOD set at the same places; heading and ticks in HTML, `rows` what the table says of each place.

    `axis` is what changes from place to place, empty where each is a score of its own; the `chosen` place is marked.
    `lines` are slug of an OOD set -> place -> AUROC, and places may be missing.
    """

    heading: str
    axis: str
    ticks: Sequence[str]
    rows: Sequence[Mapping[str, object]]
    lines: Mapping[str, Mapping[int, Estimate]]
    chosen: int | None = None


def aurocs(panels: Sequence[Panel], title: str, *, zoomed: bool = False) -> Figure:
    """One line an OOD set in each panel, with 95 % intervals; panels whose places are scores have marks alone.

    There is at least one panel; each has a scale of its own if `zoomed`, rather than all of 0 to 1.
    """
    rows, columns = -(-len(panels) // ACROSS), min(len(panels), ACROSS)
    figure = subplots(
        rows=rows,
        cols=columns,
        subplot_titles=[panel.heading for panel in panels],
        horizontal_spacing=0.09 if zoomed else 0.06,
        vertical_spacing=0.3 / rows,
    )
    named: set[str] = set()
    for number, panel in enumerate(panels):
        place: dict[str, Any] = {"row": number // ACROSS + 1, "col": number % ACROSS + 1}
        for slug, line in panel.lines.items():
            estimates = list(line.values())
            spread = {
                "array": [one.high - one.value for one in estimates],
                "arrayminus": [one.value - one.low for one in estimates],
            }
            # A place is a number of its own, so 1 and 250 stand side by side as 1 and 16 do.
            figure.add(
                look(slug),
                list(line),
                [one.value for one in estimates],
                f"<br>{panel.axis or 'score'}: %{{customdata}}<br>AUROC %{{y:.{4 if zoomed else 3}f}}",
                width=2 if panel.axis else 0,
                size=10,
                error_y={"type": "data", "symmetric": False, "thickness": 1.5, "width": 4} | spread,
                legendgroup=slug,
                showlegend=slug not in named,
                customdata=[panel.ticks[one] for one in line],
                **place,
            )
            named.add(slug)
        ends = (-0.3, len(panel.ticks) - 0.7)
        figure.update_xaxes(
            title=panel.axis, tickvals=list(range(len(panel.ticks))), ticktext=list(panel.ticks), range=ends, **place
        )
        figure.update_yaxes(range=_range(panel) if zoomed else [-0.02, 1.04], **place)
        if not zoomed:
            figure.add_hline(y=0.5, line={"color": RULE, "width": 1, "dash": "dot"}, **place)
        if panel.chosen is not None:
            figure.add_vline(x=panel.chosen, line={"color": RULE, "width": 10}, opacity=0.25, **place)
    figure.update_yaxes(title="AUROC", col=1)
    laid_out(figure, title, height=70 + (270 if zoomed else 330) * rows)
    return legend_below(figure, -0.26 / rows, 36)


def ranking(rows: pd.DataFrame, title: str) -> Figure:
    """AUROCs as a list of scores, the first on top, a mark for each OOD set with its interval.

    Columns are `score` (HTML), the slug `ood`, and `auroc`, `low` and `high`.
    """
    figure = Figure()
    for slug, own in rows.groupby("ood", sort=False):
        figure.add(
            look(str(slug)),
            own["auroc"],
            own["score"],
            "<br>%{y}<br>AUROC %{x:.3f}",
            size=11,
            error_x={
                "type": "data", "symmetric": False, "thickness": 1.5, "width": 3,
                "array": own["high"] - own["auroc"], "arrayminus": own["auroc"] - own["low"],
            },
        )  # fmt: skip
    figure.add_vline(x=0.5, line={"color": RULE, "width": 1, "dash": "dot"})
    figure.update_xaxes(title="AUROC (.5 = guessing)", range=[-0.02, 1.04])
    figure.update_yaxes(autorange="reversed")
    return laid_out(figure, title, height=150 + 34 * len(set(rows["score"])), worded=True)


def table(panels: Sequence[Panel]) -> pd.DataFrame:
    """One row for each panel, OOD set and place."""
    return pd.DataFrame(
        [
            {"ood": slug, **panel.rows[place], "auroc": one.value, "low": one.low, "high": one.high}
            for panel in panels
            for slug, line in panel.lines.items()
            for place, one in line.items()
        ]
    )


def _range(panel: Panel) -> tuple[float, float]:
    """A range that holds every interval and is no finer than .02; past 0 and 1 only for the marks' own size."""
    found = [one for line in panel.lines.values() for one in line.values()]
    low, high = min(one.low for one in found), max(one.high for one in found)
    span = max(0.02, high - low)
    margin = (span - (high - low)) / 2 + 0.1 * span
    return max(low - margin, -0.1 * span), min(high + margin, 1 + 0.1 * span)
