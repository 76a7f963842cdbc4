"""How alike two runs are over their layers: lines over the layers, and every layer against every layer."""

from functools import partial

import pandas as pd
import streamlit as st

from app.features import tables as feature_tables
from app.figures.scattered.agreement import layer_grid, over_layers
from app.frame import components, controls
from app.frame.caching import kept
from app.frame.parts import EVERY_PAIR
from app.looks import palette
from hvae.runs.correlations.tables import CorrelationTable, Kind
from hvae.runs.folders import RunEntry

HEADINGS = {
    "data": "images of",
    "mean_abs_r": "mean |r| of matched units",
    "null": "the same by chance",
    "cka": "CKA",
    "constant_a": "constant units of A",
    "constant_b": "constant units of B",
    "n": "images",
}
"""What people call the columns of a table."""


def in_words(rows: pd.DataFrame, run: RunEntry, other: RunEntry) -> str:
    """What the lowest and the highest layer say, averaged over the data sets (HTML)."""
    means = pd.DataFrame(rows.groupby("layer_a")[["mean_abs_r", "null", "cka"]].mean()).to_dict("index")
    spoken = [
        f"at z<sub>{layer}</sub> mean |r| is {means[layer]['mean_abs_r']:.2f} (chance {means[layer]['null']:.2f}) "
        f"and CKA {means[layer]['cka']:.2f}"
        for layer in dict.fromkeys([min(means), max(means)])
    ]
    trained = [palette.look(entry.config.data.name).title for entry in (run, other) if entry.config]
    start = f"{run.name} was trained on {trained[0]}, {other.name} on {trained[1]}. " if len(trained) == 2 else ""
    return components.escape(start) + (
        f"Over these data sets, {'; '.join(spoken)}. Where the lowest layers of models of different data agree "
        "and the highest do not, the low features describe any image: a likelihood built on them cannot tell what the "
        "image shows."
    )


def about_the_models(kind: Kind, run: RunEntry, other: RunEntry) -> str:
    """What has to be known of two models to read their figures: unlike depths, halves of a latent; may be empty."""
    models = {entry.name: entry.config.model for entry in (run, other) if entry.config}
    depths = {name: model.depth for name, model in models.items()}
    said = []
    if len(set(depths.values())) == 2:
        (deep, most), (flat, least) = sorted(depths.items(), key=lambda one: -one[1])
        said.append(
            f"{deep} has {most} layers and {flat} {least}: layers of the same number need not be of the same height. "
            f"Every pair of them is under “{EVERY_PAIR}”."
        )
    halves = [name for name, model in models.items() if model.inference == "bidirectional" and model.depth > 1]
    if kind == "means" and halves:
        said.append(
            f"Below the top each z of {' and '.join(halves)} has two halves side by side, BU (inferred on the way up) "
            "and TD (inferred on the way down); a layer here is both of them."
        )
    return " ".join(said)


def over_the_layers(tables: dict[str, CorrelationTable], kind: Kind, run: RunEntry, other: RunEntry) -> None:
    """Layer l against layer l, on every data set."""
    rows = feature_tables.rows(tables, kind)
    rows = rows.loc[rows["layer_a"] == rows["layer_b"]]
    stamp = rows.to_csv(index=False)
    drawn = (
        ("mean_abs_r", "Matched units: do they rise and fall together?", "mean |r|", "correlation", "r-by-layer"),
        ("cka", "Whole layers: is it the same geometry?", "debiased linear CKA", "cka", "cka-by-layer"),
    )
    for place, (column, *words, name, key) in zip(st.columns(2), drawn, strict=True):
        figure = kept(column, stamp, partial(over_layers, rows, column, *words, null=column == "mean_abs_r"))
        with place:
            components.chart(figure, rows, f"{name}-{kind}", key=key)
    st.html(f'<p class="prose">{in_words(rows, run, other)}</p>')
    counts = ", ".join(str(count) for count in sorted(set(rows["units"])))
    first = next(iter(tables.values())).metadata
    st.caption(
        f"|r| is the mean correlation of {counts} units of every layer, matched one to one on half of {first.n:,} "
        f"images and measured on the other half, at {first.places} places of the feature maps. Every layer has the "
        "same number of units here, because matching favours wide layers. Chance is the same with the images of "
        "run B shuffled. CKA compares whole layers: it also finds what two models represent alike in other "
        "coordinates, and it is near 0 by chance."
    )


def layer_by_layer(table: CorrelationTable, kind: Kind, run: RunEntry, other: RunEntry) -> str:
    """Heat maps of every pair of layers on one data set; returns the pair chosen."""
    depths = table.metadata.depth_a, table.metadata.depth_b
    pairs = [f"{a}-{b}" for a in range(1, depths[0] + 1) for b in range(1, depths[1] + 1)]
    title = palette.look(table.metadata.slug).title

    def clicked(data: int) -> None:
        st.session_state["pair"] = f"{data // 1000}-{data % 1000}"

    long = table.frame[table.frame["kind"] == kind]
    drawn = (("mean_abs_r", "mean |r|", "matched units"), ("cka", "CKA", "whole layers"))
    for column, (value, name, words) in zip(st.columns(2), drawn, strict=True):
        figure = layer_grid(table.square(kind, value), run.name, other.name, f"{title}: {words}, {name}", name)
        numbers = pd.DataFrame(long[["layer_a", "layer_b", value]])
        with column:
            saved = f"layers-{value}-{table.metadata.slug}-{kind}"
            components.chart(figure, numbers, saved, key=f"grid-{value}", on_click=clicked)
    return controls.choose("Pair of layers (A-B)", "pair", pairs, select=True, help="You can also click a cell.")


def one_pair(tables: dict[str, CorrelationTable], kind: Kind, pair: str, run: RunEntry, other: RunEntry) -> None:
    """One pair of layers on every data set."""
    a, b = (int(layer) for layer in pair.split("-"))
    rows = feature_tables.rows(tables, kind)
    rows = rows.loc[(rows["layer_a"] == a) & (rows["layer_b"] == b)]
    st.html(
        f'<p class="prose">z<sub>{a}</sub> of {components.escape(run.name)} against z<sub>{b}</sub> of '
        f"{components.escape(other.name)} on each data set. Constant units do not vary over the images and are left "
        "out.</p>"
    )
    shown = rows.drop(columns=["kind", "layer_a", "layer_b"])
    components.numbers(shown, f"pair-{pair}-{kind}", key="pair-table", headings=HEADINGS)
