"""The steps that look at the images themselves: which of two is likelier, and where the pixels of both sets lie."""

import numpy as np
import pandas as pd
import streamlit as st

from app.figures.scattered.clouds import in_order
from app.frame import components, controls, fetching
from app.frame.caching import kept
from app.frame.state import ImageId
from app.images import sources
from app.images.mosaic import Cell, Row, table_html
from app.looks.palette import look
from app.looks.pictures import grey_or_colour
from app.looks.wording import bits, percent, spoken
from app.paradox import landscape
from app.paradox.rivals import Pair, pictures, values
from app.paradox.steps import told
from hvae.datasets import ImageSet

LEFT, RIGHT, DISAGREE = "the left one", "the right one", "they disagree"
LESS, MORE = "they vary less", "they vary more"


def two_images(pair: Pair) -> str:
    """The question of two images."""
    known, other = _titles(pair)
    trained = pair.titles[0]
    if known == trained:
        about = f"an image of {known}, which the models below were trained on, and one of {other}, which they never saw"
    else:
        about = f"an image of {known} and one of {other}; the models below were trained on {trained} and know neither"
    return f"Here is {about}. Which of the two has the higher likelihood?"


def likelier(pair: Pair, guess: str | None) -> None:
    """Bits/dim of both images under every density."""
    found = pictures(pair)
    turn = st.session_state.get("turn") or 0
    if found is None:
        _nothing()
        return
    left, right, _ = found
    rows = []
    for rival, _ in pair.shown:
        both = [values(rival, slug, images) for slug, images in (left, right)]
        if both[0] is not None and both[1] is not None:
            one, two = (float(each[_row(turn, len(each))]) for each in both if each is not None)
            names = {"density": rival.title, "run": rival.run.name}
            rows.append(names | {"left": one, "right": two, "likelier": LEFT if one < two else RIGHT})
    if not rows:
        _nothing()
        return
    frame = pd.DataFrame(rows)
    sides = {row["likelier"] for row in rows}
    right_one = sides.pop() if len(sides) == 1 else DISAGREE
    titles = look(left[0]).title, look(right[0]).title
    told(guess, right_one, f"In bits/dim, lower is likelier; each row is a model trained on {pair.titles[0]}.")
    components.listed(
        frame,
        {
            "model": lambda row: components.escape(row.density),
            f"left: {titles[0]}": lambda row: bits(row.left),
            f"right: {titles[1]}": lambda row: bits(row.right),
            "likelier": lambda row: components.escape(row.likelier),
        },
        "Bits per dimension of these two images: lower is likelier",
        name="paradox-two",
    )
    components.prose(
        "One pair proves nothing: take another one a few times, then go on to all pairs at once. An image of few "
        "strokes on black is easy to predict, pixel by pixel, and whatever is easy to predict is likely, whether or "
        "not the model has ever seen its like."
    )


def show_two(pair: Pair) -> None:
    """The two images that the first step is about, and the box that takes others."""
    found = pictures(pair)
    if found is None:
        return
    left, right, away = found
    room = st.container()
    with controls.bar("paradox-turn"):
        turn = controls.number("Pair of images", "turn", 0, 9999, 0, help="Each number takes two other images.")
        st.button("Another pair", on_click=_next)
    if away:
        st.caption(f"{away}.")
        fetching.offer((pair.known, pair.other), "two", named=True)
    cells = []
    for slug, images in (left, right):
        row = _row(turn, len(images))
        words, way = f"{look(slug).title}, image {row}", sources.way(ImageId(slug, row), images.labels[row])
        cells.append(Cell(grey_or_colour(images.images[row]), words, way=way))
    room.html(table_html(("left", "right"), [Row(f"pair {turn}", tuple(cells))], "two"))


def sitting_inside(pair: Pair) -> str:
    """The question of the pixels."""
    known, other = _titles(pair)
    return (
        f"Forget models for a moment. Take one pixel, say the middle one, over all images of a set: it has a mean and "
        f"a variance. Do the pixels of {other}, all together, vary more than those of {known} or less?"
    )


def pixels(pair: Pair, guess: str | None) -> None:
    """Mean and variance of every pixel of both sets, then what the densities make of it."""
    _variances(pair, guess)
    landscape.show(pair)


def _variances(pair: Pair, guess: str | None) -> None:
    found = pictures(pair)
    if found is None:
        _nothing()
        return
    left, right, away = found
    if away:
        st.caption(f"{away}.")
        fetching.offer((pair.known, pair.other), "pixels", named=True)
    (known, images), (other, others) = left, right
    stamp = images.fingerprint, others.fingerprint
    own, strange = kept("moments", stamp, lambda: (_moments(known, images), _moments(other, others)))
    within = float(np.mean(np.abs(strange["mean"] - own["mean"]) <= np.sqrt(own["variance"])))
    usual, unusual = (float(np.mean(one["variance"])) for one in (own, strange))
    wider = float(np.mean(strange["variance"] > own["variance"]))
    frame = pd.concat([own, strange]).sort_values("share", kind="stable")
    titles = look(known).title, look(other).title
    told(
        guess,
        LESS if unusual <= usual else MORE,
        f"The mean variance of a pixel of {titles[1]} is {unusual:.3f}, of {titles[0]} {usual:.3f} (black is 0, "
        f"white 1), and for {percent(within)} of the pixels the mean of {titles[1]} lies within one standard deviation "
        f"of that of {titles[0]}. Taken one by one, {percent(wider)} of them vary more.",
    )
    components.chart(
        in_order(
            frame,
            ("share of the pixels, those that vary least first", "variance of a pixel (black is 0, white 1)"),
            f"How much each pixel varies over {len(others):,} images of {titles[1]} and {len(images):,} of "
            f"{titles[0]}: the set with less area under its line sits inside",
        ),
        frame,
        "paradox-pixels",
        key="paradox-pixels",
    )
    components.prose(
        "Think of a density as a hill over its training images. Those are scattered over its slopes; a set with a "
        "similar mean and a smaller variance stands nearer to the top, and comes out as likelier although nothing of "
        "it was ever seen. The argument (Nalisnick et al., 2019, sec. 5) adds up all pixels, also those that vary more."
    )


def _moments(slug: str, images: ImageSet) -> pd.DataFrame:
    """Mean and variance of each pixel over the images, values in 0 to 1; `share` is its place by variance."""
    flat = images.images.reshape(len(images), -1).astype(np.float32) / 255
    variance, size = flat.var(axis=0), flat.shape[1]
    share = (variance.argsort().argsort() + 1) / size
    columns = {"data": slug, "pixel": np.arange(size), "mean": flat.mean(axis=0), "share": share}
    return pd.DataFrame(columns | {"variance": variance})


def _titles(pair: Pair) -> tuple[str, str]:
    """Of the sets whose images are shown, safe in HTML."""
    found = pictures(pair)
    return (look(found[0][0]).title, look(found[1][0]).title) if found else pair.titles


def _row(turn: int, size: int) -> int:
    """The image of a turn: neighbours in a set may be alike, so they are taken from all over it."""
    return (turn * 617 + 11) % size


def _next() -> None:
    st.session_state["turn"] = ((st.session_state.get("turn") or 0) + 1) % 10_000


def _nothing() -> None:
    """Neither the images asked for nor those that are always there can be shown."""
    sets = spoken(look(slug).title for slug in ("digits", "glyphs"))
    st.info(f"The images of these sets are not on this machine, and {sets} are not scored here: go on with step 2.")
