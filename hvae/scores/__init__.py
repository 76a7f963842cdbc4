"""OOD scores: numbers of stored tables -> one number an image, higher = more out-of-distribution. Imports no torch."""

from hvae.scores.base import Level, LeveledScore, Score, SingleScore, computable, in_unit
from hvae.scores.registry import SCORES, at_every_level, everything, find, of_classifier, of_label, offered, score

__all__ = [
    "SCORES",
    "Level",
    "LeveledScore",
    "Score",
    "SingleScore",
    "at_every_level",
    "computable",
    "everything",
    "find",
    "in_unit",
    "of_classifier",
    "of_label",
    "offered",
    "score",
]
