"""One scored image: the steps of its bound, its value under every score, the image and what is left of it by level.

Torch is imported when a person asks for reconstructions, not before.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from app.figures import profile
from app.figures.layout import Figure
from app.figures.profile import PERCENTILES, Step
from app.frame import components, controls
from app.frame.caching import kept
from app.frame.state import ImageId
from app.images.gallery import link, picture
from app.images.mosaic import PICTURE, below, left_out, strip, what_to_see
from app.looks.palette import look
from app.looks.wording import literal, significant, spoken
from app.reading import measures
from app.reading.measures import Measure, usable_unit
from app.reading.view import View
from hvae.datasets import ImageSet, content_index
from hvae.errors import TableError
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable, TableMetadata
from hvae.scores import SCORES, Score
from hvae.stats.arrays import Floats

MOST_DRAWS = 16
"""Tables with more draws are rebuilt with one: a person waits for it."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """An image (its name in HTML, its row in the table of its set) beside those of the in-distribution set `own`.

    `values` gives the in-distribution images and all images of the table a score, or raises a TableError. The stamp
    names the image and both tables, for caches.
    """

    name: str
    table: ScoreTable
    index: int
    inside: ScoreTable
    own: str
    values: Callable[[Measure], tuple[Floats, Floats]]
    stamp: str


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
    chosen = Chosen(name, one.table, image.index, view.inside.table, view.inside.slug, values, stamp)
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
    with right:
        bound_in_steps(chosen, view.measure.score.k or 1)
    if images is not None:
        rebuild(view.run, one.table.metadata, images, image.index)
    left, right = st.columns(2, gap="large")
    with left:
        every_level(chosen, view.measure.score)
    with right:
        every_score(chosen, view.unit)


def bound_in_steps(chosen: Chosen, k: int) -> None:
    """From log p(x|z) over the log-ratio of every layer to the bound, and from there to L^{>k}, k from 1."""
    if why := obstacle((chosen.inside, chosen.table), k):
        st.caption(f"Its bound is not taken apart here: {literal(why)}.")
        return

    def draw() -> tuple[Figure, pd.DataFrame]:
        bars = steps(chosen.inside, chosen.table, chosen.index, k)
        return profile.waterfall(bars, chosen.own, chosen.name, _odd_step(bars, chosen)), profile.steps_table(bars)

    components.chart(*kept("waterfall drawn", (chosen.stamp, k), draw), "image-waterfall", key="image-waterfall")
    st.html(f'<p class="prose">{explanation(chosen.table, k)}</p>')


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
    for kind in SCORES.values():
        for k in kind.levels(chosen.table.metadata.depth):
            measure = Measure(kind(k), usable_unit(kind, unit))
            try:
                own, every = chosen.values(measure)
            except TableError as error:
                obstacles.append(str(error))
                break
            value = float(every[chosen.index])
            about = {"score": measure.label, "symbol": measure.symbol, "value": value, "unit": measure.unit}
            rows.append(about | {"percentile": measures.percentile(own, value)})
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
    for text in obstacles:
        st.caption(f"Left out: {literal(text)}")


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


def obstacle(tables: tuple[ScoreTable, ...], k: int) -> str | None:
    """Why the bound of some table cannot be taken apart, in one line; None where it can."""
    for table in tables:
        ratios = [f"log_ratio_{layer}" for layer in range(1, table.metadata.depth + 1)]
        if not ratios:
            return "this model has no layers of latents"
        for column in ("elbo", "iw", "log_px", f"L>{k}", *ratios):
            if missing := table.missing(column):
                return f"`{column}`: {missing}"
    return None


def steps(inside: ScoreTable, table: ScoreTable, index: int, k: int) -> list[Step]:
    """The bars of `figures.waterfall` for one image of a table, beside those of the in-distribution images `inside`.

    log p(x|z) + log r_1 + ... + log r_L is the ELBO (Havtorn et al., 2021, eq. 1), exactly, in every table. L_S of
    more than one importance sample lies above it, which is a step of its own. L^{>k} (k from 1) is no partial sum of
    these terms: its lowest layers come from the prior, in a pass of its own. By the definition of the ratio it is L_S
    minus LLR^{>k} (eqs 6 and 10), and so it stands here.
    """
    found, start = [], 0.0
    own = _quantities(inside, k)
    for label, (values, total) in _quantities(table, k).items():
        band = np.percentile(own[label][0], PERCENTILES)
        found.append(Step(label, 0.0 if total else start, float(values[index]), band, total))
        start = found[-1].end
    return found


def explanation(table: ScoreTable, k: int) -> str:
    """How to read the bars, in HTML."""
    about, more = table.metadata, ""
    if about.samples > 1:
        more = (
            f" With S = {about.samples} importance samples the bound L<sub>S</sub> differs from the ELBO, so what they "
            "gain is a step of its own."
        )
    more += f" Every number is a mean over R = {about.draws} draws." if about.draws > 1 else ""
    lowest = "z<sub>1</sub> comes" if k == 1 else f"z<sub>1</sub> to z<sub>{k}</sub> come"
    return (
        "A band shows where a bar would end for the middle 90 % and the middle 50 % of the in-distribution images. "
        "log p(x|z) says how well the image is redrawn; each log r<sub>l</sub> = log p(z<sub>l</sub>|…) − log "
        "q(z<sub>l</sub>|…) is what layer l pays for looking at it. Together they are the ELBO. "
        f"L<sup>&gt;{k}</sup> is no sum of some of them: there {lowest} from the prior, in a pass of its own, and "
        f"LLR<sup>&gt;{k}</sup> is what the bound loses by that.{more}"
    )


def _quantities(table: ScoreTable, k: int) -> dict[str, tuple[Floats, bool]]:
    """Label -> (nats of every image, whether it is the sum so far), in the order they are added."""
    elbo, bound, samples = table.column("elbo"), table.bound(0), table.metadata.samples
    ratios = {f"+ log r<sub>{n}</sub>": (table.log_ratio(n), False) for n in range(1, table.metadata.depth + 1)}
    gain = {f"+ {samples} samples": (bound - elbo, False), f"= L<sub>{samples}</sub>": (bound, True)}
    return {
        "log p(x|z)": (table.column("log_px"), False),
        **ratios,
        "= ELBO": (elbo, True),
        **(gain if samples > 1 else {}),
        f"− LLR<sup>&gt;{k}</sup>": (table.bound(k) - bound, False),
        f"= L<sup>&gt;{k}</sup>": (table.bound(k), True),
    }


def _odd_step(steps: list[Step], chosen: Chosen) -> str:
    """Which step is unlike those of the in-distribution images, in a sentence."""
    odd = profile.furthest(steps)
    if odd is None:
        return f"{chosen.name}: every step to its bound lies within the middle 90 % of {look(chosen.own).title}"
    # The ratio itself is easier to say than what it takes away.
    sign = -1 if odd.label.startswith("−") else 1
    value, low, high = map(profile.number, (sign * odd.value, *sorted((sign * odd.band[0], sign * odd.band[-1]))))
    return (
        f"{chosen.name}: {odd.label.lstrip('+− ')} = {value} nats is the step furthest outside the middle 90 % of "
        f"{look(chosen.own).title}, from {low} to {high}"
    )
