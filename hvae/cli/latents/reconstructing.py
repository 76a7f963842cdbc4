"""`hvae reconstruct`: a picture of what images become when their lowest latent variables are forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hvae.cli.options import Device, Reading, Run, Seed, one_of, run_with_weights, torch_device
from hvae.cli.terminal import FAILED, UNREAD, fail, say
from hvae.errors import ConfigError, DataError

if TYPE_CHECKING:
    import numpy as np

    from hvae.config import RunConfig
    from hvae.measuring.reconstructions import RepeatedReconstructions
    from hvae.models.contract import Model
    from hvae.runs.folders import RunEntry

MAXIMUM_IMAGES = 64
_FORMATS = (".png", ".pdf", ".svg")
_COLOURS = {
    "differences": "RdBu_r",
    "log p(x|z)": "cividis_r",
    "log p(x|z) lost": "PuOr_r",
    "standard deviation": "cividis",
}

Show = Annotated[
    str,
    typer.Option(
        help="pictures, differences, 'log p(x|z)', 'log p(x|z) lost' (since every z came from q), 'standard deviation' "
        "or 'single samples' of one level."
    ),
]


@dataclass(frozen=True, eq=False)
class _Images:
    """Images to reconstruct: `(n, channel, height, width)` uint8, what addresses their noise, and their names."""

    pixels: np.ndarray
    index: np.ndarray
    labels: list[str]
    key: str


def reconstruct(
    run: Run,
    out: Annotated[Path, typer.Option(help="Picture to write: .png, .pdf or .svg.")],
    data: Annotated[str | None, typer.Option(help="Images of this data set, drawn by the seed.")] = None,
    split: Annotated[str, typer.Option(help="Split of the data set.")] = "test",
    images: Annotated[list[Path] | None, typer.Option(help="An image file. Several may follow.")] = None,
    fit: Annotated[str, typer.Option(help="Image files of another aspect: pad, crop or squash.")] = "pad",
    invert: Annotated[bool, typer.Option("--invert", help="Make black white in image files.")] = False,
    drawn: Annotated[int | None, typer.Option(help="As many samples of the model itself, drawn by the seed.")] = None,
    count: Annotated[int, typer.Option(help="How many images of the data set.")] = 8,
    first: Annotated[
        int | None, typer.Option(help="Position of the first image of the data set; default drawn by the seed.")
    ] = None,
    show: Show = "pictures",
    draws: Annotated[int, typer.Option(help="How often to binarise and sample each image; means are shown.")] = 1,
    level: Annotated[
        list[int] | None, typer.Option(help="A level k to show. Several may follow; default all of them.")
    ] = None,
    numbers: Annotated[Path | None, typer.Option(help="Write the numbers below the pictures too: .csv.")] = None,
    reading: Reading = "mean",
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Draw reconstructions at every level.

    Rows are images; columns the image, what the model sees of it, then its reconstruction with every z from q, z_1 from
    the prior, z_1 and z_2 from the prior, and so on.
    """
    entry = run_with_weights(run)
    if problem := entry.obstacle("reconstruct"):
        raise ConfigError(f"{entry.name}: {problem}")
    number = len(images) if images else count if drawn is None else drawn
    _check([data is not None, bool(images), drawn is not None], out, numbers, number)

    from hvae.files import require_writable, write_atomically
    from hvae.measuring.reconstructions import SHOWN, reconstruct_repeatedly
    from hvae.runs.checkpoints import load_checkpoint

    one_of(show, SHOWN, "--show")
    for path in filter(None, (out, numbers)):
        require_writable(path.parent)
    levels = _levels(level, entry.depth or 0, show, draws)
    checkpoint = load_checkpoint(entry.path, torch_device(device))
    model = checkpoint.layered("reconstruct")
    if data is not None:
        chosen = _of_data_set(entry, data, split, count, first, seed)
    elif images:
        chosen = _files(images, checkpoint.config, fit, invert)
    else:
        chosen = _samples(checkpoint.model, number, seed)
    how = {"seed": seed, "draws": draws, "reading": reading, "preprocessing": checkpoint.config.data.preprocessing}
    result = reconstruct_repeatedly(model, chosen.pixels, chosen.index, key=chosen.key, **how)
    _draw(out, chosen, result, show, levels)
    say(str(out))
    if numbers is not None:
        single = show == "single samples"
        frame = result.single_numbers(chosen.labels, levels[0]) if single else result.numbers(chosen.labels, levels)
        frame.insert(0, "run", entry.name)
        write_atomically(numbers, lambda part: frame.to_csv(part, index=False))
        say(str(numbers))


def _check(sources: list[bool], out: Path, numbers: Path | None, number: int) -> None:
    if sources.count(True) != 1:
        raise ConfigError("name either a data set (--data) or image files (--images) or samples of the model (--drawn)")
    if out.suffix.lower() not in _FORMATS:
        raise ConfigError(f"--out {out}: the name must end in {', '.join(_FORMATS)}")
    if numbers is not None and numbers.suffix.lower() != ".csv":
        raise ConfigError(f"--numbers {numbers}: the name must end in .csv")
    if not 1 <= number <= MAXIMUM_IMAGES:
        raise ConfigError(f"a picture holds 1 to {MAXIMUM_IMAGES} images, not {number}")


