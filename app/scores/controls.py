"""The controls of the Scores page: which score, from which tables; and the range of scores that is brushed.

A range is dragged over in the densities, or typed; it is kept in the address.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.figures.densities import Brush
from app.frame import controls, parts, state
from app.frame.controls import decimal_or_none
from app.reading import choosing
from app.reading import view as views
from app.reading.view import View
from hvae.runs.catalogue import Catalogue
from hvae.stats.arrays import Floats

BUDGETS = (0.1, 50.0)
"""Least and greatest false-alarm budget, in percent."""
CLICK, BRUSH = "Click", "Drag"
GALLERIES = ("In the range", "Most confusing 24", "Fooled and caught")
"""What a gallery can show; the first needs a brush."""


def choose_view(found: Catalogue, data: str, ood: Sequence[str]) -> tuple[View, bool, str]:
    """Draw the toolbar; what it names, whether dragging chooses a range, and the curve, `ROC` or `PR`.

    `data` is scored under one setting at least. Raises a TableError.
    """
    about = next(entry.metadata for entry in found.entries if entry.slug == data)
    toolbar = controls.toolbar()
    with toolbar:
        score = choosing.choose_score(about)
        k = choosing.choose_level(score, about.depth)
        alarm = controls.decimal(
            "False alarms (%)", "alarm", *BUDGETS, 5.0, step=0.1,
            help="How many of the in-distribution test images may be called OOD by mistake. The threshold is the "
                 "lowest that keeps to it.",
        )  # fmt: skip
        mouse = st.segmented_control(
            "Mouse in the figure", [CLICK, BRUSH], default=CLICK, key="_mouse", required=True,
            help="Click: opens the image of a mark. Drag: selects a range of scores and shows all images in it.",
        )  # fmt: skip
    with controls.advanced(toolbar):
        panel = controls.choose(
            "Curve", "panel", ["ROC", "PR"],
            help="ROC: images caught against false alarms. PR: precision against recall. A click on a curve sets "
                 "the threshold.",
        )  # fmt: skip
        setting = choosing.choose_setting(found.settings(data))
        unit = choosing.choose_unit()
    measure = choosing.said_measure(score(k), unit)
    return views.view(found, data, ood, setting, measure, alarm / 100, unit), mouse == BRUSH, panel


@dataclass(frozen=True)
class Reach:
    """The range brushed, whether dragging chooses one (else a click a mark), and the curve beside: `ROC` or `PR`."""

    brush: Brush
    brushing: bool
    panel: str


def choose_range(view: View, brushing: bool, panel: str) -> Reach:
    """Draw the ends of the brush. It is dropped with its axis: when score or unit become others."""
    axis = f"{view.measure.label} {view.measure.unit}"
    if st.session_state.setdefault("_brushed_axis", axis) != axis:
        st.session_state["_brushed_axis"] = axis
        clear()
    with controls.bar("brush"):
        unit = view.measure.unit
        low = decimal_or_none(f"Range from ({unit})", "from", help="Leave empty for no lower limit.", on_change=_typed)
        high = decimal_or_none(f"to ({unit})", "to", help="Leave empty for no upper limit.", on_change=_typed)
        st.button("Clear the range", key="_clear_brush", on_click=clear, disabled=(low, high) == (None, None))
    if low is not None and high is not None and low > high:
        low, high = high, low
    return Reach((low, high), brushing, panel)


def drag(low: float, high: float) -> None:
    """Brush a range and look into it; for callbacks. The ends get as many digits as a screen can show."""
    digits = 3 - math.floor(math.log10(high - low)) if high > low else 6
    st.session_state["from"], st.session_state["to"] = round(low, digits), round(high, digits)
    st.session_state["part"], st.session_state["gallery"] = parts.IMAGES, GALLERIES[0]


def clear() -> None:
    """No brush; for callbacks, and before the boxes are drawn."""
    _forget_outline()
    for key in ("from", "to"):
        state.empty(key)


def outline() -> int:
    """Changes whenever the outline of the last drag is not that of the range any more: part of the figure's key."""
    return st.session_state.get("_brush_outline", 0)


def _forget_outline() -> None:
    st.session_state["_brush_outline"] = outline() + 1


def _typed() -> None:
    _forget_outline()
    st.session_state["part"], st.session_state["gallery"] = parts.IMAGES, GALLERIES[0]


def inside(scores: Floats, brush: Brush) -> np.ndarray:
    """Indices of the images in a range, ends included, by rising score."""
    low, high = brush
    order = np.argsort(scores, kind="stable")
    kept = (scores[order] >= (-np.inf if low is None else low)) & (scores[order] <= (np.inf if high is None else high))
    return order[kept]
