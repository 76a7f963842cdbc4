"""What the stored landscapes say: slope and curvature of log p at the mean training image, and log p over contrast."""

import math
import shlex
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app.figures.contrast import dragged
from app.frame import components, controls
from app.looks.palette import image_titles, look, run_look
from app.looks.pictures import data_uri
from app.looks.wording import asked_for, bits, signed, significant
from app.paradox.rivals import Pair, Rival
from app.reading import loading
from app.reading.view import View
from hvae import datasets, stats
from hvae.datasets import ImageSet
from hvae.datasets.families import FAMILIES
from hvae.errors import DataError
from hvae.runs.measured.landscapes import CONTRASTS, Curve, Landscape, landscapes, mean_and_error

TERMS = ("slope", "curvature", "offset", "together")
HALF = CONTRASTS.index(0.5)
AS_IT_IS = CONTRASTS.index(1)
BACKGROUND = 0.2
"""Share of an image's pixels that are exactly black, from which on it is drawn on black."""
Found = list[tuple[Rival, View, Landscape]]


def show(pair: Pair) -> None:
    """Both parts, for the densities that have a landscape towards the unfamiliar set."""
    found, problems = [], []
    for rival, one in pair.shown:
        stored, wrong = landscapes(rival.run)
        problems += wrong
        if landscape := next((each for each in stored if (each.known, each.other) == (pair.known, pair.other)), None):
            found.append((rival, one, landscape))
        elif not wrong:
            problems.append(f"{rival.title} is not expanded towards {look(pair.other).title}: {_command(rival, pair)}")
    if found:
        _terms(pair, found)
        _contrast(pair, found)
        st.caption("Measure the expansion and the contrasts again")
        components.code("\n".join(_command(rival, pair) for rival, _, _ in found))
    components.left_out(problems, "Not shown")


def _command(rival: Rival, pair: Pair) -> str:
    return f"hvae score {shlex.quote(rival.run.name)} --landscape --data {asked_for(pair.other, rival.run.path)}"


def _terms(pair: Pair, found: Found) -> None:
    """Slope and curvature of each density beside the gap that is observed."""
    known, other = pair.titles
    components.section(
        "The argument in numbers",
        "Nalisnick et al. (2019) made a formula of the hill. Stand at the mean training image x<sub>0</sub>. To second "
        f"order, mean log p(x) of {other} minus that of {known} is the <b>slope</b> there, "
        "∇log p(x<sub>0</sub>)ᵀ (E<sub>q</sub> x − E<sub>p</sub> x), plus the <b>curvature</b>, "
        "½ Tr{H (Σ<sub>q</sub> − Σ<sub>p</sub>)}, with H the Hessian of log p at x<sub>0</sub> and Σ the "
        "covariances of the pixels. The talk leaves the slope out, as if both sets had one mean; the "
        "<b>offset</b> is what that leaves out of the curvature. Above 0, the unfamiliar set should be the likelier.",
    )
    rows = []
    for rival, one, landscape in found:
        inside, outside = (mean_and_error(part.scores) for part in one.sets)
        to_nats = landscape.dimensions * math.log(2)
        gap = (inside[0] - outside[0]) * to_nats, math.hypot(inside[1], outside[1]) * to_nats
        means = {name: mean_and_error(getattr(landscape, name)) for name in TERMS} | {"observed": gap}
        row = {"density": rival.title, "run": rival.run.name, "dimensions": landscape.dimensions}
        for name, (mean, error) in means.items():
            row |= {name: mean, f"{name}_se": error}
        rows.append(row)
    frame = pd.DataFrame(rows)
    components.listed(
        frame,
        {"model": lambda row: components.escape(row.density)}
        | {name: lambda row, name=name: _cell(row, name) for name in (*TERMS, "observed")},
        f"Mean log p(x) of {other} minus that of {known}, in nats (in bits/dim below), ± a standard error",
        name="paradox-landscape",
    )
    right = int((np.sign(frame["together"]) == np.sign(frame["observed"])).sum())
    close = int((np.abs(frame["together"] / frame["observed"] - 1) < 0.5).sum())
    components.prose(
        f"The expansion has the sign of what is observed for {right} of {len(frame)} kinds of models, and is within "
        f"half of its size for {close}. It is a parabola that fits log p at one point, the mean image, and the images "
        "themselves stand far from there, where these models bend in other ways. The hill explains why a set that "
        "varies less can be the likelier one; its curvature at the top does not say by how much."
    )


