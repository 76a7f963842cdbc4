"""What is left of an image when its lowest latents come from the prior, level by level.

Torch is imported when the page beside the panel stands, and only for an image that can be rebuilt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app.frame import components
from app.images.mosaic import PICTURE, WHERE, below, left_out, scale, scale_html, strip, what_to_see
from app.inspector.subject import Subject
from app.looks.palette import look
from app.looks.wording import literal
from hvae.datasets import ImageSet, content_index
from hvae.report.judged.where import MOST_DRAWS

if TYPE_CHECKING:
    from hvae.measuring.reconstructions import RepeatedReconstructions


def fits(subject: Subject) -> bool:
    """Whether the pixels are here, and which noise to draw."""
    return bool(subject.about and subject.run and subject.run.config and subject.picture().images is not None)


def can(subject: Subject) -> bool:
    """Whether the run can rebuild the image as well."""
    return fits(subject) and subject.run is not None and subject.run.obstacle("reconstruct") is None


def draw(subject: Subject) -> None:
    """The image as the model rebuilds it at every level, with the noise that scored it; or why it cannot."""
    run, about = subject.run, subject.about
    assert run is not None and run.config is not None and about is not None
    if why := run.obstacle("reconstruct"):
        st.caption(f"Not rebuilt level by level: {literal(f'{run.name}: {why}')}.")
        return
    walked, one, title = _walked(subject)
    components.titled(f"What is left of {title}, level by level")
    st.html(strip(walked, one.images, title))
    in_the_table = "They are those of the score table: the same noise is drawn here."
    if about.samples != 1 or about.draws != walked.draws:
        sizes = f"S = {about.samples} importance samples and means over R = {about.draws} draws"
        in_the_table = f"The score table has {sizes}."
    st.caption(f"{below(PICTURE, walked.draws)} {in_the_table}{left_out(walked.depth)}")
    trained = run.config.data.name
    of_set = look(about.slug).title if one.split else "this image"
    words = what_to_see(walked, of_set, look(trained).title, one.name == trained)
    st.html(f'<p class="prose">{components.escape(words)}</p>')


def where(subject: Subject) -> None:
    """The pixels whose likelihood is lost when the lowest latents come from the prior."""
    walked, one, title = _walked(subject)
    colours = scale(walked, WHERE)
    assert colours is not None
    components.titled(f"Where on {title} likelihood is lost")
    st.html(strip(walked, one.images, title, WHERE, "where") + scale_html(colours))
    st.caption(
        "log p(x|z) of each pixel with every z from the image, minus that with the lowest from the prior; a picture "
        f"sums to what log p(x|z) loses.{left_out(walked.depth)}"
    )


def _walked(subject: Subject) -> tuple[RepeatedReconstructions, ImageSet, str]:
    """(the image rebuilt at every level with the noise that scored it, the image, its name); imports torch."""
    run, about, images, index = subject.run, subject.about, subject.picture().images, subject.image.index
    assert run is not None and about is not None and images is not None
    with components.starting_pytorch():
        from app.images import models
    one = images.take(np.array([index]))
    # A picture of no data set is known by its content, and so is its noise.
    place = np.array([index if images.split else content_index(one.images[0])])
    draws = about.draws if about.draws <= MOST_DRAWS else 1
    with st.spinner("Rebuilding"):
        walked = models.walk(run, one, place, about.seed, about.reading, draws, about.noise)
    return walked, one, f"{look(about.slug).title} {index}" if images.split else "this image"
