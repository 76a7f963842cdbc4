"""What a changed latent does to bounds and scores: the differences in one panel, the joint score in another."""

from collections.abc import Mapping, Sequence

from app.figures.layout import Figure, laid_out, legend_below, subplots
from app.looks.palette import Look
from hvae.datasets.looks import BLUE, GREEN, ORANGE, SKY, VERMILION

_LOOKS = (
    (VERMILION, "solid", "circle"),
    (BLUE, "dash", "square"),
    (SKY, "dot", "diamond"),
    (GREEN, "dashdot", "triangle-up"),
    (ORANGE, "longdash", "cross"),
)


def answers(
    names: Sequence[str],
    places: Sequence[float],
    changes: Mapping[str, Sequence[float]],
    joint: Sequence[float] | None,
    axis: str,
    title: str,
) -> Figure:
    """A line for each of at most five quantities by its symbol: its change in nats at every variant, by its name.

    `places` are where the variants stand on the axis; a second panel has the joint score, where there is one.
    """
    figure = subplots(
        rows=1, cols=1 if joint is None else 2, horizontal_spacing=0.12,
        subplot_titles=["change against the image as it is", *(["joint score"] if joint is not None else [])],
    )  # fmt: skip
    said = "<br>%{text}: %{y:.1f} nats"
    for (symbol, values), style in zip(changes.items(), _LOOKS, strict=False):
        figure.add(Look(symbol, *style), places, values, said, width=2, size=8, text=list(names), row=1, col=1)
    figure.update_yaxes(title="nats", row=1, col=1)
    if joint is not None:
        look = Look("joint score", VERMILION, "longdashdot", "star")
        figure.add(look, places, joint, said, width=2, size=9, text=list(names), row=1, col=2)
        figure.update_yaxes(title="nats", rangemode="tozero", row=1, col=2)
    figure.update_xaxes(title=axis, tickvals=list(places), ticktext=list(names))
    laid_out(figure, title, height=330, worded=True)
    return legend_below(figure, -0.32, 34)
