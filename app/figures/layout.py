"""What all figures share."""

import base64
from collections.abc import Sequence
from typing import Any, Literal, cast

import numpy as np
import plotly.graph_objects as go
from plotly.basedatatypes import BaseTraceType
from plotly.subplots import make_subplots

from app.looks.palette import Look

RULE = "rgba(128, 136, 148, 0.85)"
"""Colour of thresholds, diagonals and other reference lines: readable on the light and the dark background."""

GRID = "rgba(128, 136, 148, 0.22)"
FONT = '"Source Sans", sans-serif'

Mouse = Literal["look", "click", "brush", "lasso"]
MOUSE: dict[Mouse, dict[str, Any]] = {
    "look": {"dragmode": False},
    "click": {"clickmode": "event+select", "dragmode": "pan"},
    "brush": {"clickmode": "event", "dragmode": "select", "selectdirection": "h"},
    "lasso": {"clickmode": "event", "dragmode": "lasso"},
}
"""What a mouse does with a figure: look at its marks (a finger scrolls the page then), choose one, drag over a range,
or around some marks. All but the first are what Streamlit would set one drawing later."""

HOUSE = {
    "datarevision": 0,
    "font": {"family": FONT, "size": 12},
    "paper_bgcolor": "rgba(0, 0, 0, 0)",
    "plot_bgcolor": "rgba(0, 0, 0, 0)",
    "hoverlabel": {"bgcolor": "#2B3138", "bordercolor": "#2B3138", "font": {"color": "#FFFFFF", "family": FONT}},
    "legend": {"orientation": "h", "yref": "container", "yanchor": "top", "y": 1, "x": 0},
    "hovermode": "closest",
    "xaxis": {"showgrid": False, "zeroline": False, "title": {"standoff": 20}},
    "yaxis": {"gridcolor": GRID, "zeroline": False, "title": {"standoff": 24}},
}
"""Layout of every figure where it says nothing else; what stands of an axis is for all of its direction."""


class Figure(go.Figure):
    """A figure that a browser draws once, in the style of the house.

    Streamlit hands every figure to plotly.js twice when it appears. The second time plotly.js draws it from scratch if
    anything seems to differ, and a template, a typed array and an array without a `datarevision` always do. So there is
    no template: the style is filled in when the figure is sent, and the style sheet of the pages gives the words the
    colour of the theme. The `datarevision` need not tell one state of a figure from the next, as a page puts a figure
    whose numbers changed in place of the old.

    The heading (what to see, in HTML) is no part of what is sent: a page sets it as text, which wraps on narrow
    screens. `worded` ticks get the room they need, at a third of the time of drawing; numbers have a fixed one.
    """

    heading = ""
    worded = False
    mouse: Mouse = "look"
    marks: Sequence[np.ndarray] = ()
    """Of a figure too large to send them: by trace, the number that a click on each of its marks gives."""
    _sent: dict[str, Any] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.layout.template = None

    def add(
        self,
        style: Look,
        x: Any,
        y: Any,
        hover: str = "",
        *,
        width: float = 0,
        size: float = 0,
        clicked: tuple[float, float] | None = None,
        **more: Any,
    ) -> None:
        """Add a set or a run as it looks: a line so many pixels wide, marks of such a size, or both.

        `hover` follows the name; without it hovering says nothing. `clicked` are the size of a mark that was clicked
        and the opacity of the others; what else plotly knows of a scatter trace comes last.
        """
        drawn: dict[str, Any] = {"mode": "lines+markers" if width and size else "lines" if width else "markers"}
        if width:
            drawn["line"] = {"color": style.colour, "dash": style.dash, "width": width}
        if size:
            marker = {"color": style.colour, "symbol": style.marker, "size": size}
            drawn["marker"] = marker | more.pop("marker", {})
        if clicked:
            drawn["selected"] = {"marker": {"size": clicked[0], "opacity": 1}}
            drawn["unselected"] = {"marker": {"opacity": clicked[1]}}
        drawn |= {"hovertemplate": f"{style.title}{hover}<extra></extra>"} if hover else {"hoverinfo": "skip"}
        self.add_scatter(x=x, y=y, **{"name": style.title} | drawn | more)

    def to_dict(self) -> dict[str, Any]:
        """Traces, layout in the style of the house, and frames if any, with every array as a plain list.

        A figure is kept and sent again and again; nobody changes it once it was.
        """
        if self._sent is None:
            self._sent = self._spelled()
        return self._sent

    def _spelled(self) -> dict[str, Any]:
        layout = _over(HOUSE | MOUSE[self.mouse], _plain(self.layout.to_plotly_json()))
        for name in layout:
            if name.startswith(("xaxis", "yaxis")):
                layout[name] = _over(HOUSE[name[:5]] | {"automargin": self.worded}, layout[name])
        traces = cast("tuple[BaseTraceType, ...]", self.data)
        found = {"data": [_plain(trace.to_plotly_json()) for trace in traces], "layout": layout}
        return found | ({"frames": [_plain(frame.to_plotly_json()) for frame in self.frames]} if self.frames else {})


def packed(values: np.ndarray) -> dict[str, str]:
    """Numbers `(n,)` as plotly reads them from bytes, whole ones in as few as they need: a quarter of what is written.

    Only for thousands of them: a browser draws a figure with such numbers twice.
    """
    if values.dtype.kind in "iu":
        values = values.astype(np.result_type(*(np.min_scalar_type(end) for end in (values.min(), values.max()))))
    kind = values.dtype.str[1:]
    return {"dtype": kind, "bdata": base64.b64encode(values.astype(f"<{kind}").tobytes()).decode()}


def subplots(**arguments: Any) -> Figure:
    """A figure of several panels; the arguments are those of `plotly.subplots.make_subplots`."""
    return cast("Figure", make_subplots(figure=Figure(), **arguments))


def laid_out(figure: Figure, title: str, height: int = 380, *, worded: bool = False, mouse: Mouse = "look") -> Figure:
    """Give a figure its heading, its height in pixels, room around the plot, and what else `Figure` says it has."""
    figure.heading, figure.worded, figure.mouse = title, worded, mouse
    room = {"l": 8, "r": 8, "t": 8, "b": 8} if worded else {"l": 64, "r": 12, "t": 8, "b": 52}
    figure.update_layout(height=height, margin=room | {"pad": 8}, overwrite=True)
    return figure


def legend_below(figure: Figure, y: float, top: int) -> Figure:
    """Put the legend at `y` below the plot: the names of panels, `top` pixels high, stand where it is elsewhere."""
    figure.update_layout(legend={"y": y, "yref": "paper"}, margin={"t": top})
    figure.update_annotations(font={"size": 13})
    return figure


def _over(house: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Two layouts as one; what is said in both is as in `own`."""
    both = house | own
    for name in house.keys() & own.keys():
        if isinstance(house[name], dict) and isinstance(own[name], dict):
            both[name] = _over(house[name], own[name])
    return both


def _plain(value: Any) -> Any:
    """A value for JSON; numbers in seven digits, which are finer than any screen, None where there is none."""
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind == "f" and np.isfinite(value).all():
        return [float(f"{one:.7g}") for one in value.tolist()]
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return float(f"{value:.7g}") if np.isfinite(value) else None
    return value
