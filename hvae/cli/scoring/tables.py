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
    from hvae.measuring.measure import Settings
    from hvae.runs.folders import RunEntry


def write_tables(
    run: RunEntry,
    data: Sequence[str],
    splits: Sequence[str],
    how: Settings,
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
    from hvae.runs.sources import remember, resolve
    from hvae.runs.training_set import load_splits

    assert run.config is not None
    for name in data:
        name = resolve(run.path, name)
        for whole in load_splits(run.name, run.config, name, splits):
            images = whole.spread(limit)
            if images is not whole:
                _refuse_to_shrink(run.path, images, how)
            title = f"{run.name}: {images.slug} ({images.split}), {how.reading}, S = {how.samples}, R = {how.draws}"
            with (
                interruptible("finished chunks are kept: run the same command again to continue"),
                counted(title) as on_progress,
            ):
                path = measure.score(
                    run.path, images, how, batch_size=batch_size, accelerator=accelerator, on_progress=on_progress
                )
            remember(run.path, images)
            typer.echo(f"{path}: {_summary(path)}")


def _refuse_to_shrink(run: Path, images: ImageSet, how: Settings) -> None:
    """Refuse to put a table of few images in the place of one of more, which has the same name."""
    from hvae.runs.score_tables import list_tables, read_table

    wanted = (images.slug, images.split, how.reading, how.samples, how.draws, how.seed)
    for key in list_tables(run):
        if (key.slug, key.split, key.reading, key.samples, key.draws, key.seed) != wanted:
            continue
        if (rows := len(read_table(key.path))) > len(images):
            raise DataError(
                f"{key.path} holds {rows:,} images, --limit {len(images)} would replace them: leave out --limit, "
                "choose another --seed, or delete the table"
            )


def _summary(path: Path) -> str:
    from hvae.report import negative_share
    from hvae.runs.score_tables import read_table
    from hvae.stats import bits_per_dim

    table = read_table(path)
    bits = bits_per_dim(table.bound(0), table.metadata.dimensions).mean()
    share = negative_share(table.likelihood_ratio(1))
    return f"{len(table):,} images, {bits:.4f} bits/dim, LLR>1 negative for {share:.1%}"
