"""What cannot be known from an image file alone, said about that image before a model judges it."""

import re
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


def out_of_words(said: str) -> list[Caveat]:
    """The doubts of a line of `in_words`, whose sentences may hold semicolons."""
    each = re.split(r"; (?=[a-z-]+: )", said) if said else []
    return [Caveat(*one.split(": ", 1)) for one in each]
