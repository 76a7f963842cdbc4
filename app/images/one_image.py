"""One scored image: taken apart, under every score, and what is left of it by level.

Torch is imported when a person asks for reconstructions, not before.
"""

import numpy as np
import pandas as pd
import streamlit as st

from app import notes
from app.figures import profile
from app.figures.layout import Figure
from app.figures.profile import PERCENTILES
from app.frame import components, controls
from app.frame.caching import kept
from app.frame.state import ImageId
from app.images.gallery import link, picture
from app.images.mosaic import PICTURE, below, left_out, strip, what_to_see
from app.images.waterfalls import Chosen, bound_in_steps, explained
from app.looks.palette import look
from app.looks.wording import literal, significant, spoken
from app.reading import loading, measures
from app.reading.measures import Measure, usable_unit
from app.reading.view import View, reference_part
from hvae.datasets import ImageSet, content_index
from hvae.errors import TableError
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import TableMetadata
from hvae.scores import Score, offered
from hvae.stats.arrays import Floats

MOST_DRAWS = 16
"""Tables with more draws are rebuilt with one: a person waits for it."""


def one_image(view: View, threshold: measures.Threshold) -> None:
    """Pick an image by number, by previous/next or by clicking its mark, and see where it stands."""
    components.section(
        "One image",
        "Click a mark below the densities, or type a set and a number. The bands are what in-distribution images do.",
    )
    sets = {one.slug: one for one in view.sets}
    first = view.outside[0] if view.outside else view.inside
    image = controls.image_box({slug: len(one.scores) for slug, one in sets.items()}, ImageId(first.slug, 0))
    one = sets[image.slug]

    def values(measure: Measure) -> tuple[Floats, Floats]:
        return view.by(measure).scores, view.by(measure, one).scores

    name = f"{look(one.slug).title} {image.index}"
    stamp = f"{view.inside.stamp}\n{one.stamp}\n{name}"
    entry = reference_part(view.catalogue, view.setting)
    reference = loading.table(view.catalogue, entry) if entry else None
    chosen = Chosen(name, one.table, image.index, view.inside.table, view.inside.slug, values, stamp, reference)
    score = float(one.scores[image.index])
    rank = measures.percentile(view.inside.scores, score)
    passes = components.mark("below the threshold: passes", "good")
    word = components.mark("above the threshold: called OOD") if score >= threshold.value else passes
    left, right = st.columns([1, 3], gap="large")
    with left:
        images = picture(view.run, image, one.table, 196)
        st.html(
            f"<p class='prose'>{view.measure.symbol} = {significant(score, 4)} {view.measure.unit}<br>"
            f"higher than {rank:.1f} % of {look(view.inside.slug).title}<br>{word}</p>"
        )
        link(image, images)
        notes.panel(view.run, image.slug, image.index)
    with right:
        bound_in_steps(chosen, view.measure.score.k or 1)
    explained(chosen, view.measure.score)
    if images is not None:
        rebuild(view.run, one.table.metadata, images, image.index)
    left, right = st.columns(2, gap="large")
    with left:
        every_level(chosen, view.measure.score)
    with right:
        every_score(chosen, view.unit)


def every_level(chosen: Chosen, score: Score) -> None:
    """A score of the image at every level that it has, against the in-distribution percentiles."""
    levels = [type(score)(k) for k in score.levels(chosen.table.metadata.depth)]

    def draw() -> tuple[Figure, pd.DataFrame]:
        found = {one: chosen.values(Measure(one)) for one in levels}
        bands = {one.symbol: np.percentile(own, PERCENTILES) for one, (own, _) in found.items()}
        values = [float(every[chosen.index]) for _, every in found.values()]
        above = [str(one.k) for one, band, value in zip(found, bands.values(), values, strict=True) if value > band[-1]]
        verb = "is above" if above or levels[0].k is not None else "is not above"
        where = "every k" if len(above) == len(levels) else f"k = {spoken(above)}" if above else "no k"
        at = "" if levels[0].k is None else f" at {where}"
        title = f"{score.title} of {chosen.name} {verb} 95 % of {look(chosen.own).title}{at}"
        return profile.profile(bands, values, chosen.own, chosen.name, title), profile.table(bands, values)

    try:
        drawn = kept("profile drawn", (chosen.stamp, score.name), draw)
    except TableError as error:
        st.caption(literal(error))
        return
    components.chart(*drawn, "one-image", key="one-image")


def every_score(chosen: Chosen, unit: str = "nats") -> None:
    """The image under every score of the registry, with the share of in-distribution images at or below it."""
    rows, obstacles = [], []
    about = chosen.table.metadata
    kinds = offered(about.preprocessing, about.task).values()
    for kind in (kind for kind in kinds if kind.of_single_images or about.data_fingerprint):
        for k in kind.levels(about.depth):
            measure = Measure(kind(k), usable_unit(kind, unit))
            try:
                own, every = chosen.values(measure)
            except TableError as error:
                obstacles.append(str(error))
                break
            value = float(every[chosen.index])
            row = {"score": measure.label, "symbol": measure.symbol, "value": value, "unit": measure.unit}
            rows.append(row | {"percentile": measures.percentile(own, value)})
    if rows:
        components.listed(
            pd.DataFrame(rows),
            {
                "score": lambda row: row.symbol,
                "its value": lambda row: f"{significant(row.value, 4)} {row.unit}",
                "above": lambda row: f"{row.percentile:.1f} %",
            },
            f"It under every score, and how many images of {look(chosen.own).title} it is above",
            name="image-scores",
        )
    components.left_out(obstacles)


def rebuild(run: RunEntry, about: TableMetadata, images: ImageSet, index: int) -> None:
    """An expander that shows the image and what is left of it at every level, with the noise that scored it.

    A line says why a run cannot; nothing is drawn for one without a configuration. `about` is the metadata of the
    image's table; images of no data set have no split.
    """
    if why := run.obstacle("reconstruct"):
        if run.config is not None:
            st.caption(f"Not rebuilt level by level: {literal(f'{run.name}: {why}')}.")
        return
    assert run.config is not None
    # Its contents are made when it is opened: PyTorch takes two seconds to import.
    details = st.expander("Rebuild it level by level", key="rebuild", on_change="rerun")
    if not details.open:
        return
    with details, components.guarded():
        with st.spinner("Starting PyTorch"):
            from app.images import models
        one, trained = images.take(np.array([index])), run.config.data.name
        # A picture of no data set is known by its content, and so is its noise.
        place = np.array([index if images.split else content_index(one.images[0])])
        title = look(about.slug).title if images.split else "this image"
        draws = about.draws if about.draws <= MOST_DRAWS else 1
        with st.spinner("Rebuilding"):
            walked = models.walk(run, one, place, about.seed, about.reading, draws)
        words = what_to_see(walked, title, look(trained).title, one.name == trained)
        st.html(f'<p class="prose">{components.escape(words)}</p>')
        st.html(strip(walked, one.images, f"{title} {index}" if images.split else title))
        in_the_table = "They are those of the score table: the same noise is drawn here."
        if about.samples != 1 or about.draws != draws:
            sizes = f"S = {about.samples} importance samples and means over R = {about.draws} draws"
            in_the_table = f"The score table has {sizes}."
        st.caption(f"{below(PICTURE, draws)} {in_the_table}{left_out(walked.depth)}")
