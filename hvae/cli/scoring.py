"""`hvae score`: runs x data sets -> score tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hvae.cli.options import Device, Seed, accelerator, load_images, named_run, one_of
from hvae.cli.terminal import counted, interruptible
from hvae.errors import ConfigError, DataError

if TYPE_CHECKING:
    from hvae.datasets import ImageSet
    from hvae.measuring.measure import Settings


def score(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Names of runs, or run folders.")],
    data: Annotated[
        list[str] | None,
        typer.Option(help="Data set: a name of `hvae data list`, folder:PATH or npz:PATH. Several may follow."),
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
    entries = [named_run(name) for name in runs]
    if bool(data) == bool(images):
        raise ConfigError("name either data sets to score (--data) or images to judge (--images)")
    if images:
        from hvae.cli.judging import judge
        from hvae.datasets.own.conforming import FITS
        from hvae.verdicts.rule import STATISTICS

        judge(
            entries, images, alpha=alpha, fit=one_of(fit, FITS, "--fit"), invert=invert, two_sided=two_sided,
            statistic=one_of(statistic, STATISTICS, "--statistic"),  # type: ignore[arg-type]
            reading=reading, samples=samples, draws=draws, accelerator=accelerator(device), as_json=as_json,
            fail_if_ood=fail_if_ood,
        )  # fmt: skip
        return
    assert data is not None
    if limit is not None and limit < 1:
        raise ConfigError(f"--limit must be at least 1, it is {limit}")

    from hvae.measuring import measure

    how = measure.settings(reading=reading, samples=samples, draws=draws, seed=seed, precision=precision)
    where = accelerator(device)
    for run in entries:
        assert run.config is not None
        for name in data:
            for part in split or ["test"]:
                whole = load_images(name, part, run.config)
                if limit is not None and limit < len(whole):
                    whole = _spread_evenly(whole, limit)
                    _refuse_to_shrink(run.path, whole, how)
                title = f"{run.name}: {whole.slug} ({part}), {reading}, S = {samples}, R = {draws}"
                with (
                    interruptible("finished chunks are kept: run the same command again to continue"),
                    counted(title) as on_progress,
                ):
                    path = measure.score(
                        run.path, whole, how, batch_size=batch_size, accelerator=where, on_progress=on_progress
                    )
                typer.echo(f"{path}: {_summary(path)}")


def _spread_evenly(images: ImageSet, n: int) -> ImageSet:
    import numpy as np

    return images.take(np.linspace(0, len(images) - 1, n).round().astype(int))


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
    said = f"{len(table):,} images, {bits:.4f} bits/dim"
    if not table.metadata.depth:
        return said
    return f"{said}, LLR>1 negative for {negative_share(table.likelihood_ratio(1)):.1%}"
