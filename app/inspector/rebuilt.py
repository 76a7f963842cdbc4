"""What is left of an image when its lowest latents come from the prior, level by level.

Torch is imported when the page beside the panel stands, and only for an image that can be rebuilt.
"""

import numpy as np
import streamlit as st

from app.frame import components
from app.images.mosaic import PICTURE, below, left_out, strip, what_to_see
from app.inspector.subject import Subject
from app.looks.palette import look
from app.looks.wording import literal
from app.reading import loading
from hvae.datasets import content_index

MOST_DRAWS = 16
"""Tables with more draws are rebuilt with one: a person waits for it."""
SOON = 3_000_000
"""Parameters up to which an image is rebuilt unasked: it takes a moment."""


def fits(subject: Subject) -> bool:
    """Whether the pixels are here, and which noise to draw."""
    return bool(subject.about and subject.run and subject.run.config and subject.picture().images is not None)


def draw(subject: Subject) -> None:
    """The image as the model rebuilds it at every level, with the noise that scored it; or why it cannot."""
    run, about, images, index = subject.run, subject.about, subject.picture().images, subject.image.index
    assert run is not None and run.config is not None and about is not None and images is not None
    if why := run.obstacle("reconstruct"):
        st.caption(f"Not rebuilt level by level: {literal(f'{run.name}: {why}')}.")
        return
    st.session_state.setdefault("rebuild", (loading.parameters(run) or 0) <= SOON)
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
        st.html(strip(walked, one.images, f"{title} {index}" if images.split else title))
        in_the_table = "They are those of the score table: the same noise is drawn here."
        if about.samples != 1 or about.draws != draws:
            sizes = f"S = {about.samples} importance samples and means over R = {about.draws} draws"
            in_the_table = f"The score table has {sizes}."
        st.caption(f"{below(PICTURE, draws)} {in_the_table}{left_out(walked.depth)}")
        words = what_to_see(walked, title, look(trained).title, one.name == trained)
        st.html(f'<p class="prose">{components.escape(words)}</p>')
