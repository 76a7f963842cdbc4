"""The image itself, what it is called, and where its score stands."""

import streamlit as st

from app.frame import components, fetching
from app.inspector import noted
from app.inspector.subject import Subject
from app.looks.palette import look
from app.looks.pictures import data_uri
from app.looks.wording import literal, significant
from app.reading import measures
from hvae.errors import TableError

WIDTH = 112
"""Pixels of the picture on the screen."""


def draw(subject: Subject) -> None:
    """The picture beside its label and verdict."""
    found, caption = subject.picture(), ""
    with st.container(horizontal=True, gap="medium", key="inspected"):
        if found.images is not None:
            place = subject.image.index
            about = f"label {int(found.images.labels[place])}" if found.images.origin or found.images.split else ""
            name = found.images.names[place] if found.images.names else ""
            caption = ", ".join(filter(None, (about, name)))
            with st.container(key="picture", width=WIDTH):
                pixels = data_uri(found.images.images[place])
                st.image(pixels, width=WIDTH, alt=f"Image {subject.image}, {caption}")
        lines = [*_lines(subject), components.named(caption), noted.brief(subject)]
        st.html("".join(f"<p>{line}</p>" for line in lines if line), width="stretch")
    if found.missing:
        text, _, command = found.missing.partition(": hvae ")
        slug = command.rpartition(" ")[2]
        if command and not fetching.offer([slug], "inspected"):
            components.missing(f"{text}.", f"hvae {command}")
        elif not command:
            st.info(literal(text))


def _lines(subject: Subject) -> list[str]:
    """Score, rank and verdict in HTML, then what the page has to say."""
    lines = list(subject.words)
    chosen, measure = subject.chosen, subject.measure
    if chosen is None or measure is None:
        return lines or ["No score table of this run holds this image."]
    try:
        own, every = chosen.values(measure)
    except TableError as error:
        return [*lines, components.escape(error)]
    score = float(every[chosen.index])
    rank = measures.percentile(own, score)
    said = f"{measure.symbol} = <b>{significant(score, 4)}</b> {measure.unit}, higher than {rank:.1f} % of "
    lines.append(f"{said}{look(chosen.own).title}")
    if subject.threshold is not None:
        called = score >= subject.threshold.value
        passes = components.mark("below the threshold: passes", "good")
        lines.insert(0, components.mark("above the threshold: called OOD") if called else passes)
    return lines
