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

MAXIMUM_IMAGES = 64
_FORMATS = (".png", ".pdf", ".svg")


def reconstruct(
    run: Annotated[str, typer.Argument(help="Name of a run, or a run folder.")],
    out: Annotated[Path, typer.Option(help="Picture to write: .png, .pdf or .svg.")],
    data: Annotated[str | None, typer.Option(help="Images of this data set, drawn by the seed.")] = None,
    split: Annotated[str, typer.Option(help="Split of the data set.")] = "test",
    images: Annotated[list[Path] | None, typer.Option(help="An image file. Repeat for several.")] = None,
    count: Annotated[int, typer.Option(help="How many images of the data set.")] = 8,
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
    if (data is None) == (not images):
        raise ConfigError("name either a data set (--data) or image files (--images)")
    if out.suffix.lower() not in _FORMATS:
        raise ConfigError(f"--out {out}: the name must end in {', '.join(_FORMATS)}")
    if not 1 <= (number := len(images) if images else count) <= MAXIMUM_IMAGES:
        raise ConfigError(f"a picture holds 1 to {MAXIMUM_IMAGES} images, not {number}")

    from hvae.checkpoints import load_checkpoint
    from hvae.evaluation import EvaluationNoise, prepare
    from hvae.reconstructions import reconstruct as reconstruct_images

    if data is None:
        pixels, index, labels, key = *_files(images or [], entry.config), "images"
    else:
        pixels, index, labels, key = _drawn(data, split, count, seed, entry.config)
    checkpoint = load_checkpoint(entry.path, torch_device(device))
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


def _drawn(
    name: str, split: str, count: int, seed: int, config: RunConfig
) -> tuple[np.ndarray, np.ndarray, list[str], str]:
    """Images of a data set drawn by the seed, their positions in it, their names, and the name of their noise."""
    import numpy as np

    from hvae.evaluation import noise_key

    images = load_images(name, split, config)
    # The noise of `hvae score`, so that the picture shows what was scored.
    key = noise_key(images.slug, images.split)
    index = np.sort(np.random.default_rng(seed).permutation(len(images))[:count])
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
