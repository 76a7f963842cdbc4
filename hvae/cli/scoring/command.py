"""The command `hvae score`: which of its four works is asked for, and what does not apply with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hvae.cli.options import (
    Device,
    Devices,
    Nodes,
    Reading,
    Runs,
    Seed,
    accelerator,
    given,
    one_of,
    refuse,
    run_with_weights,
)
from hvae.cli.processes import number_of, start
from hvae.cli.scoring.cards import write_cards
from hvae.cli.scoring.images import judge
from hvae.cli.scoring.landscapes import write_landscapes
from hvae.cli.scoring.options import (
    Also,
    BatchSize,
    Card,
    Data,
    FailIfOod,
    Fit,
    Images,
    NoiseVersion,
    OfLandscape,
    OfPrecision,
    OfShard,
    Prepare,
    Report,
    RuleFile,
    ScoreName,
    Split,
    Statistic,
    TwoSided,
)
from hvae.cli.scoring.precision import AUTO, setting_for
from hvae.cli.scoring.tables import refuse_further, write_tables
from hvae.cli.terminal import UNREAD
from hvae.errors import ConfigError

if TYPE_CHECKING:
    from hvae.runs.folders import RunEntry

_OF_RULE = ("alpha", "two_sided", "score_name", "statistic")
"""What a `--rule` says."""
_OF_IMAGES = (*_OF_RULE, "rule", "as_json", "fail_if_ood", "report")
_OF_OWN = ("fit", "invert", "prepare")
"""How one's own images are prepared, under --images and in a folder: or npz: alike."""
_OF_DATA = ("split", "limit", "seed", "batch_size", "precision", "noise", "also", "shard", "devices", "nodes")
"""Options that only one of --images and --data takes."""
_OF_SETTING = ("reading", "samples", "draws", "seed", "precision", "noise")
_NOT_OF_CARD = (*_OF_IMAGES, *_OF_OWN, "data", "images", "split", "also", "shard", "devices", "nodes", "landscape")
_NOT_OF_LANDSCAPE = (
    *_OF_IMAGES,
    *_OF_OWN,
    "images",
    "split",
    "also",
    "shard",
    "devices",
    "nodes",
    "reading",
    "samples",
    "precision",
    "noise",
)


def score(
    ctx: typer.Context,
    runs: Runs,
    data: Data = None,
    images: Images = None,
    alpha: Annotated[float, typer.Option(help="With --images: share of false alarms allowed.")] = 0.05,
    fit: Fit = None,
    invert: Annotated[bool, typer.Option("--invert", help="Your own images: make black white.")] = False,
    prepare: Prepare = None,
    two_sided: TwoSided = False,
    score_name: ScoreName = None,
    statistic: Statistic = "rank",
    rule: RuleFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --images: print JSON.")] = False,
    fail_if_ood: FailIfOod = False,
    report: Report = None,
    split: Split = None,
    card: Card = False,
    also: Also = None,
    landscape: OfLandscape = False,
    shard: OfShard = None,
    limit: Annotated[int | None, typer.Option(help="Score only N images, spread evenly over the split.")] = None,
    samples: Annotated[int, typer.Option(help="S: importance samples of the bound L_S.")] = 1,
    draws: Annotated[int, typer.Option(help="R: independent repeats that every value is the mean of.")] = 1,
    reading: Reading = "mean",
    seed: Seed = 0,
    batch_size: BatchSize = 64,
    precision: OfPrecision = AUTO,
    noise: NoiseVersion = 1,
    device: Device = "auto",
    devices: Devices = None,
    nodes: Nodes = 1,
) -> None:
    """Score every image of the data sets: all bounds L^{>k}, from which LLR^{>k} follow.

    Prints the path of each table and a summary. An interrupted scoring continues where it stopped. With --images it
    judges single images instead, by ranks in the run's own training images, without any OOD image; with --card it shows
    how strongly test images are changed until the scores see it, with --landscape the likelihood about the mean image.
    """
    entries = [*map(run_with_weights, runs)]
    if limit is not None and limit < 1:
        raise ConfigError(f"--limit must be at least 1, it is {limit}")
    if card:
        refuse(ctx, _NOT_OF_CARD, "--card")
        write_cards(entries, _given(ctx, _OF_SETTING), limit or 500, batch_size, device)
    elif landscape:
        refuse(ctx, _NOT_OF_LANDSCAPE, "--landscape")
        asked = {"seed": seed, "batch_size": min(batch_size, 64)} | _given(ctx, ("draws", "limit"))
        write_landscapes(entries, data or [], asked, device)
    elif _one_of_both(ctx, data, images, split) == "--images":
        how = {name: ctx.params[name] for name in ("alpha", "fit", "invert", "two_sided", "statistic")}
        how |= {"prepare": prepare or [], "score": score_name, "asked": _given(ctx, _OF_SETTING)}
        how = how if rule is None else _chosen(ctx, entries, rule)
        judge(entries, images or [], **how, device=device, as_json=as_json, fail_if_ood=fail_if_ood, report=report)
    else:
        how = {"reading": reading, "samples": samples, "draws": draws, "seed": seed}
        machine = {"batch_size": batch_size, "accelerator": accelerator(device), "nodes": nodes}
        machine |= _part(shard, also or []) | {"devices": number_of(devices, nodes, device)}
        wanted = [_prepared(ctx, data or [], run, fit, invert, prepare or []) for run in entries]
        _write(entries, wanted, split, how | {"precision": precision, "noise": noise}, limit, machine, also or [])


