"""The steps that stand on score tables alone: histograms, volume and density, code lengths, levels."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app.figures.aurocs import ranking
from app.figures.densities import Panel, Series, contrast_table, stacked
from app.figures.layout import Figure
from app.figures.scattered.clouds import cloud
from app.frame import components, controls, state
from app.images import served
from app.looks.wording import bits, estimate, rate, signed
from app.paradox import levels
from app.paradox.rivals import UNIT, Pair, Rival, views
from app.paradox.steps import told
from app.reading import view
from app.reading.view import View
from hvae import stats
from hvae.stats.arrays import Floats

APART, COIN, WRONG = "familiar ones are likelier", "a coin would do as well", "unfamiliar ones are likelier"
VOLUME, DENSITY, NEITHER = "the volume", "the density of z", "none of them does"
SIMPLE, ALIKE, NO_RULE = "simple ones", "those like the training images", "neither decides"
HELPS, NO_HELP = "they come apart", "they stay mixed up"
TALK = {
    ("fashionmnist", "mnist"): "Nalisnick et al. (2019) published 2.96 bits/dim for FashionMNIST and 1.83 for MNIST "
    "under their Glow. A smaller one, or one trained for a shorter time, spends more bits on both.",
}
"""What was published of two sets."""


def all_pairs(pair: Pair) -> str:
    """The question of the histograms."""
    known, other = pair.titles
    return (
        f"Now all images at once. Models trained on {known} give every image of {known}, none of which they were "
        f"trained on, and of {other} its likelihood. Which of them come out likelier?"
    )


def histograms(pair: Pair, guess: str | None) -> None:
    """Bits/dim of both sets under every density, with the AUROC of -log p(x)."""
    areas = [view.auroc(one.inside, one.outside[0]) for _, one in pair.shown]
    middle = float(np.median([one.value for one in areas]))
    right = WRONG if middle < view.WRONG_WAY else COIN if middle < 1 - view.WRONG_WAY else APART
    wrong = sum(one.high < 0.5 for one in areas)
    told(
        guess,
        right,
        f"{wrong} of {len(areas)} kinds of models here find {pair.titles[1]} the likelier set: the whole interval "
        "of their AUROC lies below .5.",
    )
    edges = stats.shared_edges([part.scores for _, one in pair.shown for part in one.sets], 100, clip=0.005)
    panels = [_panel(rival, one, edges) for rival, one in pair.shown]
    title = (
        f"−log<sub>2</sub> p(x) of each image: where {pair.titles[1]} stands left of {pair.titles[0]}, it is likelier"
    )
    components.chart(
        stacked(panels, title), lambda: contrast_table(*panels), "paradox-histograms", key="paradox-histograms"
    )
    rows = []
    for (rival, one), area in zip(pair.shown, areas, strict=True):
        inside, outside = (float(part.scores.mean()) for part in one.sets)
        about = {"density": rival.title, "run": rival.run.name, "known": inside, "other": outside}
        rows.append(about | view.spread("auroc", area))
    components.listed(
        pd.DataFrame(rows),
        {
            "model": lambda row: components.escape(row.density),
            f"{pair.titles[0]} (bits/dim)": lambda row: bits(row.known),
            f"{pair.titles[1]} (bits/dim)": lambda row: bits(row.other),
            "AUROC of −log p(x)": lambda row: estimate(view.estimate_of(row, "auroc")),
        },
        "Mean of each set, and how well −log p(x) alone tells them apart (95 % interval)",
        name="paradox-aurocs",
    )
    components.prose(
        "The models have little in common: a flow maps an image to noise and back, PixelCNN++ predicts one pixel "
        "after another, a VAE draws the image from a few latent numbers and gives an ELBO. Where they agree, the "
        "fault is in the question and not in one of the models.",
        TALK.get((pair.known, pair.other), ""),
    )


def two_terms(pair: Pair) -> str:
    """The question of volume and density."""
    return (
        "A flow turns an image x into z, which it wants to look like draws from a simple "
        f"prior. Its log p(x) is a sum: log p(z), how plausible z is, and log|det J|, how much the map "
        f"stretches the space around x (its volume). Which of the two favours {pair.titles[1]}?"
    )


def volume(pair: Pair, guess: str | None) -> None:
    """log p(z) against log|det J| of every flow."""
    flows = [(rival, one) for rival, one in pair.shown if "log_det" in one.inside.table.frame]
    if not flows:
        st.info("No flow is among the models here, and this step needs one.")
        components.code("hvae train fashionmnist-glow")
        return
    made = [_terms(rival, one) for rival, one in flows]
    # A flow of constant volume has nothing to choose from.
    row = next((row for _, row in made if abs(row["log_det"]) > 1), made[0][1])
    of_z, of_volume = row["log_pz"], row["log_det"]
    larger = VOLUME if of_volume >= of_z else DENSITY
    told(
        guess,
        larger if max(of_volume, of_z) > 0 else NEITHER,
        f"{row['density']}: from {pair.titles[0]} to {pair.titles[1]}, log p(z) changes by {signed(of_z)} "
        f"nats on average, log|det J| by {signed(of_volume)}.",
    )
    columns = st.columns(len(flows))
    for place, (column, (rival, one), (points, _)) in enumerate(zip(columns, flows, made, strict=True)):
        with column:
            figure = cloud(
                points,
                _labels(one),
                ("log|det J| (nats) · right = stretched more", "log p(z) (nats)"),
                f"{rival.title}: up and to the right is likelier",
            )
            name = f"paradox-terms-{place}"
            _cloud(figure, points, name, one)
    frame = pd.DataFrame([row for _, row in made])
    components.listed(
        frame,
        {
            "model": lambda row: components.escape(row.density),
            "log p(z)": lambda row: signed(row.log_pz),
            "log|det J|": lambda row: signed(row.log_det),
            "log p(x)": lambda row: signed(row.log_px),
            "AUROC of −log p(z)": lambda row: estimate(view.estimate_of(row, "auroc")),
        },
        f"{pair.titles[1]} minus {pair.titles[0]}: mean difference in nats, above 0 where the unfamiliar set is "
        "the likelier, and the AUROC of −log p(z)",
        name="paradox-volume",
    )
    components.prose(
        "The obvious suspect is the volume: a model may raise log p(x) by stretching space, whatever z looks like. "
        "A constant-volume flow cannot do that, because its log|det J| is one number for every image: all its "
        "marks stand on one line. What it still gets wrong is not the fault of the volume."
    )


def _cloud(figure: Figure, points: pd.DataFrame, name: str, one: View) -> None:
    """A figure with a mark an image of a view: each shows it, and opens it in the inspector."""
    click = state.inspect_mark(one.slugs)
    components.chart(figure, points, name, key=name, on_click=click, pictures=served.of_view(one))


def code_lengths(pair: Pair) -> str:
    """The question of complexity."""
    return (
        "A model of probabilities is a code: it spends −log<sub>2</sub> p(x) bits on an image. zlib and PNG "
        "are codes too, made for no data set at all. Which images get a short code, hence a high likelihood?"
    )


def complexity(pair: Pair, guess: str | None) -> None:
    """Compressed size against -log2 p(x), and the AUROC of what is left."""
    ask = [partial(views, rival, pair.known, (pair.other,), "complexity", None) for rival, _ in pair.shown]
    left, problems = view.tried(ask)
    if len(left) < len(ask) or not all(one.outside for one in left):
        st.info("The compressed sizes of some of these images have not been measured.")
        components.left_out(problems, "Not shown")
        return
    names = [rival.title for rival, _ in pair.shown]
    with controls.bar("paradox-density"):
        chosen = controls.choose("Model", "density", names, select=True)
    one, beyond = pair.shown[names.index(chosen)][1], left[names.index(chosen)]
    points = pd.concat(
        [
            pd.DataFrame({"data": part.slug, "code": part.scores - more.scores, "density": part.scores})
            for part, more in zip(one.sets, beyond.sets, strict=True)
        ]
    )
    together = float(np.corrcoef(points["code"].rank(), points["density"].rank())[0, 1])
    apart = view.auroc(one.inside, one.outside[0]).value > 1 - view.WRONG_WAY
    told(
        guess,
        SIMPLE if together > 0.5 else ALIKE if apart else NO_RULE,
        f"Over both sets, the order of images by compressed size and that by {components.escape(chosen)} have a "
        f"correlation of {rate(together)}: 1 would mean that they are the same order.",
    )
    title = f"{components.escape(chosen)}: do images that compress well, on the left, get a short code, below?"
    axes = ("compressed size (bits/dim), the shorter of zlib and PNG", "−log<sub>2</sub> p(x) (bits/dim)")
    figure = cloud(points, _labels(one), axes, title)
    _cloud(figure, points, "paradox-codes", one)
    rows = [
        {"density": rival.title, "run": rival.run.name}
        | view.spread("likelihood", view.auroc(one.inside, one.outside[0]))
        | view.spread("complexity", view.auroc(beyond.inside, beyond.outside[0]))
        for (rival, one), beyond in zip(pair.shown, left, strict=True)
    ]
    components.listed(
        pd.DataFrame(rows),
        {
            "model": lambda row: components.escape(row.density),
            "−log<sub>2</sub> p(x)": lambda row: estimate(view.estimate_of(row, "likelihood")),
            "−log<sub>2</sub> p(x) − bits": lambda row: estimate(view.estimate_of(row, "complexity")),
        },
        "AUROC of the likelihood, and of what is left when the bits of the shorter code are subtracted",
        name="paradox-left",
    )
    components.prose(
        "Subtracting the bits of a plain code asks a better question: how much better does the model know this image "
        "than somebody who knows nothing? (Serrà et al., 2020.) It helps where complexity was the whole story, and its "
        "result depends on the code."
    )


def the_levels(pair: Pair) -> str:
    """The question of the levels."""
    return (
        "What a model draws lies in its typical set, so an image that is too likely is as suspicious as one that "
        "is too unlikely. A hierarchical VAE can be asked more: what is lost when its lowest layer, which knows "
        f"strokes and texture, may not look at the image (LLR<sup>&gt;1</sup>)? What happens to {pair.titles[1]} "
        "then?"
    )


def hierarchy(pair: Pair, guess: str | None) -> None:
    """AUROC of the likelihoods, of typicality, of LLR>1 and joint."""
    found = levels.hierarchy(state.selection().run, pair.known, pair.other)
    rows, problems = levels.rows(pair, found)
    told(guess, *_with_levels(pair, rows))
    title = (
        f"AUROC of each score with {pair.titles[0]} as the familiar set: likelihoods first, scores that look at "
        "levels last"
    )
    components.chart(ranking(rows, title), rows, "paradox-levels", key="paradox-levels")
    components.left_out(problems)
    components.prose(
        "Typicality catches what is too likely, but another set may have just the likelihood of the training "
        "images. The upper layers of a hierarchy hold what a thing is, the lowest what it is drawn with. An "
        "unfamiliar image needs its lowest layers to be rebuilt and a familiar one does not: that difference is a "
        "score."
    )
    if found:
        name = components.escape(found.run.name)
        st.caption(f"LLR and joint are those of the run `{name}`. Choose another one as run A in the sidebar.")
        chosen = state.values("how_it_works", run=found.run.name)
    else:
        chosen = state.values("how_it_works")
    st.page_link("../pages/how_it_works.py", label="How it works: switch the layers yourself →", query_params=chosen)


def _with_levels(pair: Pair, rows: pd.DataFrame) -> tuple[str, str]:
    """(the right answer, the AUROCs on the unfamiliar set of the scores that look at levels)."""
    looking = [row for row in rows.to_dict("records") if row["levels"] and row["ood"] == pair.other]
    if not looking:
        return NO_HELP, "No hierarchical run here has scored both sets."
    words = ", ".join(f"{row['score']} {rate(row['auroc'])}" for row in looking)
    best = max(row["auroc"] for row in looking)
    return HELPS if best >= view.TELLS else NO_HELP, f"AUROC on {pair.titles[1]}: {words}."


def _panel(rival: Rival, one: View, edges: Floats) -> Panel:
    """Both sets under one density."""
    series = [Series(part.slug, stats.density(part.scores, edges), np.arange(0), part.scores) for part in one.sets]
    return Panel("−log<sub>2</sub> p(x)", UNIT, components.escape(rival.title), series)


def _labels(one: View) -> dict[str, Any]:
    return {part.slug: part.table.frame["label"].to_numpy() for part in one.sets}


def _terms(rival: Rival, one: View) -> tuple[pd.DataFrame, dict[str, Any]]:
    """(log|det J| and log p(z) of each image, their mean differences with the AUROC of -log p(z)) of a flow."""
    names = ("log_det", "log_pz", "log_px")
    own, strange = ({name: part.table.column(name) for name in names} for part in one.sets)
    points = [
        pd.DataFrame({"data": part.slug, "log_det": terms["log_det"], "log_pz": terms["log_pz"]})
        for part, terms in zip(one.sets, (own, strange), strict=True)
    ]
    gains = {name: float(strange[name].mean() - own[name].mean()) for name in names}
    area = view.spread("auroc", stats.auroc(-own["log_pz"], -strange["log_pz"]))
    return pd.concat(points), {"density": rival.title, "run": rival.run.name} | gains | area
