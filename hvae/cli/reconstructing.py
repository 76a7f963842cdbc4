"""`hvae reconstruct`: a picture of what images become when their lowest latent variables are forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hvae.cli.options import Device, Seed, load_images, named_run, torch_device
from hvae.errors import ConfigError, DataError

if TYPE_CHECKING:
    import numpy as np

    from hvae.config import RunConfig
    from hvae.models.hierarchical import HierarchicalVAE

MAXIMUM_IMAGES = 64
_FORMATS = (".png", ".pdf", ".svg")


def reconstruct(
    run: Annotated[str, typer.Argument(help="Name of a run, or a run folder.")],
    out: Annotated[Path, typer.Option(help="Picture to write: .png, .pdf or .svg.")],
    data: Annotated[str | None, typer.Option(help="Images of this data set, drawn by the seed.")] = None,
    split: Annotated[str, typer.Option(help="Split of the data set.")] = "test",
    images: Annotated[list[Path] | None, typer.Option(help="An image file. Several may follow.")] = None,
    drawn: Annotated[int | None, typer.Option(help="As many samples of the model itself, drawn by the seed.")] = None,
    count: Annotated[int, typer.Option(help="How many images of the data set.")] = 8,
    first: Annotated[
        int | None, typer.Option(help="Position of the first image of the data set; default drawn by the seed.")
    ] = None,
    reading: Annotated[str, typer.Option(help="How L^{>k} is read: mean, sample, auxiliary, early-release.")] = "mean",
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Draw reconstructions at every level.

    Rows are images; columns what the model sees, then the reconstruction with every z from q, z_1 from the prior,
    z_1 and z_2 from the prior, and so on.
    """
    entry = named_run(run)
    assert entry.config is not None
    if [data is not None, bool(images), drawn is not None].count(True) != 1:
        raise ConfigError("name either a data set (--data) or image files (--images) or samples of the model (--drawn)")
    if out.suffix.lower() not in _FORMATS:
        raise ConfigError(f"--out {out}: the name must end in {', '.join(_FORMATS)}")
    number = len(images) if images else count if drawn is None else drawn
    if not 1 <= number <= MAXIMUM_IMAGES:
        raise ConfigError(f"a picture holds 1 to {MAXIMUM_IMAGES} images, not {number}")

    from hvae.checkpoints import load_checkpoint
    from hvae.evaluation import EvaluationNoise, prepare
    from hvae.reconstructions import reconstruct as reconstruct_images

    checkpoint = load_checkpoint(entry.path, torch_device(device))
    if data is not None:
        pixels, index, labels, key = _of_data_set(data, split, count, first, seed, entry.config)
    elif images:
        pixels, index, labels, key = *_files(images, entry.config), "images"
    else:
        pixels, index, labels, key = *_samples(checkpoint.model, number, seed), "samples"
    x = prepare(pixels, entry.config.data.preprocessing, seed, key, index)
    where = next(checkpoint.model.parameters()).device
    noise = EvaluationNoise(seed, key, index, 0, [0], checkpoint.model.latent_shapes, where)
    result = reconstruct_images(checkpoint.model, x.to(where), noise, reading)  # type: ignore[arg-type]
    levels = [
        f"z_1..{k} from the prior" if k > 1 else ("z_1 from the prior" if k else "every z from q")
        for k in range(entry.config.model.depth + 1)
    ]
    _draw(out, [x.numpy(), *result.levels], ["what the model sees", *levels], labels)
    typer.echo(str(out))


def _files(paths: list[Path], config: RunConfig) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Image files in the model's shape, their index by content, and their names."""
    import numpy as np

    from hvae.datasets import content_index
    from hvae.datasets.conforming import conform
    from hvae.datasets.decoding import decode

    pixels = []
    for path in paths:
        try:
            pixels.append(conform(decode(path).pixels, config.model.image_shape))
        except DataError as error:
            raise DataError(f"{path}: {error}") from None
    index = np.array([content_index(image) for image in pixels])
    return np.stack(pixels), index, [path.name for path in paths]


def _samples(model: HierarchicalVAE, count: int, seed: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Unconditional samples of the model as images, their index by content, and their names."""
    import numpy as np
    import torch

    from hvae.datasets import content_index
    from hvae.reconstructions import unconditional_samples

    generator = torch.Generator(next(model.parameters()).device).manual_seed(seed)
    pixels = np.rint(unconditional_samples(model, count, generator) * 255).astype(np.uint8)
    index = np.array([content_index(image) for image in pixels])
    return pixels, index, [f"Sample {number}" for number in range(1, count + 1)]


def _of_data_set(
    name: str, split: str, count: int, first: int | None, seed: int, config: RunConfig
) -> tuple[np.ndarray, np.ndarray, list[str], str]:
    """Images of a data set from `first` on or drawn by the seed; their positions, names, and their noise's name."""
    import numpy as np

    from hvae.evaluation import noise_key

    images = load_images(name, split, config)
    if first is not None and not 0 <= first < len(images):
        raise ConfigError(f"--first {first} is outside 0..{len(images) - 1}, the images of {name} ({split})")
    # The noise of `hvae score`, so that the picture shows what was scored.
    key = noise_key(images.slug, images.split)
    if first is None:
        index = np.sort(np.random.default_rng(seed).permutation(len(images))[:count])
    else:
        index = np.arange(first, min(first + count, len(images)))
    return images.images[index], index, [f"{images.slug} {position}" for position in index], key


def _draw(out: Path, columns: list[np.ndarray], titles: list[str], labels: list[str]) -> None:
    """A grid of pictures, each column `(n, channel, height, width)` in [0, 1]."""
    from matplotlib.figure import Figure

    from hvae.files import write_atomically

    figure = Figure(figsize=(1.2 * len(columns) + 1, 1.2 * len(labels) + 0.5), layout="constrained")
    axes = figure.subplots(len(labels), len(columns), squeeze=False)
    for row, label in enumerate(labels):
        for column, images in enumerate(columns):
            axis = axes[row, column]
            pixels = images[row].transpose(1, 2, 0)
            axis.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            if row == 0:
                axis.set_title(titles[column], fontsize=7)
            if column == 0:
                axis.set_ylabel(label, fontsize=6, parse_math=False)
    write_atomically(out, lambda part: figure.savefig(part, format=out.suffix[1:].lower(), dpi=150))