def _levels(asked: list[int] | None, depth: int, show: str, draws: int) -> list[int]:
    """The levels that are shown, in order; refuses those the model has not, and options that do not go together."""
    from hvae.measuring.reconstructions import MOST_DRAWS

    if not 1 <= draws <= MOST_DRAWS:
        raise ConfigError(f"--draws {draws} is outside 1..{MOST_DRAWS}")
    if show == "standard deviation" and draws == 1:
        raise ConfigError("one draw has no standard deviation: add --draws 8, say")
    if show == "single samples" and len(asked or []) != 1:
        raise ConfigError(f"single samples are those of one level: add one --level of 0..{depth}")
    if unknown := [k for k in asked or [] if not 0 <= k <= depth]:
        raise ConfigError(f"--level {unknown[0]} is outside 0..{depth}, the levels of this model")
    return sorted(set(asked)) if asked else list(range(depth + 1))


def _files(paths: list[Path], config: RunConfig, fit: str, invert: bool) -> _Images:
    """Image files in the model's shape."""
    import numpy as np

    from hvae.datasets.conversions import FITS
    from hvae.datasets.own.outside import Treatment, read_picture

    one_of(fit, FITS, "--fit")
    pictures = []
    for path in paths:
        try:
            pictures.append(read_picture(path, str(path), Treatment(config.model.image_shape, fit, invert)))
        except DataError as error:
            fail(f"{path}: {error}", UNREAD if path.exists() else FAILED)
    short = [path.name for path in paths]
    # Two files of one name are told apart by their folders.
    labels = short if len({*short}) == len(short) else [picture.name for picture in pictures]
    return _by_content(np.stack([picture.image for picture in pictures]), labels, "images")


def _samples(model: Model, count: int, seed: int) -> _Images:
    """Unconditional samples of the model as images."""
    import numpy as np
    import torch

    from hvae.measuring.reconstructions import unconditional_samples

    generator = torch.Generator(next(model.parameters()).device).manual_seed(seed)
    pixels = np.rint(unconditional_samples(model, count, generator) * 255).astype(np.uint8)
    return _by_content(pixels, [f"Sample {number}" for number in range(1, count + 1)], "samples")


def _by_content(pixels: np.ndarray, labels: list[str], key: str) -> _Images:
    """Images of no data set: their content addresses their noise."""
    import numpy as np

    from hvae.datasets import content_index

    return _Images(pixels, np.array([content_index(image) for image in pixels]), labels, key)


def _of_data_set(run: RunEntry, name: str, split: str, count: int, first: int | None, seed: int) -> _Images:
    """Images of a data set from `first` on or drawn by the seed."""
    import numpy as np

    from hvae.measuring.noise import noise_key
    from hvae.runs.images.training_set import load_images

    images = load_images(run, name, split)
    if first is not None and not 0 <= first < len(images):
        raise ConfigError(f"--first {first} is outside 0..{len(images) - 1}, the images of {name} ({split})")
    # The noise of `hvae score`, so that the picture shows what was scored.
    key = noise_key(images.slug, images.split)
    if first is None:
        index = np.sort(np.random.default_rng(seed).permutation(len(images))[:count])
    else:
        index = np.arange(first, min(first + count, len(images)))
    return _Images(images.images[index], index, [f"{images.slug} {position}" for position in index], key)


def _draw(out: Path, chosen: _Images, result: RepeatedReconstructions, show: str, levels: list[int]) -> None:
    """The pictures with their numbers, and the scale of their colours."""
    from hvae.cli.latents.picture_grid import Column, Scale, write
    from hvae.measuring.reconstructions import RANGES

    columns = [Column("the image", chosen.pixels / 255)]
    if show == "single samples":
        (k,) = levels
        for draw in range(result.draws):
            lines = _lines(result.log_px[draw, k], result.bounds[draw, k])
            columns.append(Column(f"draw {draw + 1}, {_level(k)}", result.levels[draw, k], lines))
        write(out, columns, chosen.labels, "log p(x|z)\nL>k, nats")
        return
    columns.append(Column("what the model sees", result.seen.mean(0)))
    scale = Scale(show, _COLOURS[show], *result.range_of(show)) if show in RANGES else None
    pictures = result.pictures() if scale is None else result.maps(show)
    if show == "standard deviation":
        names, digits = "pixel s.d.\ns.d. of L>k", 3
        upper, lower = pictures.mean((2, 3)), result.bounds.std(0, ddof=1)
    else:
        names, digits = "log p(x|z)\nL>k, nats", 1
        upper, lower = result.log_px.mean(0), result.bounds.mean(0)
    for k in levels:
        columns.append(Column(_level(k), pictures[k], _lines(upper[k], lower[k], digits)))
    write(out, columns, chosen.labels, names, scale)


def _lines(upper: np.ndarray, lower: np.ndarray, digits: int = 1) -> list[str]:
    """Two numbers below each picture."""
    return [f"{first:.{digits}f}\n{second:.1f}" for first, second in zip(upper, lower, strict=True)]


def _level(k: int) -> str:
    return f"z_1..{k} from the prior" if k > 1 else ("z_1 from the prior" if k else "every z from q")
