"""One image of the Scores page: its scores at every k, its log-ratios, the image itself where the data set is here."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from app import components, controls, loading, scored, state
from app.figures import profile
from app.palette import look
from app.score_controls import Scored, View
from app.state import ImageId
from hvae.arrays import Floats
from hvae.datasets import available, names
from hvae.errors import DataError
from hvae.results import RunEntry, ScoreTable


def one_image(view: View, run: RunEntry, threshold: scored.Threshold) -> None:
    """Pick an image by number, by previous/next or by clicking its mark, and see where it stands."""
    components.section(
        "One image",
        "Click a mark below the densities, or type a set and a number. The bands are what in-distribution images do.",
    )
    sets = {one.slug: one for one in (view.inside, *view.outside)}
    first = view.outside[0] if view.outside else view.inside
    image = controls.image_box({slug: len(one.table) for slug, one in sets.items()}, ImageId(first.slug, 0))
    chosen = sets[image.slug]
    score = float(view.measure.of(chosen.table)[image.index])
    rank = scored.percentile(view.measure.of(view.inside.table), score)
    alarm = score >= threshold.value
    left, right = st.columns([1, 3], gap="large")
    with left:
        _picture(run, chosen, image)
        word = (
            components.mark("above the threshold: called OOD")
            if alarm
            else components.mark("below the threshold: passes", "good")
        )
        st.html(
            f"<p class='prose'>{view.measure.symbol} = {score:.4g} {view.measure.unit}<br>higher than {rank:.1f} % of "
            f"{look(view.inside.slug).title}<br>{word}</p>"
        )
        st.page_link(
            "../pages/reconstructions.py",
            label="See its reconstructions →",
            query_params=state.values("reconstructions", source="data set", image=str(image)),
        )
    with right:
        _profile(view, chosen, image.index, f"{look(image.slug).title} {image.index}")
        _every_k(view, chosen, image.index)


def _profile(view: View, chosen: Scored, index: int, name: str) -> None:
    """Scores at every k and log-ratios of every layer against the in-distribution percentiles."""
    quantities = _quantities(view.inside.table)
    bands = {label: np.percentile(values, profile.PERCENTILES) for label, values in quantities.items()}
    values = [float(one[index]) for one in _quantities(chosen.table).values()]
    outside = sum(not band[0] <= value <= band[-1] for band, value in zip(bands.values(), values, strict=True))
    own = look(view.inside.slug).title
    title = (
        f"{name} lies outside the middle 90 % of {own} in {outside} of {len(values)} quantities"
        if outside
        else f"{name} lies within the middle 90 % of {own} in all {len(values)} quantities"
    )
    figure = profile.profile(bands, values, view.inside.slug, name, title)
    components.chart(figure, profile.table(bands, values), "one-image", key="profile")


def _every_k(view: View, chosen: Scored, index: int) -> None:
    """Both scores of the image at every k, with the share of in-distribution images at or below them."""
    rows, numbers = [], []
    for k in range(chosen.table.metadata.depth + 1):
        cells = []
        for score in ("L", "LLR") if k else ("L",):
            measure = scored.Measure(score, k, view.measure.unit)
            value = float(measure.of(chosen.table)[index])
            rank = scored.percentile(measure.of(view.inside.table), value)
            cells.append(f'{value:.4g} <span class="interval">above {rank:.1f} %</span>')
            numbers.append({"score": f"{score}>{k}", measure.unit: value, "percentile": rank})
        rows.append([f"k = {k}", *cells, *([] if k else ["–"])])
    components.table(
        ["", "−L<sup>&gt;k</sup>", "LLR<sup>&gt;k</sup>"],
        rows,
        f"Scores in {view.measure.unit}, and how many {look(view.inside.slug).title} test images they are above",
        numbers=pd.DataFrame(numbers),
        name="image-scores",
    )


def _quantities(table: ScoreTable) -> dict[str, Floats]:
    depth = table.metadata.depth
    ratios = {f"LLR<sup>&gt;{k}</sup>": table.likelihood_ratio(k) for k in range(1, depth + 1)}
    logs = {f"−log r<sub>{layer}</sub>": -table.log_ratio(layer) for layer in range(1, depth + 1)}
    return ratios | logs


def _picture(run: RunEntry, chosen: Scored, image: ImageId) -> None:
    """The image itself, or why it is not here and how to get it."""
    name = chosen.table.metadata.data
    known = name in names()
    if known and not available(name):
        components.missing(f"{look(image.slug).title} is not on this machine.", f"hvae data fetch {name}")
        return
    try:
        shape = run.config.model.image_shape if run.config else (1, 28, 28)
        seed = run.config.data.split_seed if run.config else 0
        images = loading.images(name, chosen.key.split, seed, shape)
    except (DataError, OSError) as error:
        st.info(f"The image cannot be shown: {error}")
        return
    if image.index >= len(images):
        st.info(f"The data set on this machine has {len(images):,} images only.")
        return
    pixels = np.moveaxis(images.images[image.index], 0, -1)
    with st.container(key="picture"):
        label = int(images.labels[image.index])
        st.image(pixels.squeeze(), width=196, caption=f"{image}, label {label}", clamp=False)
