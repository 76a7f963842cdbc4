"""How alike two runs represent images: lines over the layers and a layer by layer heat map."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.figures.layout import Figure, laid_out
from app.looks import palette
from hvae.runs.correlations.unit_pairs import UnitPair


def over_layers(rows: pd.DataFrame, value: str, title: str, axis: str, null: bool) -> Figure:
    """One line a data set over `layer_a` of the rows; with `null` that of its shuffled images too, grey and dotted."""
    figure = Figure()
    for slug, own in rows.groupby("data", sort=False):
        look = palette.look(str(slug))
        figure.add_scatter(
            x=own["layer_a"],
            y=own[value],
            name=look.title,
            mode="lines+markers",
            line={"color": look.colour, "dash": look.dash, "width": 2.5},
            marker={"symbol": look.marker, "size": 9},
            hovertemplate=f"{look.title}, z<sub>%{{x}}</sub>: %{{y:.3f}}<extra></extra>",
        )
        if null:
            figure.add_scatter(
                x=own["layer_a"],
                y=own["null"],
                name="images shuffled: chance",
                legendgroup="null",
                mode="lines",
                line={"color": palette.GREY, "dash": "dot", "width": 1.2},
                showlegend=bool(slug == rows["data"].iloc[-1]),
                hovertemplate=f"{look.title}, images shuffled, z<sub>%{{x}}</sub>: %{{y:.3f}}<extra></extra>",
            )
    low = min(0.0, float(np.nanmin(rows[value].to_numpy(), initial=0)))
    figure.update_layout(
        xaxis=_layers(sorted(set(rows["layer_a"])), "layer"), yaxis={"title": axis, "range": [low - 0.02, 1.02]}
    )
    return laid_out(figure, title, worded=True)


def layer_grid(values: np.ndarray, run_a: str, run_b: str, title: str, name: str) -> Figure:
    """Every layer of run A against every layer of run B as a heat map; a click on a cell selects it.

    Heat-map cells cannot be selected, so invisible squares lie over them; their customdata is
    `layer_a * 1000 + layer_b`. The values are `(depth_a, depth_b)`, NaN where there is no number.
    """
    run_a, run_b = html.escape(run_a), html.escape(run_b)
    rows, columns = (list(range(1, depth + 1)) for depth in values.shape)
    text = np.where(np.isnan(values), "none", np.char.mod("%.2f", values))
    figure = Figure(
        go.Heatmap(
            z=values,
            x=columns,
            y=rows,
            colorscale=palette.HEAT_MAP,
            colorbar={"title": {"text": name, "side": "right"}, "thickness": 12, "outlinewidth": 0},
            text=text,
            **{"texttemplate": "%{text}", "hoverinfo": "skip", "zmin": 0, "zmax": 1, "xgap": 2, "ygap": 2},
        )
    )
    pairs = [(a, b) for a in rows for b in columns]
    figure.add_scatter(
        x=[b for _, b in pairs],
        y=[a for a, _ in pairs],
        mode="markers",
        marker={"symbol": "square", "size": 48, "opacity": 0},
        customdata=[a * 1000 + b for a, b in pairs],
        hovertext=[f"z{a} of {run_a} and z{b} of {run_b}: {text[a - 1, b - 1]}" for a, b in pairs],
        hoverinfo="text",
        showlegend=False,
    )
    figure.update_layout(
        xaxis=_layers(columns, f"layer of {run_b}") | {"showgrid": False, "range": [0.5, len(columns) + 0.5]},
        yaxis=_layers(rows, f"layer of {run_a}") | {"showgrid": False, "range": [0.5, len(rows) + 0.5]},
    )
    return laid_out(figure, title, worded=True, mouse="click")


def _layers(layers: Sequence[int], title: str) -> dict[str, Any]:
    """An axis of layers."""
    return {"title": title, "tickvals": list(layers), "ticktext": [f"z<sub>{layer}</sub>" for layer in layers]}


def matched_pairs(pairs: Sequence[UnitPair], run_a: str, run_b: str, units: Mapping[int, tuple[str, str]]) -> Figure:
    """|r| of the best matched units, one mark each; a click on a mark (customdata: its rank) selects it.

    There is at least one pair, the most alike stand first; `units` are both units of each in words, by its rank.
    """
    run_a, run_b = html.escape(run_a), html.escape(run_b)
    figure = Figure()
    for together, colour, symbol, name in (
        (True, palette.BLUE, "circle", "rise and fall together"),
        (False, palette.VERMILION, "diamond", "move against each other"),
    ):
        own = [pair for pair in pairs if (pair.r >= 0) == together]
        if own:
            figure.add_scatter(
                x=[pair.rank for pair in own],
                y=[abs(pair.r) for pair in own],
                customdata=[pair.rank for pair in own],
                name=name,
                mode="markers",
                marker={"color": colour, "symbol": symbol, "size": 13},
                hovertext=[
                    f"{units[pair.rank][0]} of {run_a}, {units[pair.rank][1]} of {run_b}: "
                    f"r = {pair.r:.2f}, {len(pair.shared)} of {len(pair.images_a)} images excite both"
                    for pair in own
                ],
                hoverinfo="text",
            )
    figure.update_layout(
        xaxis={"title": "unit pair, most alike first", "dtick": 1, "range": [0.5, len(pairs) + 0.5]},
        yaxis={"title": "|r|", "range": [-0.02, 1.05]},
    )
    title = "How alike are the best matched units? Click one to see what excites it"
    return laid_out(figure, title, height=240, worded=True, mouse="click")