def _write(
    runs: Sequence[RunEntry],
    wanted: Sequence[Sequence[str]],
    splits: Sequence[str] | None,
    how: dict[str, Any],
    limit: int | None,
    machine: dict[str, Any],
    also: Sequence[str],
) -> None:
    """Tables of the sets that are wanted of each run, on every device of the machine."""
    from hvae.runs.settings import Setting

    refuse_further(runs, also)
    # What is wrong with it is said before any process is started.
    Setting.of(**{name: value for name, value in how.items() if value != AUTO})
    start(machine["devices"], machine["nodes"], "run the same command again to continue")
    unread = [
        write_tables(run, sets, splits, setting_for(run, how, machine), limit, machine, also)
        for run, sets in zip(runs, wanted, strict=True)
    ]
    if any(unread):
        raise typer.Exit(UNREAD)


def _chosen(ctx: typer.Context, runs: Sequence[RunEntry], path: Path) -> dict[str, Any]:
    """How a rule in a file has images judged."""
    from hvae.verdicts.chosen import read_chosen

    refuse(ctx, (*_OF_RULE, *_OF_OWN, *_OF_SETTING), "--rule")
    if len(runs) > 1:
        raise ConfigError("--rule is of one run: name that alone")
    rule = read_chosen(path)
    prepared = {"alpha": rule.alpha, "fit": rule.fit, "invert": rule.invert, "prepare": list(rule.prepare)}
    return rule.asked | prepared | {"asked": rule.setting.fields, "rule_chosen": rule}


def _part(shard: str | None, also: Sequence[str]) -> dict[str, Any]:
    """Which part of the rows, as `hvae.measuring.measure.score` takes it."""
    from hvae.runs.shards import Shard

    if shard is not None and also:
        raise ConfigError("--also does not apply with --shard: merge the shards, then add it to the whole table")
    return {"shard": None if shard is None else Shard.of_text(shard)}


def _given(ctx: typer.Context, names: Sequence[str]) -> dict[str, Any]:
    """The values of some options that stood on the command line."""
    return {name: ctx.params[name] for name in names if given(ctx, name)}


def _one_of_both(
    ctx: typer.Context, data: Sequence[str] | None, images: Sequence[Path] | None, split: Sequence[str] | None
) -> str:
    """`--images` or `--data`, whichever is asked for; refused where it is neither or both, or with the other's."""
    from hvae.datasets.registry import PARTS

    own_parts = split is not None and set(split) <= set(PARTS)
    if (data and images) or not (data or images or own_parts):
        raise ConfigError("name either data sets to score (--data) or images to judge (--images)")
    which = "--images" if images else "--data"
    refuse(ctx, _OF_DATA if images else _OF_IMAGES, which)
    return which


def _prepared(
    ctx: typer.Context, data: Sequence[str], run: RunEntry, fit: str | None, invert: bool, prepare: Sequence[str]
) -> list[str]:
    """The data sets by names that say how one's own are prepared; others are as they were published.

    Where none is named, it is the set that the run was trained on.
    """
    from hvae.datasets.conversions import FITS
    from hvae.datasets.own.naming import prepared_name
    from hvae.datasets.own.preparing import Treatment, steps_of

    assert run.config is not None
    how = Treatment((1, 1, 1), fit or FITS[0], invert, steps_of(prepare))
    one_of(how.fit, FITS, "--fit")
    if any(given(ctx, name) for name in _OF_OWN):
        if not data:
            refuse(ctx, _OF_OWN, "the set that a run was trained on")
        if other := [name for name in data if not name.startswith(("folder:", "npz:", "shards:"))]:
            refuse(ctx, _OF_OWN, f"--data {other[0]}")
        if how.steps and ":" not in run.config.data.name:
            how = replace(how, like=run.config.data.name)
        return [prepared_name(name, how) for name in data]
    return list(data) or [run.config.data.name]
