"""What stored numbers mean as grey values: which of them is white, and how sure that is."""

from dataclasses import dataclass

import numpy as np

from hvae.datasets.own.caveats import Caveat
from hvae.errors import DataError

HAIR = 1e-3
"""Floats that reach past [0, 1] or [0, 255] by this share are rounding, not another range."""
OVERSHOOT = 1.5
"""Floats up to here are [0, 1] after a filter that overshoots: as 0..255 they would all be black."""
DARK = 31
"""Of 8 bits: an image with nothing brighter is black to the eye, and often has another range than its file says."""
DEPTHS = (8, 10, 12)
"""Bits that cameras and scanners store in 16."""
WIDEST_DOUBTED = 2**14 - 1
_PORTION = 2**22


@dataclass(frozen=True)
class Scale:
    """How the numbers of one file become 0 (black) to 255 (white).

    `white` is the stored number that is white, or black where `inverted`: 0 is the other one. `words` say what was done
    to the numbers, empty for 8 bits as they are; `caveats` what is not certain about it.
    """

    white: float
    words: str = ""
    caveats: tuple[Caveat, ...] = ()
    inverted: bool = False

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The values as uint8, in the same shape."""
        if self.white == 255 and values.dtype == np.uint8:
            return 255 - values if self.inverted else np.ascontiguousarray(values)
        flat, found = np.ravel(values), np.empty(values.size, np.uint8)
        # In portions: a large array would be held several times over as floats.
        for start in range(0, values.size, _PORTION):
            part = flat[start : start + _PORTION].astype(np.float32)
            # 1 is no multiple of 1 / 255 in float32.
            scaled = part * 255 if self.white == 1 else part / (self.white / 255)
            found[start : start + _PORTION] = np.rint(np.clip(scaled, 0, 255))
        return (255 - found if self.inverted else found).reshape(values.shape)


def of_floats(low: float, high: float) -> Scale:
    """The scale of floats that span `low` to `high`: [0, 1] or [0, 255], a hair beyond either taken as the end.

    `DataError` for any other span, and for what is no number.
    """
    if not (low >= -HAIR and high <= 255 * (1 + HAIR)):
        hint = ": if they are in [-1, 1], save (x + 1) / 2" if low >= -1 - HAIR and high <= 1 + HAIR else ""
        raise DataError(f"its range reaches from {low:g} to {high:g}, outside [0, 1] and [0, 255]{hint}")
    if high <= 1 + HAIR:
        return Scale(1, "floats in [0, 1] rescaled to 0..255")
    if high <= OVERSHOOT:
        sentence = f"floats up to {high:.3g} are taken as [0, 1], and what is above 1 as white"
        return Scale(1, "floats in [0, 1] rescaled to 0..255", (Caveat("unit-range", sentence),))
    return Scale(255, "floats in [0, 255] rounded to whole numbers", _dark(high))


def of_integers(low: int, high: int, bits: int, declared: int | None = None, usual: int | None = None) -> Scale:
    """The scale of whole numbers that span `low` to `high`, stored in `bits`.

    `declared` is what the file itself calls white, where it does. Numbers of no more bits than `usual` need no caveat:
    arrays of 8-bit pixels are often stored as int64. `DataError` for numbers outside 16 bits.
    """
    if low < 0 or high > 65_535:
        raise DataError(f"integer values outside 16 bits (from {low:,} to {high:,}): save it with 8 or 16 bits")
    if declared is not None and high <= declared:
        return Scale(declared, "rescaled to 8 bits")
    if (low, high) == (0, 1):
        sentence = "it holds 0 and 1 alone, which are taken as black and white"
        return Scale(1, "0 and 1 taken as black and white", (Caveat("zero-one", sentence),))
    if bits <= 8:
        return Scale(255, "", _dark(high))
    if high == 0:
        return Scale(65_535, "rescaled to 8 bits")
    depth = next((depth for depth in DEPTHS if high < 2**depth), 16)
    words = "rescaled to 8 bits" if depth == 16 else f"taken as {depth} bits stored in {bits}"
    doubted = high <= WIDEST_DOUBTED and depth != usual
    sentence = (
        f"no value of its {bits} bits is above {high:,}: it is taken as a picture of {depth} bits; if that is not what "
        "it is, save it with 8"
    )
    return Scale(2**depth - 1, words, (Caveat("bits", sentence),) if doubted else ())


def of_array(images: np.ndarray, low: float, high: float) -> Scale:
    """The scale of an array of images that spans `low` to `high`: bool, whole numbers or floats.

    `DataError` for other types and ranges.
    """
    kind, name = images.dtype.kind, images.dtype.name
    if kind == "b":
        return Scale(1, "bool taken as black and white")
    if kind == "f":
        return of_floats(float(low), float(high))
    usual = None if name == "uint16" else 8
    scale = of_integers(int(low), int(high), 8 * images.dtype.itemsize, usual=usual)
    if images.dtype == np.uint8 or scale.white == 1:
        return scale
    return Scale(scale.white, f"{name} from {low:,} to {high:,} {scale.words}", scale.caveats)


def _dark(high: float) -> tuple[Caveat, ...]:
    if not 1 < high <= DARK:
        return ()
    sentence = f"no value is above {high:g} of 255: it is almost black as its file says, or has another range"
    return (Caveat("low-range", sentence),)
