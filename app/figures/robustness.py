"""AUROC of changed images as the strength of the change grows, one curve a score with its interval as a band."""

from collections.abc import Mapping

import pandas as pd

from app.figures.layout import RULE, Figure, laid_out
from app.looks.palette import Look
from hvae.datasets.families import Family


def curves(family: Family, lines: Mapping[Look, pd.DataFrame], seen: float, title: str) -> Figure:
    """One curve a look, whose rows have `strength`, `auroc`, `auroc_low` and `auroc_high`; a rule where `seen` begins.

    Strengths that are cases stand side by side, each with its interval.
    """
    figure = Figure()
    for style, rows in lines.items():
        x, y, low, high = (rows[name].tolist() for name in ("strength", "auroc", "auroc_low", "auroc_high"))
        hover = f"<br>{family.unit or family.title}: %{{customdata}}<br>AUROC %{{y:.3f}}"
        words = [family.words(strength) if strength else "0" for strength in x]
        if family.names:
            spread = {
                "type": "data",
                "symmetric": False,
                "array": [top - value for top, value in zip(high, y, strict=True)],
                "arrayminus": [value - bottom for bottom, value in zip(low, y, strict=True)],
            }
            figure.add(style, x, y, hover, size=10, error_y=spread, customdata=words)
            continue
        band = {"fill": "toself", "fillcolor": style.fill(), "mode": "lines", "line": {"width": 0}}
        figure.add_scatter(x=[*x, *x[::-1]], y=[*high, *low[::-1]], hoverinfo="skip", showlegend=False, **band)
        figure.add(style, x, y, hover, width=2, size=8, customdata=words)
    for height in (0.5, seen):
        figure.add_hline(y=height, line={"color": RULE, "width": 1, "dash": "dot"})
    if family.names:
        figure.update_xaxes(tickvals=list(family.strengths), ticktext=list(family.names), range=[0.5, 2.5])
    figure.update_xaxes(title=family.unit)
    figure.update_yaxes(title="AUROC", range=[-0.02, 1.04])
    return laid_out(figure, title, height=300)
