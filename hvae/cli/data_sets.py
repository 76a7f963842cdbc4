"""`hvae data`: the data sets this program knows, and fetching them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hvae.cli.options import named_run
from hvae.cli.terminal import SpreadingCommand, counted, say, warn
from hvae.errors import ConfigError, DataError

if TYPE_CHECKING:
    from hvae.datasets import ImageSet
    from hvae.measuring.pixels import PixelDensity
    from hvae.runs.folders import RunEntry

app = typer.Typer(no_args_is_help=True, help="Data sets: list, fetch, measure.")


@app.command("list")
def list_data(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="The facts alone, as the table of docs/data-sets.md.", show_default=False)
    ] = False,
) -> None:
    """List the data sets: whether they are here, their images, preprocessing, licence and citation."""
    from rich.table import Table

    from hvae import datasets
    from hvae.cli.terminal import show

    if markdown:
        say(markdown_table())
        return
    table = Table("name", "here", "images", "preprocessing", "splits", "licence", "citation", show_lines=True)
    table.columns[0].no_wrap = True
    for name in datasets.names():
        about = datasets.info(name)
        if datasets.available(name):
            here = "yes"
        else:
            here = f"no: hvae data fetch {name}" if about.downloadable else "no: place it by hand"
        splits = ", ".join(about.splits)
        table.add_row(name, here, about.images, about.preprocessing, splits, about.licence, about.citation)
    show(table)
    say(
        f"data folder: {datasets.data_root()} (set HVAE_DATA for another); your own: folder:PATH, npz:PATH; "
        "for a model of another size or colour: NAME-as-32x32-colour, NAME-as-28x28-grey"
    )


def markdown_table() -> str:
    """What the registry says about every data set, a row each, as Markdown."""
    from hvae import datasets

    lines = ["| name | images | what is done to them | licence | introduced by |", "|---|---|---|---|---|"]
    for one in map(datasets.info, datasets.names()):
        lines.append(f"| `{one.name}` | {one.images} | {one.preprocessing} | {one.licence} | {one.citation} |")
    return "\n".join(lines)


@app.command()
def fetch(names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names of `hvae data list`.")]) -> None:
    """Download data sets; files that are there and intact stay."""
    from hvae import datasets

    for name in names:
        datasets.info(name)
    for name in names:
        with counted(name, "bytes") as progress:
            datasets.fetch(name, progress=progress)
        say(f"{name} is in {datasets.data_root()}" if datasets.info(name).downloadable else f"{name} is here")


@app.command(cls=SpreadingCommand)
def measure(
    name: Annotated[
        str,
        typer.Argument(help="A name of `hvae data list`, folder:PATH or npz:PATH; with --run also its name there."),
    ],
    split: Annotated[
        list[str] | None, typer.Option(help="Splits, or parts of the training set. Several may follow; default test.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only N images, as `hvae score --limit` takes them.")] = None,
    run: Annotated[
        str | None, typer.Option(help="Run whose images these are: their shape, and the seed of the parts.")
    ] = None,
    split_seed: Annotated[
        int | None, typer.Option(min=0, help="Without --run: seed of the parts of the training set; default 0.")
    ] = None,
) -> None:
    """Measure the pixels of a data set, once for all models: entropy of binarisation, compressed size, ink and more.

    Scores that need these statistics find them by the pixels. With --run also the density of the pixels beside those of
    the run's reference part, and of as many images as the run has scored. Prints the path of each table.
    """
    from hvae.measuring.pixels import measure_pixels

    if run is not None and split_seed is not None:
        raise ConfigError("--split-seed does not apply with --run, which has its own: leave one out")
    entry = None if run is None else named_run(run)
    densities = [] if entry is None else _densities(entry)
    for whole in _splits(name, split or ["test"], entry, split_seed or 0):
        for count in [limit] if limit or entry is None else _scored(entry, whole):
            images = whole.spread(count)
            about = f"{len(images):,} images of {images.slug} ({images.split})"
            say(f"{measure_pixels(images)}: {about}")
            for density in densities:
                try:
                    with counted(f"density of {about}") as progress:
                        path = density.measure(images, progress)
                except DataError as error:
                    warn(str(error))
                else:
                    say(f"{path}: the density of their pixels")


def _scored(run: RunEntry, whole: ImageSet) -> list[int]:
    """How many images of a set the tables of a run have, each number once; all of them where there is no table."""
    from hvae.runs.catalogue import catalogue

    found = catalogue(run)
    same = [one for one in found.entries if (one.slug, one.split) == (whole.slug, whole.split)]
    return sorted({len(found.read(one)) for one in same}) or [len(whole)]


def _densities(run: RunEntry) -> list[PixelDensity]:
    """Densities of the reference parts that the run has scored; none, and a line why, where their images are away."""
    from hvae.measuring.pixels import PixelDensity
    from hvae.runs.images.sources import resolve
    from hvae.runs.images.training_set import load_images

    assert run.config is not None
    try:
        whole = load_images(run, resolve(run.path, run.config.data.name), "reference")
    except DataError as error:
        warn(f"no density beside the reference part of {run.name}: {error}")
        return []
    return [PixelDensity(whole.spread(count)) for count in _scored(run, whole)]


def _splits(name: str, splits: Sequence[str], run: RunEntry | None, split_seed: int) -> Iterator[ImageSet]:
    """Splits of a data set, or parts of its training set."""
    from hvae.datasets import PARTS, load
    from hvae.runs.images.sources import resolve
    from hvae.runs.images.training_set import load_splits, part_of, training_set

    if run is not None:
        return load_splits(run, resolve(run.path, name), splits)
    return (part_of(training_set(name), one, split_seed) if one in PARTS else load(name, one) for one in splits)
