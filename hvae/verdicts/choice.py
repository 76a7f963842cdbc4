"""Which score judges, what it says of images, and whether their pixels are asked as well. Imports no torch."""

from __future__ import annotations

import numpy as np

from hvae import scores as registry
from hvae.errors import TableError
from hvae.runs.score_tables import ScoreTable
from hvae.scores.base import unlike
from hvae.stats.arrays import Floats

PIXELS, PIXEL_SHARE = "pixel-statistics", 0.2
"""The model-free score that is asked as well, and its share of the false-alarm budget.

A model has no say on images far from all it was fitted to: of a photograph padded and squeezed to 28 x 28 grey, or an
image of one value, its terms may well be average. Five statistics of the pixels, fitted to the reference part, see
those; a fifth of the budget costs the score little.
"""
USUAL_SCORE, FALLBACK_SCORE, FLAT_SCORE, CLASSIFIER_SCORE = "joint", "llr", "typicality", "msp"
"""Judges where no score is asked for, instead of it where a run does not give it, and of a model without latent layers
(a likelihood alone would point the wrong way); see `usual_score`."""


def usual_score(reference: ScoreTable, calibration: ScoreTable) -> tuple[str, str]:
    """(the score that judges where none is asked for, why it is not the usual one), the reason empty where it is.

    It is `joint`, and the likelihood ratio where a part lacks its columns, the reference part has too few images, or it
    cannot be fitted to them; typicality of a model without latent layers, which has neither. Of a classifier it is the
    first that its head gives.
    """
    if reference.metadata.task:
        given = registry.of_classifier((reference, calibration))
        return (given[0].name if given else CLASSIFIER_SCORE, "")
    why = few_images(USUAL_SCORE, reference)
    try:
        if not why:
            _ = [values(USUAL_SCORE, part, reference) for part in (reference, calibration)]
    except TableError as error:
        why = str(error)
    if not why:
        return USUAL_SCORE, ""
    instead = FALLBACK_SCORE if registry.at_every_level(FALLBACK_SCORE, reference.metadata.depth) else FLAT_SCORE
    titles = [registry.find(name).title for name in (instead, USUAL_SCORE)]
    return instead, f"judged by {titles[0]} instead of {titles[1]}: {why}"


def asks_pixels(score: str, reference: ScoreTable, calibration: ScoreTable) -> bool:
    """Whether the pixels can be asked beside a score: both parts have their statistics, and it is not one of them."""
    if registry.find(score).model_free:
        return False
    return not registry.computable([registry.find(PIXELS)()], (reference, calibration), reference)[1]


def few_images(score: str, reference: ScoreTable) -> str:
    """What it costs that the reference part is small for a score, in one line; empty where it is not.

    Raises:
        ConfigError: an unknown score.
    """
    kind = registry.find(score)
    if len(reference) >= kind.least_reference:
        return ""
    return f"{len(reference):,} reference images are few ({kind.least_reference:,} are wanted): {kind.fewer_cost}"


def values(score: str, table: ScoreTable, reference: ScoreTable) -> Floats:
    """A score at every level it has, `(n, K)`, one column a level; higher = more out-of-distribution.

    Raises:
        ConfigError: an unknown score.
        TableError: statistics that the score needs and the table lacks, or that were measured in another way than
            those of the reference part.
    """
    if (why := unlike(table.metadata, reference.metadata)) is not None:
        raise TableError(why)
    levels = registry.at_every_level(score, table.metadata.depth) or [registry.find(score)()]
    return np.column_stack([one.of(table, reference) for one in levels])
