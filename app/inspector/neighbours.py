"""The own images nearest to the image at every level: as the map of the run keeps them, else by its weights."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app.frame import components
from app.frame.caching import kept
from app.frame.state import ImageId
from app.images import sources
from app.images.mosaic import SMALL_CELL, Cell, Row, table_html, usual_levels
from app.inspector.subject import UPLOADED, Subject, scored_picture
from app.looks.palette import look
from app.looks.pictures import grey_or_colour
from app.looks.wording import literal, significant, subscript
from app.reading import loading
from hvae.datasets import ImageSet
from hvae.datasets.base import spread_rows
from hvae.errors import TableError
from hvae.runs.measured.maps import LatentMap

SHOWN = 3
AMONG = 1000
"""Images of the reference part that are looked through where the map keeps no neighbours: a person waits for it."""
RANKS = ("nearest", "second", "third")

Found = list[list[tuple[int, float]]]
"""(row of the reference table, distance), nearest first, a list a level."""


def fits(subject: Subject) -> bool:
    """Whether the run has a reference part, and a map or weights."""
    run, chosen = subject.run, subject.chosen
    if run is None or chosen is None or chosen.reference is None or not chosen.table.metadata.depth:
        return False
    return run.obstacle("represent") is None or _map(subject) is not None


def draw(subject: Subject) -> None:
    """Level by level its nearest images of the reference part, with their labels and distances."""
    run, chosen = subject.run, subject.chosen
    assert run is not None and chosen is not None and chosen.reference is not None
    own = look(chosen.own).title
    picture = scored_picture(run, chosen.own, chosen.reference)
    found = _stored(subject)
    among = f"the reference part of {own}, as the map keeps them"
    if found is None:
        if why := run.obstacle("represent") or picture.missing or subject.picture().missing:
            st.caption(literal(f"Not measured: {why}."))
            return
        assert picture.images is not None
        found = _measured(subject, picture.images)
        among = f"{min(AMONG, len(picture.images)):,} images of the reference part of {own}"
    levels = [level for level in usual_levels(len(found)) if level]
    components.titled(f"{own} training images nearest to {subject.title}, level by level")
    if picture.images is None:
        st.caption(literal(picture.missing))
        for level in levels:
            named = ", ".join(f"{row} at {significant(distance)}" for row, distance in found[level - 1])
            st.caption(f"z{subscript(level)}: {named}")
        return
    labels = chosen.reference.frame["label"].to_numpy()
    # Where one's own images have no test split, these are the very ones that pages show and the address can name.
    parts = [(one.metadata.slug, one.metadata.split) for one in (chosen.inside, chosen.reference)]
    named = subject.image.slug != UPLOADED and parts[0] == parts[1]

    def cell(level: int, rank: int) -> Cell | None:
        if rank >= len(found[level - 1]):
            return None
        row, distance = found[level - 1][rank]
        assert picture.images is not None
        words = f"{own}, reference image {row}, {RANKS[rank]} at z{subscript(level)}"
        lines = f"label {labels[row]}", f"at {significant(distance)}"
        way = sources.way(ImageId(chosen.own, row), labels[row]) if named else None
        return Cell(grey_or_colour(picture.images.images[row]), words, lines, way)

    rows = [Row(RANKS[rank], tuple(cell(level, rank) for level in levels)) for rank in range(SHOWN)]
    rows = [row for row in rows if any(row.cells)]
    st.html(table_html([f"z{subscript(level)}" for level in levels], rows, "nearest", cell=SMALL_CELL))
    st.caption(f"Below each: its label, and how far its posterior mean lies from that of this image. Among: {among}.")


def _map(subject: Subject) -> LatentMap | None:
    assert subject.run is not None
    try:
        return loading.latent_map(subject.run)
    except TableError:
        return None


def _stored(subject: Subject) -> Found | None:
    """What the map of the run keeps of the image; None where it keeps nothing."""
    found, chosen = _map(subject), subject.chosen
    if found is None or chosen is None or chosen.reference is None or not found.metadata.neighbours:
        return None
    example = int(chosen.table.frame["example"].iat[chosen.index])
    examples = chosen.reference.frame["example"].to_numpy()
    near: Found = []
    for level in range(1, found.metadata.depth + 1):
        rows = [(int(np.searchsorted(examples, place)), distance, place)
                for place, distance in found.nearest(chosen.table.metadata.slug, example, level)]  # fmt: skip
        near.append([(row, far) for row, far, place in rows if row < len(examples) and examples[row] == place][:SHOWN])
    return near if any(near) else None


def _measured(subject: Subject, reference: ImageSet) -> Found:
    """By the weights of the run; imports torch."""
    run, chosen, images = subject.run, subject.chosen, subject.picture().images
    assert run is not None and chosen is not None and images is not None
    with components.starting_pytorch():
        from app.images import models
        from hvae.measuring.lab.neighbours import nearest, posterior_means
    rows = spread_rows(len(reference), min(AMONG, len(reference)))
    checkpoint = loading.checkpoint(run)
    stamp = models.stamp(run), reference.fingerprint
    with st.spinner("Looking through training images"):
        own = kept("reference means", stamp, lambda: posterior_means(checkpoint, reference, rows), "huge")
        one = posterior_means(checkpoint, images.take(np.array([chosen.index])), np.array([0]))
    is_own = (images.slug, images.split) == (reference.slug, reference.split)
    found = nearest(own, one, SHOWN + 1)
    kept_ones = ([(int(rows[place]), far) for place, far in level] for level in found)
    return [[(row, far) for row, far in level if not (is_own and row == chosen.index)][:SHOWN] for level in kept_ones]
