"""`hvae merge RUN`: the shards that several machines scored become tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hvae.cli.options import Run, named_run
from hvae.cli.terminal import say
from hvae.errors import TableError


def merge(
    run: Run,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="Shards of one table, brought here from other machines; by default all that lie in the run's folder.",
        ),
    ] = None,
) -> None:
    """Put the parts of `hvae score --shard i/n` together, once all of them are there.

    Each is verified, and refused if it is of other weights, another setting or other images. Shards of the run's own
    folder are removed once their table is written.
    """
    from hvae.cli.scoring.tables import summary
    from hvae.runs.catalogue import weights_hash
    from hvae.runs.shards import merge as merge_shards
    from hvae.runs.shards import shards_of

    entry = named_run(run)
    tables = [list(files)] if files else list(shards_of(entry.path).values())
    if not tables:
        raise TableError(f"{entry.name} has no shards: hvae score {entry.name} --data NAME --shard 1/2 makes the first")
    for paths in tables:
        path = merge_shards(entry.path, paths, weights_hash(entry.path))
        say(f"{path}: {summary(path)}")
        if not files:
            for shard in paths:
                shard.unlink(missing_ok=True)
            paths[0].parent.rmdir()
    say(f"the statistics of the pixels: hvae data measure NAME --run {entry.name}")
