"""Figures 1 and 3: what images of every set become when their lowest latents are forgotten. Needs the weights."""

from collections.abc import Sequence
from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hvae.errors import CheckpointError
from hvae.report.figures import style
from hvae.report.figures.asking import Asked
from hvae.report.figures.drawn import Drawn
from hvae.runs.catalogue import WHOLE_SPLITS
from hvae.runs.images.training_set import load_images

_LETTER = 0.062
"""Inches: about the width of a letter."""


def ends(asked: Asked) -> Drawn:
    """Images, rebuilt with every latent from q, and by default with all below the highest level from the prior.

    After Havtorn et al. (2021), Fig. 1.
    """
    return _drawn(asked, [0, asked.level(max(1, asked.depth - 1))])


def levels(asked: Asked) -> Drawn:
    """Images rebuilt at every level k = 0 ... L; after Havtorn et al. (2021), Fig. 3."""
    return _drawn(asked, list(range(asked.depth + 1)))


def _drawn(asked: Asked, shown: Sequence[int]) -> Drawn:
    """Sets beside one another, images in columns; rows are the images, then a row a level."""
    from hvae.measuring.noise import noise_key
    from hvae.measuring.reconstructions import reconstruct_repeatedly
    from hvae.runs.checkpoints import load_checkpoint

    if not asked.run.has_weights:
        raise CheckpointError(f"{asked.run.name}: {asked.run.problem}")
    checkpoint = load_checkpoint(asked.run.path)
    model = checkpoint.layered("reconstruct")
    columns: list[np.ndarray] = []
    frames: list[pd.DataFrame] = []
    for slug in _sets(asked):
        split = "test" if slug == asked.found.own else _split(asked, slug)
        images = load_images(asked.run, slug, split)
        index = np.sort(np.random.default_rng(asked.seed).permutation(len(images))[: asked.images])
        pixels = images.images[index]
        key = noise_key(images.slug, images.split)
        how = {"preprocessing": checkpoint.config.data.preprocessing, "key": key, "seed": asked.seed}
        result = reconstruct_repeatedly(model, pixels, index, **how)
        columns.append(np.concatenate([pixels[None] / 255, result.pictures()[list(shown)]]))
        numbers = result.numbers([str(one) for one in index], list(shown))
        numbers.insert(0, "data", slug)
        frames.append(numbers)
    return Drawn(_grid(asked, columns, shown), pd.concat(frames, ignore_index=True))


def _sets(asked: Asked) -> list[str]:
    """The run's own set, then those asked for, else the first other set that it has scored."""
    own = asked.found.own or (asked.run.config.data.name if asked.run.config else "")
    others = asked.data or [slug for slug in asked.found.sets() if slug != own][:1]
    return list(dict.fromkeys([own, *others]))


def _split(asked: Asked, slug: str) -> str:
    """The split of a set that the run has scored as a whole, else what every set has."""
    scored = {entry.split for entry in asked.found.entries if entry.slug == slug}
    return next((split for split in WHOLE_SPLITS if split in scored), "test")


def _grid(asked: Asked, columns: Sequence[np.ndarray], shown: Sequence[int]) -> Figure:
    """`columns` holds `(row, n, channel, height, width)` of each set, in [0, 1]."""
    count = sum(one.shape[1] for one in columns)
    left, gap = 0.42, 0.08
    side = (style.COLUMN - left - gap * (len(columns) - 1)) / count
    widths = [one.shape[1] * side for one in columns]
    titles = [
        wrap(asked.title(slug), max(4, int(width / _LETTER))) for slug, width in zip(_sets(asked), widths, strict=True)
    ]
    top = 0.09 + 0.11 * max(map(len, titles))
    rows = len(shown) + 1
    figure = Figure(figsize=(style.COLUMN, top + rows * side))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    x = left
    for title, width, pictures in zip(titles, widths, columns, strict=True):
        axes.text(x + width / 2, top - 0.05, "\n".join(title), ha="center", va="bottom", parse_math=False)
        for row in range(rows):
            for place, picture in enumerate(pictures[row]):
                start = x + place * side
                box = (start, start + side * 0.96, top + row * side + side * 0.96, top + row * side)
                axes.imshow(picture.transpose(1, 2, 0), extent=box, cmap="gray", vmin=0, vmax=1, aspect="auto")
        x += width + gap
    for row, name in enumerate(["image", *(f"$k={k}$" for k in shown)]):
        axes.text(left - 0.05, top + (row + 0.5) * side, name, ha="right", va="center")
    axes.set(xlim=(0, style.COLUMN), ylim=(top + rows * side, 0))
    return figure
