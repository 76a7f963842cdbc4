"""One image against the in-distribution images: its score at every level, and its bound step by step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from app.figures.layout import RULE, Figure, laid_out
from app.looks.palette import look
from hvae.datasets.looks import GREY, VERMILION
from hvae.stats.arrays import Floats

PERCENTILES = (5, 25, 50, 75, 95)
MANY, LONG = 6, 9
"""Most rows of a figure that stand as far apart as they like; beyond, closer."""


def profile(bands: Mapping[str, Floats], values: Sequence[float], own: str, name: str, title: str) -> Figure:
    """Horizontal bands of in-distribution percentiles (5-95 and 25-75) with one image's values as marks.

    Bands are row label in HTML -> the `PERCENTILES` of the set `own` in nats; values are in their order.
    """
    rows, limits = list(bands), np.array(list(bands.values()))
    figure = Figure()
    add_bands(figure, rows, limits, limits, own, 0.5)
    median = {"symbol": "line-ns-open", "size": 20, "color": look(own).colour, "line": {"width": 2}}
    here = {"symbol": "diamond", "size": 14, "color": VERMILION, "line": {"color": "white", "width": 1.5}}
    for label, x, marker in (("median", limits[:, 2], median), (name, values, here)):
        hover = f"{label} %{{x:.4g}} nats<extra></extra>"
        figure.add_scatter(y=rows, x=x, mode="markers", marker=marker, name=label, hovertemplate=hover)
    figure.update_layout(barmode="overlay", yaxis={"autorange": "reversed"}, xaxis={"title": "nats"})
    row = 46 if len(rows) <= MANY else 32 if len(rows) <= LONG else 22
    return laid_out(figure, title, height=170 + row * len(rows), worded=True)


def table(bands: Mapping[str, Floats], values: Sequence[float]) -> pd.DataFrame:
    """The image's values beside the in-distribution percentiles, one row each."""
    return _beside({"quantity": [plain(row) for row in bands], "this_image": values}, list(bands.values()))


def _beside(columns: Mapping[str, Sequence[object]], bands: Sequence[Floats]) -> pd.DataFrame:
    return pd.DataFrame(dict(columns)).join(pd.DataFrame(np.array(bands), columns=[f"p{p}" for p in PERCENTILES]))


def plain(html: str) -> str:
    """A label in HTML as plain text, for tables and CSV files."""
    for mark, text in (("<sup>", ""), ("</sup>", ""), ("<sub>", "_"), ("</sub>", ""), ("&gt;", ">"), ("−", "-")):
        html = html.replace(mark, text)
    return html


def add_bands(figure: Figure, rows: Sequence[Any], limits: Floats, values: Floats, own: str, width: float) -> None:
    """Add both bands in every row: `limits`, `(n, 5)`, is where they are drawn, `values` what they are in nats."""
    style = look(own)
    for low, high, opacity in ((0, -1, 0.22), (1, -2, 0.5)):
        label = f"{style.title}, {PERCENTILES[low]}-{PERCENTILES[high]} %"
        figure.add_bar(
            y=rows,
            base=limits[:, low],
            x=limits[:, high] - limits[:, low],
            orientation="h",
            width=width,
            marker={"color": style.fill(opacity), "line": {"width": 0}},
            name=label,
            customdata=[f"{row[low]:.4g} to {row[high]:.4g}" for row in values],
            hovertemplate=f"{label}: %{{customdata}} nats<extra></extra>",
        )


@dataclass(frozen=True)
class Step:
    """One bar, in nats: it starts at the running total (at 0 for a sum of the steps above) and adds its value.

    The band are the `PERCENTILES` of the in-distribution images' own values of this step.
    """

    label: str
    start: float
    value: float
    band: Floats
    total: bool = False

    @property
    def end(self) -> float:
        """Running total after it, in nats."""
        return self.start + self.value

    @property
    def excess(self) -> float:
        """How far the value lies outside the 5-95 % band, in widths of the band; 0 inside."""
        low, high = float(self.band[0]), float(self.band[-1])
        return max(low - self.value, self.value - high, 0.0) / max(high - low, 1e-9)

    @property
    def is_odd(self) -> bool:
        """Whether the value lies outside the 5-95 % band, as the numbers are printed."""
        end = float(self.band[0] if self.value < self.band[0] else self.band[-1])
        return self.excess > 0 and number(self.value) != number(end)


