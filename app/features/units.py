"""Unit pairs of two layers: which units respond alike, and the images that excite them most."""

import math

import pandas as pd
import streamlit as st

from app.features import tables as feature_tables
from app.figures.scattered.agreement import matched_pairs
from app.frame import components, controls
from app.frame.state import ImageId
from app.images import gallery
from app.images.sources import Sizes
from app.inspector import panel, subject
from hvae import datasets
from hvae.runs.correlations.tables import CorrelationMetadata, Kind
from hvae.runs.correlations.unit_pairs import MOST_IMAGES, UnitPair
from hvae.runs.folders import RunEntry


def unit_pairs(
    run: RunEntry, other: RunEntry, metadata: CorrelationMetadata, kind: Kind, layers: str, busy: bool
) -> None:
    """Section on the units of one pair of layers `A-B`, by the metadata of the correlation table chosen."""
    layer_a, layer_b = (int(layer) for layer in layers.split("-"))
    components.section(
        "Units that respond alike",
        f"The best matched units of z<sub>{layer_a}</sub> of {components.escape(run.name)} and z<sub>{layer_b}</sub> "
        f"of {components.escape(other.name)}. If they mean the same, the same images excite both.",
    )
    found = feature_tables.unit_pairs(run, other, metadata.slug, metadata.split)
    if found is None:
        feature_tables.offer(run, other, [metadata.slug], "Unit pairs", tables=False, busy=busy, key="offer-units")
        return
    pairs = found.of(kind, layer_a, layer_b)
    if not pairs:
        st.info("No unit of one of these layers varies over the images, so none can be matched.")
        return

    def clicked(rank: int) -> None:
        st.session_state["match"] = str(rank)

    named = {
        pair.rank: (unit_name(run, kind, layer_a, pair.unit_a), unit_name(other, kind, layer_b, pair.unit_b))
        for pair in pairs
    }
    numbers = pd.DataFrame(
        [
            [pair.rank, *(name.removeprefix("unit ") for name in named[pair.rank]), pair.r, len(pair.shared), pair.down,
             pair.across]
            for pair in pairs
        ],
        columns=["pair", "unit of A", "unit of B", "r", "images in both", "down", "across"],
    )  # fmt: skip
    figure, name = matched_pairs(pairs, run.name, other.name, named), f"units-{metadata.slug}-{kind}-{layers}"
    components.chart(figure, numbers, name, key="unit-pairs", on_click=clicked)
    ranks = [str(pair.rank) for pair in pairs]
    rank = controls.choose(
        "Unit pair", "match", ranks, select=True, help="Pair 1 is the most alike. You can also click a mark."
    )
    pair = pairs[ranks.index(rank)]
    st.html(f'<p class="prose">{in_words(pair, run.name, other.name, named[pair.rank])}</p>')
    _galleries(pair, run, other, found.metadata, named[pair.rank])


def unit_name(run: RunEntry, kind: Kind, layer: int, unit: int) -> str:
    """A unit in words: `unit 4`, and in which half of its latent it is where that has two (BIVA)."""
    model = run.config.model if run.config else None
    part = model.part_of(layer, unit) if kind == "means" and model and layer <= model.depth else None
    return f"unit {unit} ({part})" if part else f"unit {unit}"


def in_words(pair: UnitPair, run: str, other: str, units: tuple[str, str]) -> str:
    """What a pair of units, both in words, is, and how many images excite both (HTML)."""
    place = "" if math.isnan(pair.down) else f", {pair.down:.0%} down and {pair.across:.0%} across the feature map,"
    sign = "rise and fall together" if pair.r >= 0 else "move in opposite directions"
    turned = "".join(
        f" Of {components.escape(name)} the images that lower the unit most are shown."
        for name, direction in ((run, pair.sign_a), (other, pair.sign_b))
        if direction < 0
    )
    return (
        f"U{units[0][1:]} of {components.escape(run)} and {units[1]} of {components.escape(other)}{place} "
        f"{sign}: r = {pair.r:.2f} on images that the matching did not see.{turned} "
        f"<b>{len(pair.shared)} of the {len(pair.images_a)} images excite both units most</b>; half of run A's images "
        f"are among the {max(pair.median_a, 0.001):.1%} that excite run B's unit most, half of run B's among the "
        f"{max(pair.median_b, 0.001):.1%} of run A's unit. Where many images excite a unit almost equally, units may "
        "be alike and yet share few."
    )


def _galleries(
    pair: UnitPair, run: RunEntry, other: RunEntry, metadata: CorrelationMetadata, units: tuple[str, str]
) -> None:
    """What excites each unit of a pair most."""
    slug = metadata.slug
    shape = run.config.model.image_shape if run.config else (1, 28, 28)
    here = [name for name in datasets.names_for(shape) if datasets.available(name)]
    if slug in here:
        panel.inspect(
            Sizes([slug], run),
            ImageId(slug, pair.images_a[0]),
            lambda image: subject.of_run(run, image, subject.scored_picture(run, slug, metadata)),
        )
    both = zip(st.columns(2), (run.name, other.name), units, (pair.images_a, pair.images_b), "ab", strict=True)
    for column, name, unit, images, side in both:
        shown = [
            gallery.Shown(ImageId(slug, image), "both" if image in pair.shared else f"only {side.upper()}")
            for image in images[:MOST_IMAGES]
        ]
        numbers = pd.DataFrame([(str(one.image), one.caption) for one in shown], columns=["image", "excites"])
        numbers.insert(0, "place", range(1, len(shown) + 1))
        with column:
            title = f"What excites {unit} of {components.escape(name)} most"
            gallery.gallery(run, {slug: metadata}, shown, title, numbers, key=f"unit-{side}")
