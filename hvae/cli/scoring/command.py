"""`hvae score`: data sets become score tables, images from outside verdicts; one command with two sets of options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hvae.cli.options import Device, Seed, accelerator, named_run, one_of
from hvae.errors import ConfigError

_OF_IMAGES = ("alpha", "fit", "invert", "two_sided", "score_name", "statistic", "as_json", "fail_if_ood")
_OF_DATA = ("split", "limit", "seed", "batch_size", "precision")
"""Options that only one of --images and --data takes."""


def score(
    ctx: typer.Context,
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Names of runs, or run folders.")],
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="Data set: a name of `hvae data list`, folder:PATH or npz:PATH. Several may follow; for parts of the "
            "training set default the one each run was trained on."
        ),
    ] = None,
    images: Annotated[
        list[Path] | None,
        typer.Option(help="Instead of a data set: image files, folders or zip archives to judge. Several may follow."),
    ] = None,
    alpha: Annotated[float, typer.Option(help="With --images: share of false alarms allowed.")] = 0.05,
    fit: Annotated[str, typer.Option(help="With --images, for other aspects: pad, crop or squash.")] = "pad",
    invert: Annotated[bool, typer.Option("--invert", help="With --images: make black white.")] = False,
    two_sided: Annotated[
        bool, typer.Option("--two-sided", help="With --images: ratios too low are alarms as well.")
    ] = False,
    score_name: Annotated[
        str,
        typer.Option("--score", help="With --images: the score that judges, by its name in the registry."),
    ] = "llr",
    statistic: Annotated[
        str, typer.Option(help="With --images: rank (least tail rank over k) or difference (the k that differs most).")
    ] = "rank",
    as_json: Annotated[bool, typer.Option("--json", help="With --images: print JSON.")] = False,
    fail_if_ood: Annotated[
        bool, typer.Option("--fail-if-ood", help="With --images: exit code 3 if the first run finds any image OOD.")
    ] = False,
    split: Annotated[
        list[str] | None,
        typer.Option(
            help="test, train, all, or a part of the training set: fitted, validation, reference, calibration. "
            "Several may follow; default test."
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Score only N images, spread evenly over the split.")] = None,
    samples: Annotated[int, typer.Option(help="S: importance samples of the bound L_S.")] = 1,
    draws: Annotated[int, typer.Option(help="R: independent repeats that every value is the mean of.")] = 1,
    reading: Annotated[str, typer.Option(help="How L^{>k} is read: mean, sample, auxiliary, early-release.")] = "mean",
    seed: Seed = 0,
    batch_size: Annotated[int, typer.Option(help="Images x samples in one pass; no value depends on it.")] = 256,
    precision: Annotated[str, typer.Option(help="Of the forward passes: 32-true or bf16-mixed.")] = "32-true",
    device: Device = "auto",
) -> None:
    """Score every image of the data sets: all bounds L^{>k}, from which LLR^{>k} follow.

    Prints the path of each table and a summary. An interrupted scoring continues where it stopped. With --images it
    judges single images instead, by ranks in the run's own training images; no OOD image plays a part.
    """
    from hvae.datasets.registry import PARTS

    entries = [named_run(name) for name in runs]
    own_parts = split is not None and set(split) <= set(PARTS)
    if (data and images) or not (data or images or own_parts):
        raise ConfigError("name either data sets to score (--data) or images to judge (--images)")
    _refuse(ctx, *((_OF_DATA, "--images") if images else (_OF_IMAGES, "--data")))
    if images:
        from hvae.cli.scoring.verdicts import judge
        from hvae.datasets.conversions import FITS
        from hvae.verdicts.rule import STATISTICS

        judge(
            entries, images, alpha=alpha, fit=one_of(fit, FITS, "--fit"), invert=invert, two_sided=two_sided,
            statistic=one_of(statistic, STATISTICS, "--statistic"),  # type: ignore[arg-type]
            score=score_name, reading=reading if _given(ctx, "reading") else None,
            samples=samples if _given(ctx, "samples") else None, draws=draws if _given(ctx, "draws") else None,
            accelerator=accelerator(device), as_json=as_json, fail_if_ood=fail_if_ood,
        )  # fmt: skip
        return
    if limit is not None and limit < 1:
        raise ConfigError(f"--limit must be at least 1, it is {limit}")

    from hvae.cli.scoring.tables import write_tables
    from hvae.runs.settings import Setting

    how = Setting.of(reading=reading, samples=samples, draws=draws, seed=seed, precision=precision)
    for run in entries:
        assert run.config is not None
        write_tables(
            run, data or [run.config.data.name], split or ["test"], how, limit, batch_size, accelerator(device)
        )


def _refuse(ctx: typer.Context, names: tuple[str, ...], beside: str) -> None:
    """Refuse the first of some options that was given: it would change nothing, and look as if it had.

    Raises:
        ConfigError: one was given.
    """
    for parameter in ctx.command.params:
        name = str(parameter.name)
        if name in names and _given(ctx, name):
            raise ConfigError(f"{parameter.opts[0]} does not apply with {beside}: leave it out")


def _given(ctx: typer.Context, name: str) -> bool:
    """Whether an option stood on the command line."""
    source = ctx.get_parameter_source(name)
    # By its name: typer brings a copy of click, whose enumeration is another one than click's.
    return source is not None and source.name == "COMMANDLINE"
