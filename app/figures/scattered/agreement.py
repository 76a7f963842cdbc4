"""How alike two runs are: in their scores, image by image, in their layers, and in their units."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.figures.densities import IDS_PER_SET
from app.figures.layout import RULE, Figure, laid_out
from app.looks import palette
from hvae.datasets.looks import BLUE, GREY, VERMILION
from hvae.runs.correlations.unit_pairs import UnitPair


def agreement(
    images: pd.DataFrame,
    thresholds: tuple[float, float],
    letters: tuple[str, str],
    axes: tuple[str, str],
    title: str,
    words: Sequence[str] = (),
) -> Figure:
    """Images as marks whose customdata is place of the set x `IDS_PER_SET` + number of the image.

    Columns are the slug of the set `data` (the in-distribution one first), the number `image`, and the scores by two
    runs; `words` name each image for hovering, in plain text, default by its number. Images at or above the threshold
    of a run are called OOD by it.
    """
    figure = Figure()
    for place, (slug, own) in enumerate(images.groupby("data", sort=False)):
        figure.add(
            palette.look(str(slug)),
            own.iloc[:, 2],
            own.iloc[:, 3],
            f" %{{text}}<br>{letters[0]} %{{x:.4g}}, {letters[1]} %{{y:.4g}}<br>click to look at it",
            size=7,
            clicked=(14, 0.5),
            marker={"opacity": 0.7, "line": {"width": 0}},
            customdata=place * IDS_PER_SET + own["image"],
            text=[words[number] for number in own.index] if words else own["image"].astype(str).tolist(),
        )
    rule = {"color": RULE, "width": 1.5, "dash": "dash"}
    figure.add_vline(x=thresholds[0], line=rule)  # type: ignore[arg-type]
    figure.add_hline(y=thresholds[1], line=rule)  # type: ignore[arg-type]
    only = (f"only {letter} does" for letter in letters)
    corners = zip(("both call it OOD", *only, "neither does"), ((1, 1), (1, 0), (0, 1), (0, 0)), strict=True)
    for text, (right, top) in corners:
        anchors = {"xanchor": "right" if right else "left", "yanchor": "top" if top else "bottom"}
        paper = {"xref": "paper", "yref": "paper", "showarrow": False, "font": {"size": 12}}
        figure.add_annotation(x=right, y=top, text=text, **anchors, **paper)
    figure.update_xaxes(title=axes[0], range=_range(images.iloc[:, 2], thresholds[0]))
    figure.update_yaxes(title=axes[1], range=_range(images.iloc[:, 3], thresholds[1]))
    return laid_out(figure, title, height=480, mouse="click")


def _range(values: pd.Series, threshold: float) -> list[float]:
    """Everything drawn and the threshold, with room for a mark and for the names of the quadrants."""
    low, high = min(threshold, values.min()), max(threshold, values.max())
    room = 0.06 * (high - low) or 1.0
    return [low - room, high + room]


def over_layers(rows: pd.DataFrame, value: str, title: str, axis: str, null: bool) -> Figure:
    """One line a data set over `layer_a` of the rows; with `null` that of its shuffled images too, grey and dotted."""
    figure = Figure()
    for slug, own in rows.groupby("data", sort=False):
        look = palette.look(str(slug))
        said = ", z<sub>%{x}</sub>: %{y:.3f}"
        figure.add(look, own["layer_a"], own[value], said, width=2.5, size=9)
        if null:
            figure.add(
                palette.Look(f"{look.title}, images shuffled", GREY, "dot", ""),
                own["layer_a"],
                own["null"],
                said,
                width=1.2,
                name="images shuffled: chance",
                legendgroup="null",
                showlegend=bool(slug == rows["data"].iloc[-1]),
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
    return {"title": title, "tickvals": list(layers), "ticktext": [f"z<sub>{layer}</sub>" for layer in layers]}


def matched_pairs(pairs: Sequence[UnitPair], run_a: str, run_b: str, units: Mapping[int, tuple[str, str]]) -> Figure:
    """|r| of the best matched units, one mark each; a click on a mark (customdata: its rank) selects it.

    There is at least one pair, the most alike stand first; `units` are both units of each in words, by its rank.
    """
    run_a, run_b = html.escape(run_a), html.escape(run_b)
    figure = Figure()
    for together, style in (
        (True, palette.Look("rise and fall together", BLUE, "", "circle")),
        (False, palette.Look("move in opposite directions", VERMILION, "", "diamond")),
    ):
        if own := [pair for pair in pairs if (pair.r >= 0) == together]:
            ranks = [pair.rank for pair in own]
            figure.add(
                style,
                ranks,
                [abs(pair.r) for pair in own],
                size=13,
                customdata=ranks,
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