def furthest(steps: Sequence[Step]) -> Step | None:
    """The step furthest outside its band, None where all lie inside; sums do not count, as they repeat the steps."""
    return max((one for one in steps if not one.total and one.is_odd), key=lambda one: one.excess, default=None)


def waterfall(steps: Sequence[Step], own: str, name: str, title: str) -> Figure:
    """One row a step: the image's bar from the running total on, over the band of the in-distribution images.

    A band starts where the image's bar does: it shows where the bar would end for the middle half, and for the middle
    90 %, of the in-distribution images (`own` is the slug of their set).
    """
    rows = np.arange(len(steps))
    starts, ends = np.array([one.start for one in steps]), np.array([one.end for one in steps])
    limits = starts[:, None] + np.array([one.band for one in steps])
    silent: dict[str, Any] = {"hoverinfo": "skip", "showlegend": False}
    figure = Figure()
    add_bands(figure, rows.tolist(), limits, limits - starts[:, None], own, 0.78)
    for total, colour, label in ((False, VERMILION, "a step"), (True, GREY, "a sum")):
        chosen = [row for row, one in enumerate(steps) if one.total == total]
        figure.add_bar(
            y=rows[chosen],
            base=starts[chosen],
            x=(ends - starts)[chosen],
            orientation="h",
            width=0.36,
            marker={"color": colour, "line": {"width": 0}},
            name=f"{name}, {label}",
            customdata=[plain(steps[row].label) for row in chosen],
            hovertemplate=f"{name}<br>%{{customdata}} %{{x:.1f}} nats<extra></extra>",
        )
    gap = np.full(len(steps) - 1, np.nan)
    figure.add_scatter(
        x=np.column_stack([ends[:-1], ends[:-1], gap]).ravel(),
        y=np.column_stack([rows[:-1], rows[1:], gap]).ravel(),
        mode="lines",
        line={"color": RULE, "width": 1, "dash": "dot"},
        **silent,
    )
    # Right of everything drawn in the row, so that no number lies on a bar.
    rightmost = np.maximum(np.maximum(starts, ends), limits[:, -1])
    figure.add_scatter(
        x=rightmost,
        y=rows,
        mode="text",
        text=[f"\u2002<b>{number(one.value)}</b>" if one.is_odd else f"\u2002{number(one.value)}" for one in steps],
        textposition="middle right",
        **silent,
    )
    least, most = float(min(limits.min(), starts.min(), ends.min())), float(rightmost.max())
    span = max(most - least, 1.0)
    # On a phone a letter of the longest number takes a thirtieth of the width.
    room = max(0.3, 0.055 * max(len(number(one.value)) for one in steps))
    figure.update_layout(
        barmode="overlay",
        yaxis={"tickvals": rows, "ticktext": [one.label for one in steps], "range": [len(steps) - 0.4, -0.6]},
        xaxis={"title": {"text": "nats, added up", "standoff": 4}, "range": [least - 0.03 * span, most + room * span]},
    )
    laid_out(figure, title, height=66 + (26 if len(steps) <= LONG else 19) * len(steps), worded=True)
    figure.update_yaxes(showgrid=False)
    figure.update_layout(showlegend=False)
    return figure


def steps_table(steps: Sequence[Step]) -> pd.DataFrame:
    """One row a step: what the image adds, the running total, and the in-distribution percentiles of the step."""
    columns = {"this_image": [one.value for one in steps], "running_total": [one.end for one in steps]}
    frame = _beside({"step": [plain(one.label) for one in steps]} | columns, [one.band for one in steps])
    return frame.assign(band_widths_outside=[one.excess for one in steps])


def number(nats: float) -> str:
    """A number of nats with a proper minus sign: one decimal, none from a thousand on."""
    return (f"{nats:,.0f}" if abs(nats) >= 1000 else f"{nats:.1f}").replace("-", "−")
