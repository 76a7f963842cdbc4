"""`hvae score RUN --data`: runs x data sets -> score tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hvae.cli.terminal import counted, interruptible
from hvae.errors import DataError

if TYPE_CHECKING:
    from hvae.datasets import ImageSet
    from hvae.runs.folders import RunEntry
    from hvae.runs.settings import Setting


def write_tables(
    run: RunEntry,
    data: Sequence[str],
    splits: Sequence[str],
    how: Setting,
    limit: int | None,
    batch_size: int,
    accelerator: str,
) -> None:
    """Score splits of data sets with a run, and say what came of each.

    Raises:
        DataError: a part of another set than the run was trained on, or images that cannot be read.
        CheckpointError: a damaged run, or one that another process is scoring.
    """
    from hvae.measuring import measure
    from hvae.measuring.pixels import measure_pixels
    from hvae.runs.sources import remember, resolve
    from hvae.runs.training_set import load_splits

    assert run.config is not None
    for name in data:
        name = resolve(run.path, name)
        for whole in load_splits(run, name, splits):
            images = whole.spread(limit)
            if images is not whole:
                _refuse_to_shrink(run, images, how)
            title = f"{run.name}: {images.slug} ({images.split}), {how}"
            with (
                interruptible("finished chunks are kept: run the same command again to continue"),
                counted(title) as on_progress,
            ):
                path = measure.score(
                    run.path, images, how, batch_size=batch_size, accelerator=accelerator, on_progress=on_progress
                )
            remember(run.path, images, name)
            measure_pixels(images)
            typer.echo(f"{path}: {_summary(path)}")


def _refuse_to_shrink(run: RunEntry, images: ImageSet, how: Setting) -> None:
    """Refuse to put a table of few images in the place of one of more, which has the same name."""
    from hvae.runs.catalogue import catalogue

    found = catalogue(run)
    entry = found.find(images.slug, how, (images.split,))
    if entry is not None and (rows := len(found.read(entry))) > len(images):
        raise DataError(
            f"{entry.path} holds {rows:,} images, --limit {len(images)} would replace them: leave out --limit, "
            "choose another --seed, or delete the table"
        )


def _summary(path: Path) -> str:
    from hvae.report import negative_share
    from hvae.runs.score_tables import read_table
    from hvae.scores import at_every_level
    from hvae.stats import bits_per_dim

    table = read_table(path)
    bits = bits_per_dim(table.bound(0), table.metadata.dimensions).mean()
    said = f"{len(table):,} images, {bits:.4f} bits/dim"
    for ratio in at_every_level("llr", table.metadata.depth)[:1]:
        said += f", {ratio.label} negative for {negative_share(ratio.of(table)):.1%}"
    return said
