"""What cannot be known from an image file alone, said about that image before a model judges it."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Caveat:
    """One doubt about how an image was read: its ``kind``, a word to count by, and a ``sentence`` for people.

    The kind is one of a few lower-case words with hyphens (``zero-one``, ``one-value``), the sentence ends without a
    full stop and does not repeat the file's name.
    """

    kind: str
    sentence: str


def in_words(caveats: Iterable[Caveat]) -> str:
    """All doubts about one image in one line, `KIND: SENTENCE; ...`; empty for none."""
    return "; ".join(f"{one.kind}: {one.sentence}" for one in caveats)
