"""Reconstructions as pictures, numbers and words. No torch and no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from plotly.colors import sample_colorscale

from app.mosaic import Cell, Row, grey_or_colour, through_scale

PICTURE, DIFFERENCE, LOG_LIKELIHOOD = "pictures", "differences", "log p(x|z)"
SHOWN = (PICTURE, DIFFERENCE, LOG_LIKELIHOOD)
"""What the reconstructions are shown as."""

LEAST_NATS = -7.0
"""Brightest value of a log p(x|z) map: the model gave that pixel a thousandth."""

_SCALES = {DIFFERENCE: ("RdBu_r", -1.0, 1.0), LOG_LIKELIHOOD: ("Cividis_r", LEAST_NATS, 0.0)}
_SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"


@dataclass(frozen=True, eq=False)
class Walked:
    """Some images through one model.

    Attributes:
        seen: `(n, channel, height, width)` float32 in [0, 1], what the model sees of them.
        levels: `(L + 1, n, channel, height, width)` float32, see `hvae.reconstructions.Reconstructions`.
        log_px: `(L + 1, n)` nats.
        pixel_log_px: `(L + 1, n, channel, height, width)` nats.
        bounds: `(L + 1, n)` nats.
    """

    seen: np.ndarray
    levels: np.ndarray
    log_px: np.ndarray
    pixel_log_px: np.ndarray
    bounds: np.ndarray

    @property
    def depth(self) -> int:
        """Number of latent layers L."""
        return len(self.levels) - 1


def headings(depth: int) -> list[str]:
    """Column headings: the image, what the model sees of it, then one level a column."""
    return ["Image", "What the model sees", *(level_name(k) for k in range(depth + 1))]


def level_name(k: int) -> str:
    """Where the latent variables of level k come from, in words."""
    if k == 0:
        return "Every z from q"
    last = f"z{_subscript(k)}"
    return f"{last if k == 1 else f'z₁, {last}' if k == 2 else f'z₁ to {last}'} from the prior"


def rows(
    walked: Walked, originals: np.ndarray, labels: Sequence[str], shown: str, depth: int, second: str | None = None
) -> list[Row]:
    """One row of pictures an image.

    Args:
        walked: the images through one model.
        originals: `(n, channel, height, width)` uint8.
        labels: of the images.
        shown: one of `SHOWN`.
        depth: of the deepest model of the table; the columns a shallower one lacks stay empty.
        second: label of a row that stands below the one of another model; the images are not repeated there.
    """
    found = []
    for number, label in enumerate(labels):
        inputs: tuple[Cell | None, ...] = (None, None)
        if second is None:
            inputs = (
                Cell(grey_or_colour(originals[number]), f"{label}, the image"),
                Cell(grey_or_colour(walked.seen[number]), f"{label}, as the model sees it"),
            )
        levels = [_level(walked, number, k, label, shown) for k in range(walked.depth + 1)]
        gaps = [None] * (depth - walked.depth)
        lines = ("log p(x|z)", "L>k, nats")
        found.append(Row(second or label, (*inputs, *levels, *gaps), lines))
    return found


def _level(walked: Walked, number: int, k: int, label: str, shown: str) -> Cell:
    mean = walked.levels[k, number]
    lines = (_nats(walked.log_px[k, number]), _nats(walked.bounds[k, number]))
    alt = f"{label}, {level_name(k)}, {shown}: log p(x|z) {lines[0]} nats"
    if shown == PICTURE:
        return Cell(grey_or_colour(mean), alt, lines)
    values = (mean - walked.seen[number]).mean(0) if shown == DIFFERENCE else walked.pixel_log_px[k, number].sum(0)
    name, low, high = _SCALES[shown]
    return Cell(through_scale(values, low, high, _colours(name)), alt, lines)


def legend(shown: str) -> str:
    """What the colours of the reconstructions mean, as HTML; empty where they are pictures."""
    if shown == PICTURE:
        return ""
    name, _, _ = _SCALES[shown]
    low, high = {
        DIFFERENCE: ("−1: black where the image is white", "+1: white where it is black"),
        LOG_LIKELIHOOD: ("−7 nats or less: did not expect this pixel", "0: was certain of it"),
    }[shown]
    stops = ", ".join(f"rgb({r}, {g}, {b})" for r, g, b in _colours(name)[::32])
    return (
        f'<p style="display:flex;flex-wrap:wrap;gap:.6rem;align-items:center;font-size:.85rem;margin:0">{low}'
        f'<span style="width:9rem;height:.8rem;background:linear-gradient(90deg, {stops})"></span>{high}</p>'
    )


def numbers(walked: Walked, labels: Sequence[str], run: str) -> pd.DataFrame:
    """One row an image and level: `log_px` and `L>k` in nats, and LLR>k = L - L>k."""
    n = len(labels)
    levels = np.arange(walked.depth + 1)
    return pd.DataFrame(
        {
            "run": run,
            "image": np.repeat(list(labels), len(levels)),
            "k": np.tile(levels, n),
            "log p(x|z)": walked.log_px.T.ravel(),
            "L>k": walked.bounds.T.ravel(),
            "LLR>k": (walked.bounds[:1] - walked.bounds).T.ravel(),
        }
    )


def what_to_see(walked: Walked, shown: str, trained: str, own: bool) -> str:
    """What these rows show, in words.

    Args:
        walked: the images through one model.
        shown: title of the source of the images.
        trained: title of the set the model was trained on.
        own: whether the images are of that set, or drawn from the model itself.
    """
    before, after = (float(walked.log_px[k].mean()) for k in (0, 1))
    ratio = float((walked.bounds[0] - walked.bounds[1]).mean())
    fall = (
        f"From the third to the fourth column log p(x|z) goes from {_nats(before)} to {_nats(after)} nats on average; "
        f"LLR>1 is {_nats(ratio)} nats."
    )
    if own:
        return (
            f"This model knows {shown}: what z₂ and above have kept should still be recognisable once z₁ comes from "
            f"the prior, and fade only further right. {fall}"
        )
    return (
        f"This model was trained on {trained}, not on {shown}. With every z from q it may redraw these images well, "
        f"because z₁ copies low-level detail of any image. Once z₁ comes from the prior, only what the model knows is "
        f"left: look for {trained} in the columns to the right. {fall}"
    )


def _nats(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")


def _subscript(number: int) -> str:
    return "".join(_SUBSCRIPTS[int(digit)] for digit in str(number))


@cache
def _colours(scale: str) -> np.ndarray:
    """A named colour scale as `(256, 3)` uint8."""
    colours = sample_colorscale(scale, np.linspace(0, 1, 256).tolist(), colortype="tuple")
    return np.rint(np.array(colours) * 255).astype(np.uint8)
