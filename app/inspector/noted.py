"""Notes and tags on the image."""

import textwrap

from app import notes
from app.frame import components
from app.inspector.subject import UPLOADED, Subject
from hvae.datasets import LOOSE, content_index
from hvae.errors import HvaeError


def draw(subject: Subject) -> None:
    """What people wrote on the image, and where they write."""
    assert subject.run is not None
    if (place := _place(subject)) is not None:
        notes.panel(subject.run, *place)


def brief(subject: Subject) -> str:
    """The tags and the first words of the note on the image in HTML, empty where there is none."""
    if subject.run is None or (place := _place(subject)) is None:
        return ""
    try:
        note = notes.of(subject.run).get("{}:{}".format(*place))
    except HvaeError:
        return ""
    words = textwrap.shorten(note.text, 60, placeholder=" …") if note else ""
    tags = [components.mark(tag, "plain") for tag in note.tags] if note else []
    return " ".join(filter(None, ["Note:" if words or tags else "", *tags, components.escape(words)]))


def _place(subject: Subject) -> tuple[str, int] | None:
    """The set that the note is kept under, and the number: one's own image is known by its pixels."""
    slug, index = subject.image.slug, subject.image.index
    if slug != UPLOADED:
        return slug, index
    images = subject.picture().images
    return None if images is None else (LOOSE, content_index(images.images[index]))


def fits(subject: Subject) -> bool:
    """Whether there is a run that notes are kept with."""
    return subject.run is not None
