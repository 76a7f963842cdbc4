"""Features: how alike two models represent the same images, layer by layer (Fig. 2 of the paper)."""

from collections.abc import Mapping
from typing import cast

import numpy as np
import pandas as pd
import streamlit as st

from app import components, controls, feature_tables, loading, palette, state
from app.figures.correlations import layer_grid, over_layers
from app.source_images import whole_split
from hvae.correlation_tables import CorrelationTable, Kind
from hvae.results import RunEntry

KIND_TITLES = {"features": "deterministic features", "means": "posterior means"}


def partner(selection: state.Selection, run: RunEntry) -> RunEntry | None:
    """Run B; where none is chosen, the first run that a table is stored with."""
    if selection.versus is not None:
        return selection.versus
    known = feature_tables.partners(run, loading.runs())
    if not known:
        return None
    st.info(f"No run B is chosen in the sidebar: showing {known[0].name}, which tables are stored with.")
    return known[0]


def command(run: RunEntry, other: str, splits: Mapping[str, str]) -> str:
    """The commands that make the tables, one for each split of the data sets (slug -> split)."""
    return "\n".join(
        f"hvae correlate {run.name} {other} --split {split} "
        + " ".join(f"--data {slug}" for slug, own in splits.items() if own == split)
        for split in dict.fromkeys(splits.values())
    )


def in_words(rows: pd.DataFrame, run: RunEntry, other: RunEntry) -> str:
    """What the lowest and the highest layer say, averaged over the data sets."""
    layers = np.asarray(rows["layer_a"])

    def mean(column: str, layer: int) -> float:
        return float(pd.Series(np.asarray(rows[column])[layers == layer]).mean())

    spoken = [
        f"at z<sub>{layer}</sub> mean |r| is {mean('mean_abs_r', layer):.2f} (chance {mean('null', layer):.2f}) "
        f"and CKA {mean('cka', layer):.2f}"
        for layer in dict.fromkeys([layers.min(), layers.max()])
    ]
    trained = [palette.look(entry.config.data.name).title for entry in (run, other) if entry.config]
    start = f"{run.name} was trained on {trained[0]}, {other.name} on {trained[1]}. " if len(trained) == 2 else ""
    return components.escape(start) + (
        f"Over these data sets, {'; '.join(spoken)}. Where the lowest layers of models of different data agree "
        "and the highest do not, the low features describe any image: a likelihood built on them cannot tell what the "
        "image shows."
    )


def over_the_layers(tables: dict[str, CorrelationTable], kind: Kind, run: RunEntry, other: RunEntry) -> None:
    """Layer l against layer l, on every data set."""
    rows = feature_tables.by_layer(tables, kind)
    st.html(f'<p class="prose">{in_words(rows, run, other)}</p>')
    left, right = st.columns(2)
    with left:
        components.chart(
            over_layers(rows, "mean_abs_r", "Matched units: do they rise and fall together?", "mean |r|", null=True),
            rows,
            f"correlation-{kind}",
            key="r-by-layer",
        )
    with right:
        components.chart(
            over_layers(rows, "cka", "Whole layers: is it the same geometry?", "debiased linear CKA", null=False),
            rows,
            f"cka-{kind}",
            key="cka-by-layer",
        )
    counts = ", ".join(str(count) for count in sorted(set(rows["units"])))
    first = next(iter(tables.values())).metadata
    st.caption(
        f"|r|: {counts} units of every layer, matched one to one on half of {first.n:,} images and measured on the "
        f"other half, at {first.places} places of the feature maps; the same number everywhere, because matching "
        "favours wide layers. Chance: the images of run B shuffled. CKA compares whole layers: it also sees what two "
        "models say alike in other coordinates, and is near 0 by chance."
    )


def layer_by_layer(table: CorrelationTable, kind: Kind, run: RunEntry, other: RunEntry) -> str:
    """Heat maps of every pair of layers on one data set; returns the pair chosen."""
    depths = table.metadata.depth_a, table.metadata.depth_b
    pairs = [f"{a}-{b}" for a in range(1, depths[0] + 1) for b in range(1, depths[1] + 1)]
    title = palette.look(table.metadata.slug).title

    def clicked(data: int) -> None:
        st.session_state["pair"] = f"{data // 1000}-{data % 1000}"

    long = table.frame[table.frame["kind"] == kind]
    for column, (value, name, words) in zip(
        st.columns(2),
        (("mean_abs_r", "mean |r|", "matched units"), ("cka", "CKA", "whole layers")),
        strict=True,
    ):
        with column:
            components.chart(
                layer_grid(table.square(kind, value), run.name, other.name, f"{title}: {words}, {name}", name),
                pd.DataFrame(long[["layer_a", "layer_b", value]]),
                f"layers-{value}-{table.metadata.slug}-{kind}",
                key=f"grid-{value}",
                on_click=clicked,
            )
    return controls.choose("Pair of layers (A-B)", "pair", pairs, select=True, help="Or click a cell.")


def one_pair(tables: dict[str, CorrelationTable], kind: Kind, pair: str, run: RunEntry, other: RunEntry) -> None:
    """One pair of layers on every data set."""
    a, b = (int(layer) for layer in pair.split("-"))
    rows = feature_tables.one_pair(tables, kind, a, b)
    st.caption(
        f"z{a} of {run.name} against z{b} of {other.name} on each data set. Constant units do not vary over the images "
        "and are left out."
    )
    components.numbers(rows.drop(columns=["kind", "layer_a", "layer_b"]), f"pair-{pair}-{kind}", key="pair-table")


def page() -> None:
    """The page."""
    components.heading(
        "Features",
        "Two models see the same images. Do their layers respond alike? Havtorn et al. (2021, Fig. 2) found that low "
        "layers do, whatever they were trained on and whatever they are shown, and high layers do not.",
    )
    selection = state.selection()
    run = selection.run
    if run is None:
        components.no_run()
        return
    other = partner(selection, run)
    wanted = {slug: whole_split(slug) for slug in (selection.data, *selection.ood)}
    if other is None:
        components.missing(
            f"No correlations of {run.name} with another run are stored. Choose run B in the sidebar, or make them:",
            command(run, "RUN_B", wanted),
        )
        return
    found = feature_tables.stored(run, other)
    for problem in found.problems:
        st.warning(problem)
    if not found.tables:
        components.missing(
            f"No correlations between {run.name} and {other.name} are stored. This makes them:",
            command(run, other.name, wanted),
        )
        return
    order = [slug for slug in wanted if slug in found.tables]
    tables = {slug: found.tables[slug] for slug in dict.fromkeys([*order, *found.tables])}
    kinds = [kind for kind in KIND_TITLES if all(kind in table.kinds() for table in tables.values())]
    kind = cast(
        Kind,
        controls.choose(
            "Representation",
            "kind",
            kinds,
            help="features: the deterministic features of the encoder; means: the means of q(z|x).",
        ),
    )
    over_the_layers(tables, kind, run, other)
    components.section("Every layer against every layer")
    slug = controls.choose("Images of", "on", list(tables))
    pair = layer_by_layer(tables[slug], kind, run, other)
    one_pair(tables, kind, pair, run, other)
    components.footer(command(run, other.name, {slug: table.metadata.split for slug, table in tables.items()}))


page()
