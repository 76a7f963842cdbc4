"""Notes and tags on the image."""

from app import notes
from app.inspector.subject import UPLOADED, Subject
from hvae.datasets import LOOSE, content_index


def draw(subject: Subject) -> None:
    """What people wrote on the image, and where they write; one's own image is known by its pixels."""
    assert subject.run is not None
    slug, index = subject.image.slug, subject.image.index
    if slug != UPLOADED:
        notes.panel(subject.run, slug, index)
    elif (images := subject.picture().images) is not None:
        notes.panel(subject.run, LOOSE, content_index(images.images[index]))


def fits(subject: Subject) -> bool:
    """Whether there is a run that notes are kept with."""
    return subject.run is not None
