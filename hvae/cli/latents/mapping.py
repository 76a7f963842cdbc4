"""`hvae map`: where every level of a run puts its own images and others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from hvae.cli.options import Device, Run, Seed, run_with_weights, torch_device
from hvae.cli.terminal import counted, say, warn
from hvae.errors import ConfigError, DataError
from hvae.files import require_writable

if TYPE_CHECKING:
    from hvae.datasets import ImageSet
    from hvae.runs.folders import RunEntry

Data = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        help="Data set beside the run's own: a name of `hvae data list`, folder:PATH or npz:PATH. Several may follow; "
        "default every set that the run has scored and that is on this machine.",
    ),
]


def latent_map(
    name: Run,
    data: Data = None,
    images: Annotated[int, typer.Option(help="Images of each set, spread evenly over it.")] = 2000,
    neighbours: Annotated[
        int,
        typer.Option(help="Nearest images of the reference part to keep of each image and level, 0 to 10."),
    ] = 3,
    umap: Annotated[
        bool, typer.Option("--umap", help="UMAP beside the principal axes, by the package umap-learn: minutes.")
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Map the posterior means of every level in two dimensions: own images against others.

    Prints the path of the map, and for every other set how well each level tells it from the run's own images: AUROC
    of the distance to the fifth nearest image of the reference part.
    """
    run = run_with_weights(name)

    from hvae.measuring.maps import measure_map, own_images, scored_among
    from hvae.runs.checkpoints import load_checkpoint
    from hvae.runs.measured.maps import MOST_NEIGHBOURS, PATH, write_map

    if not 0 <= neighbours <= MOST_NEIGHBOURS:
        raise ConfigError(f"--neighbours must lie in 0..{MOST_NEIGHBOURS}, it is {neighbours}")
    if images < 1:
        raise ConfigError(f"--images must be at least 1, it is {images}")
    if (why := run.obstacle("represent")) is not None:
        raise ConfigError(f"{run.name}: {why}")
    require_writable((run.path / PATH).parent)
    reference, own = own_images(run)
    others = list(_named(run, data) if data else _scored(run))
    checkpoint = load_checkpoint(run.path, torch_device(device))
    with counted(f"{run.name}", "images") as progress:
        found = measure_map(
            checkpoint, reference, own, others,
            images=images, neighbours=neighbours, umap=umap, seed=seed,
            among=scored_among(run), on_progress=progress,
        )  # fmt: skip
    say(str(write_map(run.path, found)))
    for part in found.metadata.parts[2:]:
        apart = (f"z_{level} {one.value:.3f}" for level, one in enumerate(part.separation, start=1))
        say(f"  {part.slug}: {', '.join(apart)}")


def _named(run: RunEntry, data: list[str]) -> Iterator[ImageSet]:
    from hvae.datasets import info
    from hvae.runs.images.training_set import load_images

    for name in data:
        yield load_images(run, name, "test" if "test" in info(name).splits else "all")


def _scored(run: RunEntry) -> Iterator[ImageSet]:
    """The sets that a run has scored beside its own and that are on this machine; the others are named."""
    from hvae.datasets import is_known
    from hvae.runs.catalogue import catalogue
    from hvae.runs.images.sources import locate
    from hvae.runs.images.training_set import load_images

    found = catalogue(run)
    for slug in found.sets():
        if slug == found.own:
            continue
        split = next(one.split for one in found.entries if one.slug == slug and one.split in found.whole(slug))
        try:
            yield load_images(run, slug if is_known(slug) else locate(run.path, slug).place, split)
        except DataError as error:
            warn(f"{slug} is left out: {error}")
