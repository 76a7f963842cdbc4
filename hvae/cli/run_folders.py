"""`hvae runs`: the runs found, whether they are sound, bundles to pass on, and runs from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from filelock import Timeout

from hvae.cli.options import Run, Runs, named_run
from hvae.cli.terminal import say, warn
from hvae.errors import CheckpointError, ConfigError, HvaeError
from hvae.files import require_writable

if TYPE_CHECKING:
    from hvae.runs.folders import RunEntry

app = typer.Typer(no_args_is_help=True, help="Run folders: list, check, upgrade, bundle, import.")


@app.command("list")
def list_runs() -> None:
    """List the runs in $HVAE_RUNS (default runs/) and the bundled ones."""
    from rich.table import Table

    from hvae.cli.terminal import show
    from hvae.runs.folders import find_runs, run_roots
    from hvae.runs.score_tables import table_paths
    from hvae.runs.states import run_state

    entries = find_runs()
    if not entries:
        say(f"no runs in {' or '.join(map(str, run_roots()))}: train one with `hvae train PRESET`")
        return
    table = Table("run", "preset", "trained on", "layers", "epochs", "validation", "tables", "state")
    for entry in entries:
        tables = str(len(table_paths(entry.path)))
        if entry.config is None:
            table.add_row(entry.name, "", "", "", "", "", tables, f"damaged: {entry.problem}")
            continue
        state = run_state(entry)
        table.add_row(
            entry.name,
            entry.config.preset,
            entry.config.data.name,
            str(entry.depth or ""),
            f"{state.epochs} of {entry.config.training.epochs}",
            _best(entry),
            tables,
            f"{state.state}: {state.reason}" if state.reason else state.state,
        )
    show(table)


def _best(entry: RunEntry) -> str:
    """Best validation ELBO in bits/dim, of a classifier how often it is right; empty where there is no such epoch."""
    from hvae.runs.states import learning_curve
    from hvae.stats import bits_per_dim

    assert entry.config is not None
    try:
        history = learning_curve(entry.path)
    except HvaeError:
        return ""
    if not len(history):
        return ""
    best, model = history.loc[history["elbo"].idxmax()], entry.config.model
    if not model.task:
        return f"{float(bits_per_dim(best['elbo'], model.dimensions)):.4f} bits/dim"
    return f"{best['accuracy']:.1%} right" if "accuracy" in best else ""


@app.command()
def check(run: Run) -> None:
    """Read everything in a run folder: config, weights, learning curve and tables; exit code 2 if any is damaged.

    A run that was bundled without its weights is sound where all its tables name the same ones.
    """
    from hvae.models.contract import parameter_count
    from hvae.runs.catalogue import catalogue
    from hvae.runs.checkpoints import load_checkpoint, named_weights, read_config
    from hvae.runs.correlations.tables import list_correlations, read_correlations
    from hvae.runs.folders import read_history, tables_only
    from hvae.runs.measured import maps
    from hvae.runs.measured.cards import cards
    from hvae.runs.measured.landscapes import landscapes
    from hvae.runs.notes import NOTES_FILE, read_notes

    entry = named_run(run)
    config = read_config(entry.path)
    layers = f"{config.model.depth} layers" if config.model.depth else config.model.title
    say(f"config.json: {layers}, {parameter_count(config.model):,} parameters")
    problems: list[str] = []

    def check_part(part: Callable[[], str]) -> None:
        try:
            say(part())
        except HvaeError as error:
            problems.append(str(error))

    found = catalogue(entry)
    if not tables_only(entry.path):
        check_part(lambda: f"model.safetensors: sha256 {load_checkpoint(entry.path).weights_sha256}")
    elif found.weights:
        say(f"tables only: {entry.problem}; all tables name those of sha256 {found.weights}")
    if entry.has_weights and not named_weights(entry.path):
        warn("config.json names no hash of the weights, as those of older runs: a flipped bit in them goes unnoticed")
    check_part(lambda: f"history.csv: {len(read_history(entry.path))} epochs")
    if os.path.lexists(entry.path / NOTES_FILE):
        check_part(lambda: f"{NOTES_FILE}: {len(read_notes(entry.path)):,} notes")
    problems += [problem.removeprefix(f"{entry.name}: ") for problem in found.problems]
    for table in found.entries:
        say(f"scores/{table.path.name}: {len(found.read(table)):,} images")
    measured, wrong = cards(entry)
    problems += [problem.removeprefix(f"{entry.name}: ") for problem in wrong]
    for card in measured:
        say(f"card/{card.metadata.file_name}: sound")
    around, wrong = landscapes(entry)
    problems += [problem.removeprefix(f"{entry.name}: ") for problem in wrong]
    for landscape in around:
        say(f"{landscape.path.as_posix()}: sound")
    if (entry.path / maps.PATH).is_file():
        say(f"{maps.PATH.as_posix()}: {len(maps.usable_map(entry).frame):,} images")
    for correlations in list_correlations(entry.path):
        try:
            read_correlations(correlations.path)
            say(f"correlations/{correlations.path.name}: sound")
        except HvaeError as error:
            problems.append(str(error))
    if problems:
        more = f" (and {len(problems) - 1} more: {'; '.join(problems[1:])})" if len(problems) > 1 else ""
        raise CheckpointError(f"{entry.name}: {problems[0]}{more}")
    say(f"{entry.name} is sound")


@app.command()
def bundle(
    run: Run,
    dest: Annotated[Path, typer.Argument(help="Folder to write; it must not hold a run or tables yet.")],
    without_weights: Annotated[
        bool, typer.Option("--without-weights", help="Copy the score tables instead of the weights.")
    ] = False,
    data: Annotated[
        list[str] | None, typer.Option(help="With --without-weights: only tables of this set, as their files name it.")
    ] = None,
    draws: Annotated[
        list[int] | None, typer.Option(help="With --without-weights: only tables of so many draws R.")
    ] = None,
) -> None:
    """Copy a run to pass on: config, learning curve, and the weights in bfloat16 without the optimizer's state.

    Score tables name the weights they were made with, and rounding changes those: score the bundle again. A bundle
    --without-weights has the tables as they are: reports and pages read it, and nothing new can be computed.
    """
    from hvae.runs.importing.bundles import bundle_tables, bundle_weights

    require_writable(dest)
    entry = named_run(run)
    if without_weights:
        bundle_tables(entry, dest, data or (), draws or (), warn)
    elif data or draws:
        raise ConfigError("--data and --draws choose score tables: they go with --without-weights")
    else:
        bundle_weights(entry, dest)
    say(str(dest))


@app.command()
def upgrade(runs: Runs) -> None:
    """Bring score tables of older versions into today's format; no value changes but standard errors.

    Those are rounded to float16 (three digits), at most 65,504 nats; tables of the oldest version get checksums.
    """
    from hvae.files import run_lock
    from hvae.runs.columns import LARGEST_ERROR
    from hvae.runs.upgrading import upgrade_tables

    for entry in [named_run(name) for name in runs]:
        try:
            with run_lock(entry.path / "scores"):
                converted = upgrade_tables(entry.path)
        except Timeout:
            raise CheckpointError(f"another process is scoring {entry.name}: wait until it ends") from None
        done, cut = len(converted), sum(converted.values())
        say(
            f"{entry.name}: {done} score table{'s' * (done != 1)} converted (standard errors rounded to float16, every "
            "other value unchanged), the others are of today's format"
        )
        if cut:
            warn(f"{cut:,} standard errors were above {LARGEST_ERROR:,.0f} nats and are stored as that")


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(metavar="PATH_OR_ZIP", help="A run folder, or a zip archive of one.")],
    name: Annotated[str | None, typer.Option(help="Name of the new run; default that of the folder.")] = None,
    max_bytes: Annotated[
        int | None, typer.Option(min=1, help="Refuse a zip archive with more bytes unpacked; default 3 GiB.")
    ] = None,
) -> None:
    """Copy a run from elsewhere into $HVAE_RUNS (default runs/), checked in every part before it shows.

    Weights have to fit their config, tables and learning curve have to hold what they should, and nothing else may be
    in it. What a stopped training goes on from is neither copied nor read: an imported run cannot be trained further.
    """
    from hvae.runs.folders import run_roots
    from hvae.runs.importing import MAXIMUM_TOTAL_BYTES, import_archive, import_run

    into = run_roots()[0]
    require_writable(into)
    if source.is_file():
        say(str(import_archive(source, into, name, warn, max_bytes or MAXIMUM_TOTAL_BYTES)))
    else:
        say(str(import_run(source, into, name, warn)))
