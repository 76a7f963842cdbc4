"""What a score is fitted to a reference part, made once for each: every table and level is judged by the same fit."""

from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from hvae.runs.score_tables import ScoreTable

T = TypeVar("T")

_fits: WeakKeyDictionary[ScoreTable, dict[object, Any]] = WeakKeyDictionary()


def fitted(reference: ScoreTable, key: object, fit: Callable[[], T]) -> T:
    """What `fit` gives of a reference part, kept under a key as long as the table is; what it raises is not kept."""
    known = _fits.setdefault(reference, {})
    if key not in known:
        known[key] = fit()
    return known[key]
