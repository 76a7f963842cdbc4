"""How alike two runs represent images: lines over the layers and a layer by layer heat map."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.figures.layout import Figure, laid_out
from app.looks import palette
from hvae.runs.correlations.unit_pairs import UnitPair


def over_layers(rows: pd.DataFrame, value: str, title: str, axis: str, null: bool) -> Figure:
    """One line a data set over the layers, with its shuffled null, grey and dotted.

    Args:
        rows: columns `data`, `layer_a`, `value` and, if `null`, `null`.
        value: column to draw.
        title: what to see.
        axis: name of the value.
        null: whether to draw the null.
    """
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
    layers = sorted(set(rows["layer_a"]))
    low = min(0.0, float(np.nanmin(rows[value].to_numpy(), initial=0)))
    figure.update_layout(
        xaxis={"title": "layer", "tickvals": layers, "ticktext": [f"z<sub>{layer}</sub>" for layer in layers]},
        yaxis={"title": axis, "range": [low - 0.02, 1.02]},
    )
    return laid_out(figure, title, worded=True)


def layer_grid(values: np.ndarray, run_a: str, run_b: str, title: str, name: str) -> Figure:
    """Every layer of run A against every layer of run B as a heat map; a click on a cell selects it.

    Heat-map cells cannot be selected, so invisible squares lie over them; their customdata is
    `layer_a * 1000 + layer_b`.

    Args:
        values: `(depth_a, depth_b)`, NaN where there is no number.
        run_a: name of run A, whose layers are the rows.
        run_b: name of run B.
        title: what to see.
        name: of the value.
    """
    depth_a, depth_b = values.shape
    run_a, run_b = html.escape(run_a), html.escape(run_b)
    names_a, names_b = ([f"z<sub>{n}</sub>" for n in range(1, depth + 1)] for depth in (depth_a, depth_b))
    text = np.where(np.isnan(values), "none", np.char.mod("%.2f", values))
    figure = Figure(
        go.Heatmap(
            z=values,
            x=list(range(1, depth_b + 1)),
            y=list(range(1, depth_a + 1)),
            zmin=0,
            zmax=1,
            colorscale=palette.HEAT_MAP,
            colorbar={"title": {"text": name, "side": "right"}, "thickness": 12, "outlinewidth": 0},
            text=text,
            texttemplate="%{text}",
            hoverinfo="skip",
            xgap=2,
            ygap=2,
        )
    )
    pairs = [(a, b) for a in range(1, depth_a + 1) for b in range(1, depth_b + 1)]
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
        xaxis={"title": f"layer of {run_b}", "tickvals": list(range(1, depth_b + 1)), "ticktext": names_b},
        yaxis={"title": f"layer of {run_a}", "tickvals": list(range(1, depth_a + 1)), "ticktext": names_a},
    )
    figure.update_xaxes(showgrid=False, range=[0.5, depth_b + 0.5])
    figure.update_yaxes(showgrid=False, range=[0.5, depth_a + 0.5])
    return laid_out(figure, title, worded=True, mouse="click")


def matched_pairs(pairs: Sequence[UnitPair], run_a: str, run_b: str, units: Mapping[int, tuple[str, str]]) -> Figure:
    """|r| of the best matched units, one mark each; a click on a mark (customdata: its rank) selects it.

    Args:
        pairs: the most alike first, at least one.
        run_a: name of run A.
        run_b: name of run B.
        units: both units of each pair in words, by its rank.
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
    return laid_out(
        figure,
        "How alike are the best matched units? Click one to see what excites it",
        height=240,
        worded=True,
        mouse="click",
    )
