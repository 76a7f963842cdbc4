"""Numbers checked at the door: every statistic takes finite float64 arrays of a known rank, or says what was wrong."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hvae.errors import HvaeError

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


def finite(values: ArrayLike, name: str, ndim: int = 1) -> Floats:
    """`values` as a float64 array of rank `ndim`, not empty and all finite; `name` says in messages what they are."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise HvaeError(f"{name}: expected an array of numbers, got {type(values).__name__}.") from error
    if array.ndim != ndim:
        raise HvaeError(f"{name}: expected {ndim} axis(es), got an array of shape {array.shape}.")
    if array.size == 0:
        raise HvaeError(f"{name}: is empty; at least one value is needed.")
    broken = array.size - int(np.count_nonzero(np.isfinite(array)))
    if broken:
        raise HvaeError(f"{name}: {broken} of {array.size} values are NaN or infinite; leave them out or score again.")
    return array


def between(value: float, name: str, low: float, high: float) -> float:
    """`value` as a float in the open interval `(low, high)`; `HvaeError` outside it or for NaN."""
    number = float(value)
    if not low < number < high:
        raise HvaeError(f"{name}: must lie between {low:g} and {high:g}, got {value}.")
    return number
