"""The command line, `hvae`: one module a group of commands, which import torch and pandas only when they run."""

from typing import Annotated

import typer

from hvae import __version__
from hvae.cli import (
    comparing,
    dashboard,
    data_sets,
    drawing,
    reporting,
    run_folders,
    scoring,
    training,
)
from hvae.cli.latents import correlating, mapping, reconstructing
from hvae.cli.terminal import FriendlyGroup, SpreadingCommand, say

app = typer.Typer(
    cls=FriendlyGroup,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="Hierarchical VAEs that detect out-of-distribution images: train, score, report.",
)


def _version(asked: bool) -> None:
    if asked:
        say(__version__)
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


app.command("train")(training.train)
app.command("score", cls=SpreadingCommand)(scoring.score)
app.command("merge")(scoring.merge)
app.command("report", cls=SpreadingCommand)(reporting.report)
app.command("compare", cls=SpreadingCommand)(comparing.compare)
app.command("correlate", cls=SpreadingCommand)(correlating.correlate)
app.command("figure", cls=SpreadingCommand)(drawing.figure)
app.command("map", cls=SpreadingCommand)(mapping.latent_map)
app.command("reconstruct", cls=SpreadingCommand)(reconstructing.reconstruct)
app.add_typer(data_sets.app, name="data")
app.add_typer(run_folders.app, name="runs")
app.command("app")(dashboard.dashboard)
