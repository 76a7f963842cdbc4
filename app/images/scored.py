"""One scored image as a picture, or why it is not on this machine and what to do."""

from __future__ import annotations

import streamlit as st

from app.frame import components, state
from app.frame.state import ImageId
from app.looks.palette import look
from app.looks.pictures import data_uri
from app.looks.wording import literal
from app.reading import loading
from hvae.datasets import ImageSet, available, is_known
from hvae.errors import HvaeError
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable


def picture(run: RunEntry, image: ImageId, table: ScoreTable, width: int) -> ImageSet | None:
    """Show an image of a run's score table; returns all images of the table, None where it cannot be shown."""
    if is_known(image.slug) and not available(image.slug):
        components.missing(f"{look(image.slug).title} is not on this machine.", f"hvae data fetch {image.slug}")
        return None
    try:
        images = loading.scored_images(run, table)
    except (HvaeError, OSError) as error:
        st.info(f"The image cannot be shown: {literal(error)}")
        return None
    about = f"{image}, label {int(images.labels[image.index])}"
    caption = f"{about}, {literal(images.names[image.index])}" if images.names else about
    with st.container(key="picture"):
        st.image(data_uri(images.images[image.index]), width=width, caption=caption, alt=f"Image {about}")
    return images


def link(image: ImageId, images: ImageSet | None, label: str = "See its reconstructions →", **values: object) -> None:
    """The way to an image on Reconstructions; none where it is one of some, which the whole set counts otherwise."""
    if images is None or not images.origin:
        query = state.values("reconstructions", source="data set", image=str(image), **values)
        st.page_link("../pages/reconstructions.py", label=label, query_params=query)
