"""One scored image: the steps of its bound, its scores at every k, the image where the data set is here."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from app.figures import profile, waterfall
from app.figures.layout import Figure
from app.frame import components, controls, state
from app.frame.state import ImageId
from app.images import rebuild
from app.images import steps as image_steps
from app.images.scored import picture
from app.looks.palette import look
from app.looks.wording import significant
from app.reading import measures
from app.reading.view import Scored, View
from hvae.runs.folders import RunEntry


def one_image(view: View, run: RunEntry, threshold: measures.Threshold) -> None:
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
    rank = measures.percentile(view.measure.of(view.inside.table), score)
    alarm = score >= threshold.value
    name = f"{look(image.slug).title} {image.index}"
    left, right = st.columns([1, 3], gap="large")
    with left:
        images = picture(run, image, chosen.key.split, 196)
        word = (
            components.mark("above the threshold: called OOD")
            if alarm
            else components.mark("below the threshold: passes", "good")
        )
        st.html(
            f"<p class='prose'>{view.measure.symbol} = {significant(score, 4)} {view.measure.unit}<br>"
            f"higher than {rank:.1f} % of {look(view.inside.slug).title}<br>{word}</p>"
        )
        st.page_link(
            "../pages/reconstructions.py",
            label="See its reconstructions →",
            query_params=state.values("reconstructions", source="data set", image=str(image)),
        )
    with right:
        _waterfall(view, chosen, image.index, name)
    if images is not None:
        rebuild.rebuild(run, chosen.table.metadata, images, image.index)
    left, right = st.columns(2, gap="large")
    with left:
        _profile(view, chosen, image.index, name)
    with right:
        _every_k(view, chosen, image.index)


def _waterfall(view: View, chosen: Scored, index: int, name: str) -> None:
    """From log p(x|z) over the log-ratio of every layer to the bound, and from there to L^{>k}."""
    k = max(view.measure.k, 1)
    figure, table = _drawn_waterfall(_stamp(view, chosen, index), view, chosen, index, name, k)
    components.chart(figure, table, "image-waterfall", key="waterfall")
    st.html(f'<p class="prose">{image_steps.explanation(chosen.table, k)}</p>')


# Resources, because drawing takes most of the time of a page that is warm: nobody may change what they hold.
@st.cache_resource(max_entries=48, show_spinner=False)
def _drawn_waterfall(
    stamp: str, _view: View, _chosen: Scored, index: int, name: str, k: int
) -> tuple[Figure, pd.DataFrame]:
    own = _view.inside.slug
    steps = image_steps.steps(_view.inside.table, _chosen.table, index, k)
    return waterfall.waterfall(steps, own, name, _odd_step(steps, own, name)), waterfall.table(steps)


def _stamp(view: View, chosen: Scored, index: int) -> str:
    """Names what is drawn of an image."""
    return f"{index}{measures.stamp([view.inside.key, chosen.key])}"


def _odd_step(steps: list[waterfall.Step], own: str, name: str) -> str:
    """Which step is unlike those of the in-distribution images, in a sentence."""
    odd, own = waterfall.furthest(steps), look(own).title
    if odd is None:
        return f"{name}: every step to its bound lies within the middle 90 % of {own}"
    # The ratio itself is easier to say than what it takes away.
    sign = -1 if odd.label.startswith("−") else 1
    low, high = sorted((sign * float(odd.band[0]), sign * float(odd.band[-1])))
    what = odd.label.lstrip("+− ")
    return (
        f"{name}: {what} = {waterfall.number(sign * odd.value)} nats is the step furthest outside the middle "
        f"90 % of {own}, from {waterfall.number(low)} to {waterfall.number(high)}"
    )


def _profile(view: View, chosen: Scored, index: int, name: str) -> None:
    """LLR at every k against the in-distribution percentiles."""
    figure, table = _drawn_profile(_stamp(view, chosen, index), view, chosen, index, name)
    components.chart(figure, table, "one-image", key="profile")


@st.cache_resource(max_entries=48, show_spinner=False)
def _drawn_profile(stamp: str, _view: View, _chosen: Scored, index: int, name: str) -> tuple[Figure, pd.DataFrame]:
    levels = range(1, _view.inside.table.metadata.depth + 1)
    bands = {
        f"LLR<sup>&gt;{k}</sup>": np.percentile(_view.inside.table.likelihood_ratio(k), profile.PERCENTILES)
        for k in levels
    }
    values = [float(_chosen.table.likelihood_ratio(k)[index]) for k in levels]
    above = [k for k, band, value in zip(levels, bands.values(), values, strict=True) if value > band[-1]]
    own = look(_view.inside.slug).title
    title = (
        f"LLR of {name} is above 95 % of {own} at {'every k' if len(above) == len(levels) else _at(above)}"
        if above
        else f"LLR of {name} is above 95 % of {own} at no k"
    )
    return profile.profile(bands, values, _view.inside.slug, name, title), profile.table(bands, values)


def _every_k(view: View, chosen: Scored, index: int) -> None:
    """Both scores of the image at every k, with the share of in-distribution images at or below them."""
    units = {score: measures.usable_unit(score, view.unit) for score in ("L", "LLR")}
    rows, numbers = [], []
    for k in range(chosen.table.metadata.depth + 1):
        cells = []
        for score in ("L", "LLR") if k else ("L",):
            measure = measures.Measure(score, k, units[score])
            value = float(measure.of(chosen.table)[index])
            rank = measures.percentile(measure.of(view.inside.table), value)
            cells.append(f'{significant(value, 4)} <span class="interval">above {rank:.1f} %</span>')
            numbers.append({"score": f"{score}>{k}", "value": value, "unit": measure.unit, "percentile": rank})
        rows.append([f"k = {k}", *cells, *([] if k else ["–"])])
    components.table(
        ["", f"−L<sup>&gt;k</sup>, {units['L']}", f"LLR<sup>&gt;k</sup>, {units['LLR']}"],
        rows,
        f"Its scores at every k, and how many {look(view.inside.slug).title} test images they are above",
        numbers=pd.DataFrame(numbers),
        name="image-scores",
    )


def _at(levels: list[int]) -> str:
    """A few values of k in words."""
    return "k = " + " and ".join(filter(None, [", ".join(map(str, levels[:-1])), str(levels[-1])]))