def _contrast(pair: Pair, found: Found) -> None:
    """An image whose contrast is dragged, and what becomes of its likelihood."""
    components.section(
        "Move along the slope yourself",
        "Take an image and pull every pixel towards the mean of the image: at contrast 1 it is as it is, at 0 plain "
        "grey, at 2 every pixel lies twice as far from the mean. Drag, and watch its likelihood.",
    )
    curves = [(curve, images) for curve in found[0][2].curves if (images := _images(found[0][0], curve)) is not None]
    if not curves:
        st.info("No image of these landscapes is on this machine.")
        return
    names = {f"{curve.slug}:{curve.example}": (curve, images) for curve, images in curves}
    with controls.bar("paradox-picture"):
        curve, images = names[controls.choose("Image", "picture", list(names), named=image_titles(names))]
    lines: dict[str, Sequence[float]] = {}
    rows = []
    for rival, one, landscape in found:
        if same := next((each for each in landscape.curves if _place(each) == _place(curve)), None):
            heights = stats.bits_per_dim(same.log_px, landscape.dimensions).tolist()
            lines[rival.title] = heights
            mean = float(one.inside.scores.mean())
            row = {"density": rival.title, "run": rival.run.name, "mean": mean}
            rows.append(
                row | {f"contrast {contrast:g}": height for contrast, height in zip(CONTRASTS, heights, strict=True)}
            )
    one = images.images[curve.example][None]
    pictures = [data_uri(FAMILIES["contrast"].of(one, 1 - contrast, 0)[0]) for contrast in CONTRASTS]
    likelier = sum(heights[HALF] < heights[AS_IT_IS] for heights in lines.values())
    title = (
        "−log<sub>2</sub> p(x) in bits/dim, lower is likelier: at half its contrast this image is likelier under "
        f"{likelier} of {len(lines)} kinds of models"
    )
    styles = {run_look(place, name): heights for place, (name, heights) in enumerate(lines.items())}
    frame = pd.DataFrame(rows)
    components.chart(
        dragged(pictures, CONTRASTS, styles, title), frame, "paradox-contrast", key=f"paradox-contrast-{_place(curve)}"
    )
    components.table(
        ["model", "as it is", "at half its contrast", "as plain grey", f"mean of {pair.titles[0]}"],
        [
            [components.escape(name), *(bits(heights[at]) for at in (AS_IT_IS, HALF, 0)), bits(mean)]
            for (name, heights), mean in zip(lines.items(), frame["mean"], strict=True)
        ],
        "Bits per dimension of this image",
    )
    black = float(np.mean(one == 0)) > BACKGROUND
    components.prose(
        "What the image shows has not changed. What has is how easy its pixels are to predict: the less they vary, the "
        "easier."
        + (
            " And one thing pulls the other way. This image is drawn on exact black, as the training images are: the "
            "first step away from 1 makes that a dark grey which the model has never seen behind anything."
            if black
            else ""
        )
    )


def _cell(row: Any, name: str) -> str:
    """A term in nats with its error, and below it in bits/dim."""
    mean, error = getattr(row, name), getattr(row, f"{name}_se")
    per_dim = mean / (row.dimensions * math.log(2))
    spread = f" ± {significant(error, 2)}" if error else ""
    return (
        f'{"+" if mean > 0 else ""}{significant(mean, 4)}{spread}<br><span class="interval">{signed(per_dim, 3)}</span>'
    )


def _place(curve: Curve) -> str:
    return f"{curve.slug}-{curve.split}-{curve.example}"


def _images(rival: Rival, curve: Curve) -> ImageSet | None:
    """The set that a curve's image is of, None where it is not on this machine or another one now."""
    config = rival.run.config
    if config is None or not datasets.is_known(curve.slug):
        return None
    try:
        found = loading.images(curve.slug, curve.split, config.data.split_seed, config.model.image_shape)
    except DataError:
        return None
    return found if found.fingerprint == curve.fingerprint else None
