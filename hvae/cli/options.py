"""Options that several commands share, and what they stand for."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hvae.errors import CheckpointError, ConfigError, HvaeError

if TYPE_CHECKING:
    from hvae.runs.folders import RunEntry

DEVICES = ("auto", "cpu", "cuda")

Run = Annotated[str, typer.Argument(metavar="RUN", help="Name of a run, or a run folder.")]
Runs = Annotated[list[str], typer.Argument(metavar="RUN...", help="Names of runs, or run folders.")]
Reading = Annotated[str, typer.Option(help="How L^{>k} is read: mean, sample, auxiliary, early-release.")]
Device = Annotated[str, typer.Option("--device", help="Where to compute: auto, cpu or cuda.")]
Devices = Annotated[
    int | None, typer.Option("--devices", help="How many devices of each machine; default all GPUs, or one process.")
]
Nodes = Annotated[int, typer.Option("--nodes", help="How many machines.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
Data = Annotated[
    list[str],
    typer.Option(
        "--data",
        help="Data set: a name of `hvae data list`, folder:PATH, npz:PATH or shards:PATH. Several may follow. "
        "NAME-as-32x32-colour converts a data set to the images that a model takes.",
    ),
]


def one_of(value: str, choices: Sequence[str], option: str) -> str:
    """The value, if it is one of the choices; else a `ConfigError` with the closest of them."""
    if value in choices:
        return value
    close = difflib.get_close_matches(value, choices, n=1)
    hint = f"did you mean {close[0]}?" if close else f"choose {', '.join(choices)}"
    raise ConfigError(f"{option} {value}: {hint}")


def named_run(name: str) -> RunEntry:
    """The run of that name or path, with a config that can be read."""
    from hvae import datasets
    from hvae.runs.folders import find_run

    try:
        run = find_run(name)
    except HvaeError:
        if name in datasets.names():
            raise HvaeError(f"there is no run '{name}'; for the data set of that name write --data {name}") from None
        raise
    if run.config is None:
        raise HvaeError(f"{run.path} is damaged: {run.problem}")
    return run


def run_with_weights(name: str) -> RunEntry:
    """`named_run`, refused where it has no weights: before any image is read."""
    run = named_run(name)
    if not run.has_weights:
        raise CheckpointError(f"{run.name}: {run.problem}")
    return run


def accelerator(device: str) -> str:
    """The device as Lightning Fabric names it; refuses CUDA where there is none."""
    import torch

    if one_of(device, DEVICES, "--device") == "cuda" and not torch.cuda.is_available():
        raise ConfigError("there is no CUDA device here: leave out --device, or choose --device cpu")
    return device


def torch_device(device: str) -> str:
    """The device as torch names it; `auto` is CUDA where there is one."""
    import torch

    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else accelerator(device)


def refuse(ctx: typer.Context, names: tuple[str, ...], beside: str) -> None:
    """Refuse the first of some options that was given: it would change nothing, and look as if it had."""
    for parameter in ctx.command.params:
        name = str(parameter.name)
        if name in names and given(ctx, name):
            raise ConfigError(f"{parameter.opts[0]} does not apply with {beside}: leave it out")


def given(ctx: typer.Context, name: str) -> bool:
    """Whether an option stood on the command line."""
    source = ctx.get_parameter_source(name)
    # By its name: typer brings a copy of click, whose enumeration is another one than click's.
    return source is not None and source.name == "COMMANDLINE"
