"""What a model cannot know of an image from outside, said before it judges: from the file and from what became of it.

No threshold here was chosen by what a model says: each asks whether an image CAN look like those it was trained on.
"""

import numpy as np

from hvae.datasets.conversions import border
from hvae.datasets.own.caveats import Caveat
from hvae.datasets.own.preparing import Treatment

ONE_VALUE = "one-value"
_SAME = 3
"""Grey values that nobody tells apart."""
_MOST_SAME = 0.995
"""Share of the pixels that have one value in an image of nothing."""
_COLOURED = 12
"""Mean difference between the largest and the least channel, in grey values, from which an image is one of colours:
above what yellowed paper and JPEG make of grey."""
_SQUEEZED = 4
"""Times that a side shrinks from which what is seen of an image is its outline."""
_ASPECT = 1.1
"""Ratio of two aspects from which they differ."""


def doubts(pixels: np.ndarray, size: tuple[int, int], image: np.ndarray, how: Treatment) -> tuple[Caveat, ...]:
    """All doubts about one image: `pixels` `(height, width, channels)` of a file of `size`, prepared as `image`."""
    return (*of_image(image, how, pixels), *of_file(pixels, size, how))


def of_image(image: np.ndarray, how: Treatment, pixels: np.ndarray | None = None) -> tuple[Caveat, ...]:
    """Doubts about an image `(channel, height, width)` as a model takes it; `pixels` are those of its file."""
    made = image.transpose(1, 2, 0)
    blank = pixels is not None and _is_blank(pixels)
    if blank or ((pixels is None or not np.array_equal(pixels, made)) and _is_blank(made)):
        where = "almost every pixel of it has one value" if blank else "prepared, almost every pixel has one value"
        return (Caveat(ONE_VALUE, f"{where}, so there is nothing to judge"),)
    if how.layout.light_on_dark and np.median(border(made)) > 127:
        advice = "prepare it as a scan if it is one" if not how.steps else "look at the preview"
        return (Caveat("light-border", f"its border is light, the model knows light on black, so {advice}"),)
    return ()


def _is_blank(pixels: np.ndarray) -> bool:
    """Whether almost all pixels `(height, width, channels)` have the same value."""
    some = pixels[:: max(1, len(pixels) // 256), :: max(1, pixels.shape[1] // 256)].astype(np.int16)
    flat = some.reshape(-1, some.shape[2])
    middle = [(len(flat) - 1) // 2, len(flat) // 2]
    # The median, without the many questions that numpy's own asks of an array.
    median = np.partition(flat, middle, axis=0)[middle].sum(axis=0) / 2
    same = (np.abs(flat - median) <= _SAME).all(axis=1)
    return bool(np.count_nonzero(same) >= _MOST_SAME * len(same))


def is_coloured(pixels: np.ndarray) -> bool:
    """Whether an image of pixels `(height, width, channels)`, as its file has them, is one of colours."""
    return pixels.shape[2] == 3 and bool(np.ptp(pixels[:: max(1, len(pixels) // 256)], axis=2).mean() >= _COLOURED)


def of_file(pixels: np.ndarray, size: tuple[int, int], how: Treatment) -> tuple[Caveat, ...]:
    """Doubts about what a model loses of a file; none where its training images lost as much."""
    if not how.layout.as_published:
        return ()
    found = []
    channels, height, width = how.image_shape
    shrunk = min(size[0] / height, size[1] / width)
    if channels == 1 and is_coloured(pixels):
        squeezed = f"{size[1]:,} x {size[0]:,} pixels in colour squeezed to {width} x {height} grey"
        sentence = squeezed if shrunk >= _SQUEEZED else "its colours are lost: the model sees grey"
        found.append(Caveat("photograph" if shrunk >= _SQUEEZED else "colour-lost", sentence))
    aspect = size[1] / size[0] / (width / height)
    if "crop" not in how.steps and max(aspect, 1 / aspect) >= _ASPECT:
        found.append(Caveat("aspect", f"{size[1]:,} x {size[0]:,} pixels have another aspect than {width} x {height}"))
    return tuple(found)
