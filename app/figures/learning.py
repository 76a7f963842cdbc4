"""Learning curves: the ELBO over the epochs, and what each layer carries, one strip a layer."""

import html
import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from app.figures.layout import Figure, laid_out, subplots
from app.looks.palette import Look
from app.looks.wording import shortened
from hvae.datasets.looks import BLUE, VERMILION

MOST_POINTS = 400
"""Epochs drawn of one run: more are told apart by no screen."""

FEW = 60
"""Epochs below which each has a mark."""

MANY = 5
"""Strips up to which each is as tall as it likes."""

STRIPS = {
    "KL": ("log_ratio_", -1.0, "KL (nats)", "z<sub>{layer}</sub> (nats)"),
    "active units": ("active_units_", 1.0, "active units", "z<sub>{layer}</sub> (units)"),
}
"""Quantity -> (prefix of its columns, sign, name with its unit, title of the axis of one layer)."""
SCHEDULES = {"learning_rate": "learning rate", "beta": "beta", "free_nats": "free bits (nats)"}

_LOOKS = ((BLUE, "solid", "circle"), (VERMILION, "dash", "square"))


def thinned(history: pd.DataFrame, most: int = MOST_POINTS) -> pd.DataFrame:
    """At most `most` epochs of a learning curve, evenly spaced, the first and the last among them."""
    if len(history) <= most:
        return history
    return history.iloc[np.linspace(0, len(history) - 1, most).round().astype(int)]


def elbo(histories: Mapping[str, pd.DataFrame], title: str, axis: str) -> Figure:
    """ELBO (or what else is learnt, as the axis says) of minibatch and validation images over the epochs, in nats.

    A history, by the name of its run as HTML and run A's first, has columns `epoch`, `elbo` and maybe `train_elbo`.
    """
    figure = Figure()
    for (name, history), (colour, dash, marker) in zip(histories.items(), _LOOKS, strict=False):
        drawn = thinned(history)
        for column, words, open_marker, width in (
            ("elbo", "validation images", "", 2.5),
            ("train_elbo", "last training batch", "-open", 1.2),
        ):
            if column in drawn:
                style, size = Look(f"{name}, {words}", colour, dash, marker + open_marker), 8 * (len(drawn) < FEW)
                said = "<br>epoch %{x}<br>%{y:.2f} nats"
                short = f"{_short(name)}, {words}"
                figure.add(style, drawn["epoch"], drawn[column], said, width=width, size=size, name=short)
    figure.update_xaxes(title="epoch", dtick=_step(histories))
    figure.update_yaxes(title=f"{axis} (nats per image)")
    return laid_out(figure, title)


def strips(histories: Mapping[str, pd.DataFrame], quantity: str, title: str) -> Figure:
    """One strip a layer, or a schedule where the quantity is none of `STRIPS`; every strip has a scale of its own."""
    rows = rows_of(histories, quantity)
    figure = subplots(rows=max(1, len(rows)), cols=1, shared_xaxes=True, vertical_spacing=0.16 / max(2, len(rows)))
    for row, (column, (sign, axis, words)) in enumerate(rows.items(), start=1):
        for (name, history), (colour, dash, marker) in zip(histories.items(), _LOOKS, strict=False):
            if column in history:
                drawn = thinned(history)
                figure.add(
                    Look(name, colour, dash, marker),
                    drawn["epoch"],
                    sign * drawn[column],
                    f"<br>{words}<br>epoch %{{x}}: %{{y:.4g}}",
                    width=2,
                    size=7 * (len(drawn) < FEW),
                    name=_short(name),
                    legendgroup=name,
                    showlegend=row == 1 and len(histories) > 1,
                    row=row,
                    col=1,
                )
        figure.update_yaxes(title=axis, rangemode="tozero", nticks=4 if len(rows) <= MANY else 3, row=row, col=1)
    figure.update_xaxes(title="epoch", row=len(rows), col=1)
    figure.update_xaxes(dtick=_step(histories))
    return laid_out(figure, title, height=90 + (130 if len(rows) <= MANY else 96) * max(1, len(rows)))


def rows_of(histories: Mapping[str, pd.DataFrame], quantity: str) -> dict[str, tuple[float, str, str]]:
    """Column -> (sign, title of its axis, words) of every strip, lowest layer first."""
    columns = [str(column) for history in histories.values() for column in history.columns]
    if quantity not in STRIPS:
        return {column: (1.0, words, words) for column, words in SCHEDULES.items() if column in columns}
    prefix, sign, words, axis = STRIPS[quantity]
    found = [re.fullmatch(rf"{prefix}(\d+)", column) for column in columns]
    layers = sorted({int(one[1]) for one in found if one})
    return {f"{prefix}{layer}": (sign, axis.format(layer=layer), f"z<sub>{layer}</sub>, {words}") for layer in layers}


def table(histories: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """All epochs of the runs, one row a run and epoch."""
    return pd.concat([history.assign(run=name) for name, history in histories.items()], ignore_index=True)


def _short(name: str) -> str:
    """The name of a run in HTML as a legend has room for it."""
    return html.escape(shortened(html.unescape(name)))


def _step(histories: Mapping[str, pd.DataFrame]) -> int | None:
    """Every epoch on the axis where there are few; None leaves it to plotly."""
    return 1 if max(len(history) for history in histories.values()) <= 15 else None
