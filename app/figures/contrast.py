"""An image under a slider of its contrast, beside its likelihood under several densities; moved without the server."""

from collections.abc import Mapping, Sequence

from app.figures.layout import RULE, Figure, laid_out, subplots
from app.looks.palette import Look
from hvae.datasets.looks import BLUE

START = 1.0
"""The contrast of an image as it is."""


def dragged(
    pictures: Sequence[str], contrasts: Sequence[float], lines: Mapping[Look, Sequence[float]], title: str
) -> Figure:
    """A picture, as an address that carries it, and a value in bits/dim of each look, for every contrast."""
    figure = subplots(rows=1, cols=2, column_widths=[0.3, 0.7], horizontal_spacing=0.15)
    start = contrasts.index(START)

    def at(place: int) -> list[dict]:
        """The traces that move: the picture, and a mark on each curve."""
        values = [values[place] for values in lines.values()]
        return [{"type": "image", "source": pictures[place]}, {"x": [contrasts[place]] * len(values), "y": values}]

    picture, marks = at(start)
    figure.add_trace(picture | {"hoverinfo": "skip"}, 1, 1)
    for look, values in lines.items():
        figure.add(
            look, contrasts, values, "<br>contrast %{x:.1f}: %{y:.3f} bits/dim", width=2.5, xaxis="x2", yaxis="y2"
        )
    marker = {"size": 11, "color": [look.colour for look in lines], "line": {"color": "white", "width": 1.5}}
    figure.add_scatter(
        **marks, xaxis="x2", yaxis="y2", mode="markers", marker=marker, hoverinfo="skip", showlegend=False
    )
    moving = [0, 1 + len(lines)]
    figure.frames = [
        {"name": f"{contrast:g}", "data": at(place), "traces": moving} for place, contrast in enumerate(contrasts)
    ]
    at_once = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    steps = [
        {"label": f"{contrast:g}", "method": "animate", "args": [[f"{contrast:g}"], at_once]} for contrast in contrasts
    ]
    slider = {
        "active": start, "steps": steps, "currentvalue": {"prefix": "contrast: ", "font": {"size": 14}},
        "pad": {"t": 56, "l": 8, "r": 8}, "bgcolor": RULE, "activebgcolor": BLUE, "bordercolor": RULE,
        "tickcolor": RULE, "font": {"size": 11},
    }  # fmt: skip
    figure.update_layout(sliders=[slider])
    figure.update_xaxes(visible=False, row=1, col=1)
    figure.update_yaxes(visible=False, row=1, col=1)
    # No title on the vertical axis, which is that of the heading: on a phone it would lie on the picture.
    figure.update_xaxes(title="contrast", row=1, col=2)
    laid_out(figure, title, height=440)
    figure.update_layout(margin={"l": 8})
    return figure
