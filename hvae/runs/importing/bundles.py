"""Runs to pass on: copies with small weights, or with the score tables and no weights at all."""

import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from hvae.errors import CheckpointError, TableError
from hvae.files import write_atomically
from hvae.runs.catalogue import catalogue
from hvae.runs.checkpoints import CONFIG_FILE, read_config, read_weights, save_weights, write_config
from hvae.runs.folders import RunEntry
from hvae.runs.importing.members import Say
from hvae.runs.measured import maps
from hvae.runs.measured.cards import FOLDER, cards
from hvae.runs.measured.landscapes import landscapes
from hvae.runs.measured.maps import latent_map
from hvae.runs.notes import NOTES_FILE
from hvae.runs.score_tables import table_paths


def bundle_weights(run: RunEntry, dest: Path) -> None:
    """Copy config, learning curve, and the weights in bfloat16; `HvaeError` if the run or the place is unfit."""
    import torch

    _require_empty(dest)
    config = read_config(run.path)
    weights = read_weights(run.path, config)
    _copy_beside(run, dest)
    # The config comes last, after the weights that it names: a copy cut short is not mistaken for a run.
    save_weights(dest, weights, config, torch.bfloat16)


def bundle_tables(run: RunEntry, dest: Path, slugs: Collection[str], draws: Collection[int], say: Say) -> None:
    """Copy config, learning curve, score tables, cards and landscapes of the run's weights, byte for byte; no weights.

    Args:
        run: what is copied.
        dest: folder to write, with neither a run nor tables in it.
        slugs: of the sets whose tables and landscapes are copied; empty for all.
        draws: values of R of the tables and cards that are copied; empty for all.
        say: called with a line for each table that cannot be used, and so is left out.

    Raises:
        HvaeError: an unfit place, a damaged config, or no table to copy.
    """
    _require_empty(dest)
    found = catalogue(run)
    for problem in found.problems:
        say(f"left out: {problem}")
    kept = [
        entry
        for entry in found.entries
        if (not slugs or entry.slug in slugs) and (not draws or entry.setting.draws in draws)
    ]
    if not kept:
        there = ", ".join(sorted({f"{entry.slug} (R = {entry.setting.draws})" for entry in found.entries}))
        raise TableError(
            f"{run.name} has no such score tables to bundle; there are {there or 'none that can be used: score it'}"
        )
    for entry in kept:
        _copy(entry.path, dest / "scores" / entry.path.name)
    for landscape in landscapes(run)[0]:
        if not slugs or landscape.other in slugs:
            _copy(run.path / landscape.path, dest / landscape.path)
    with suppress(TableError):
        if latent_map(run) is not None:
            _copy(run.path / maps.PATH, dest / maps.PATH)
    for card in cards(run)[0]:
        if not draws or card.metadata.draws in draws:
            _copy(run.path / FOLDER / card.metadata.file_name, dest / FOLDER / card.metadata.file_name)
    _copy_beside(run, dest)
    write_config(dest, read_config(run.path), (found.weights,) if found.weights else ())


def _require_empty(dest: Path) -> None:
    if (dest / CONFIG_FILE).exists() or table_paths(dest):
        raise CheckpointError(f"{dest} already holds a run or its tables: name another folder")


def _copy_beside(run: RunEntry, dest: Path) -> None:
    """The learning curve, and what people noted on its images."""
    for name in ("history.csv", NOTES_FILE):
        if (run.path / name).is_file():
            _copy(run.path / name, dest / name)


def _copy(source: Path, target: Path) -> None:
    write_atomically(target, lambda part: shutil.copyfile(source, part))
