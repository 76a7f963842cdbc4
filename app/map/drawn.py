"""The panels of the Map page, how well each level parts the sets, and the nearest own images of one image."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app.figures.layout import Figure
from app.figures.scattered.maps import Grid, MapSet, grids, level_maps
from app.frame import components, controls, state
from app.frame.caching import kept
from app.images import served
from app.images.mosaic import usual_levels
from app.looks.palette import look
from app.looks.wording import rate, subscript
from app.map import lasso as lassos
from app.map.lasso import Lasso
from app.map.stored import Joined
from app.reading.view import View
from hvae.runs.measured.maps import LatentMap
from hvae.runs.measured.maps import View as Way

WAYS: dict[str, Way] = {"PCA": "pca", "UMAP": "umap"}
TINTS = ("set", "score", "label")


def choose_way(found: LatentMap) -> Way:
    """Principal axes, or UMAP where it was measured."""
    return WAYS[controls.choose("View", "view", [name for name, way in WAYS.items() if way in found.metadata.views])]


def choose_tint() -> str:
    """What colours the marks."""
    return controls.choose("Coloured by", "tint", TINTS)


def chosen_lasso(depth: int) -> Lasso | None:
    """What is drawn around marks, as it stands in the address."""
    text = controls.unseen("lasso", lambda text: isinstance(text, str), "")
    found = lassos.parsed(text, depth)
    if text and found is None:
        state.note("lasso", "The lasso in the address does not fit this map, so it is ignored.")
    state.hold("lasso", str(found) if found else None)
    return found


def forget() -> None:
    """No lasso; for callbacks."""
    st.session_state["lasso"] = ""


def inside(found: LatentMap, way: Way, lasso: Lasso, sets: list[Joined]) -> dict[str, np.ndarray]:
    """Rows in its table of the images of each set that lie in the lasso, by slug."""
    points = found.points(way, lasso.level)
    return {pair.one.slug: pair.in_table[lasso.holds(points[pair.on_map])] for pair in sets}


def panels(
    view: View, found: LatentMap, sets: list[Joined], way: Way, tint: str, lasso: Lasso | None, stamp: object
) -> None:
    """The maps of all levels, or of some of a deep model."""
    levels = [k for k in usual_levels(found.metadata.depth) if k]
    opened, row = _opened(found, sets)

    def draw() -> tuple[Figure, pd.DataFrame, list[Grid]]:
        marks = [_marks(found, pair, way, levels, lasso) for pair in sets]
        axes = ("axis 1", "axis 2") if way == "umap" else ("principal axis 1", "principal axis 2")
        title = _title(found, sets, lasso, marks)
        if opened:
            title += f"; {opened} {'is not on the map' if row is None else 'has the ring'}"
        ring = None if row is None else np.stack([found.points(way, level)[row] for level in levels])
        figure = level_maps(marks, levels, tint, axes, title, view.measure.unit, ring)
        return figure, _numbers(found, sets, way, levels), grids(marks)

    def around(axis: str, x: list[float], y: list[float]) -> None:
        panel = int(axis[1:] or 1) - 1
        one = lassos.drawn(levels[panel], *panes[panel].points(x, y)) if panel < len(levels) else None
        st.session_state["lasso"] = str(one) if one else ""

    stamps = stamp, [pair.one.stamp for pair in sets], way, tint, str(lasso), opened
    figure, numbers, panes = kept("maps drawn", stamps, draw, "large")
    click = state.inspect_mark([pair.one.slug for pair in sets])
    # A new key takes the outline away together with the lasso that it was.
    key = f"map-{way}-{tint}-{'drawn' if lasso else 'all'}"
    pictures = [served.address(view.run, pair.one.table) for pair in sets]
    components.chart(figure, numbers, "map", key=key, on_click=click, on_lasso=around, pictures=pictures)


def _opened(found: LatentMap, sets: list[Joined]) -> tuple[str, int | None]:
    """The name (HTML) of the image of a set that is open in the inspector, and its row on the map, where it has one."""
    slug, _, index = str(state.chosen("image")).partition(":")
    for one in (pair.one for pair in sets if pair.one.slug == slug and index.isdecimal()):
        examples, rows = one.table.frame["example"].to_numpy(), found.rows(slug)
        if int(index) < len(examples):
            there = np.flatnonzero(found.frame["example"].to_numpy()[rows] == examples[int(index)])
            return f"{look(slug).title} {index}", int(rows[there[0]]) if len(there) else None
    return "", None


def _marks(found: LatentMap, pair: Joined, way: Way, levels: list[int], lasso: Lasso | None) -> MapSet:
    points = np.stack([found.points(way, level)[pair.on_map] for level in levels])
    labels, scores = pair.one.table.frame["label"].to_numpy()[pair.in_table], pair.one.scores[pair.in_table]
    selected = None
    if lasso is not None:
        selected = np.flatnonzero(lasso.holds(found.points(way, lasso.level)[pair.on_map])).tolist()
    return MapSet(pair.one.slug, points, pair.in_table, labels, scores, selected)


def _title(found: LatentMap, sets: list[Joined], lasso: Lasso | None, marks: list[MapSet]) -> str:
    if lasso is not None:
        count = sum(len(one.selected or ()) for one in marks)
        return f"{count:,} images in the lasso at z{subscript(lasso.level)}; the same ones stand out at every level"
    total = sum(len(pair.on_map) for pair in sets)
    return f"{total:,} images at every level: draw around some to see them, or click one to inspect it"


def _numbers(found: LatentMap, sets: list[Joined], way: Way, levels: list[int]) -> pd.DataFrame:
    frames = []
    for pair in sets:
        frame = pd.DataFrame({"set": pair.one.slug, "image": pair.in_table, "score": pair.one.scores[pair.in_table]})
        for level in levels:
            frame[[f"{way}_{level}_x", f"{way}_{level}_y"]] = found.points(way, level)[pair.on_map]
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def apart(view: View, found: LatentMap) -> None:
    """How far from own images each level places the images of every other set."""
    levels = range(1, found.metadata.depth + 1)
    parts = [part for part in found.metadata.parts if part.separation and part.slug in view.slugs]
    if not parts:
        return
    rows = [
        {"set": part.slug}
        | {f"z_{level}{end}": getattr(one, name) for level, one in zip(levels, part.separation, strict=True)
           for end, name in (("", "value"), ("_low", "low"), ("_high", "high"))}
        for part in parts
    ]  # fmt: skip
    frame = pd.DataFrame(rows)

    def cell(row: Any, level: int) -> str:
        low, high = getattr(row, f"z_{level}_low"), getattr(row, f"z_{level}_high")
        interval = f'<span class="interval">[{rate(low)}, {rate(high)}]</span>'
        return f"{rate(getattr(row, f'z_{level}'))} {interval}"

    shown: dict[str, Any] = {"set": lambda row: components.leads(look(row.set).title, "scores", ood=[row.set])}
    shown |= {f"z<sub>{level}</sub>": partial(cell, level=level) for level in levels}
    first, last = (np.mean([part.separation[place].value for part in parts]) for place in (0, -1))
    near, far = ("highest", "lowest") if first > last else ("lowest", "highest")
    components.listed(
        frame, shown,
        f"By distance alone these sets lie farther apart at the {far} level than at the {near}: AUROC of the distance "
        "to the fifth nearest training image",
        name="separation",
    )  # fmt: skip
