"""`hvae score`: data sets become score tables, images from outside verdicts; robustness cards and landscapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hvae.cli.options import Device, Reading, Runs, Seed, accelerator, given, one_of, refuse, run_with_weights
from hvae.cli.terminal import UNREAD, counted, interruptible, say, warn
from hvae.errors import ConfigError, DataError

if TYPE_CHECKING:
    from hvae.datasets import ImageSet
    from hvae.datasets.own.preparing import Treatment
    from hvae.runs.folders import RunEntry
    from hvae.runs.settings import Setting

_OF_IMAGES = ("alpha", "two_sided", "score_name", "statistic", "as_json", "fail_if_ood")
_OF_OWN = ("fit", "invert", "prepare")
"""How one's own images are prepared, under --images and in a folder: or npz: alike."""
_OF_DATA = ("split", "limit", "seed", "batch_size", "precision", "also")
"""Options that only one of --images and --data takes."""
_OF_SETTING = ("reading", "samples", "draws", "seed", "precision")
_NOT_OF_CARD = (*_OF_IMAGES, *_OF_OWN, "data", "images", "split", "also", "landscape")
_NOT_OF_LANDSCAPE = (*_OF_IMAGES, *_OF_OWN, "images", "split", "also", "reading", "samples", "precision")

Data = Annotated[
    list[str] | None,
    typer.Option(
        help="Data set: a name of `hvae data list`, folder:PATH or npz:PATH. Several may follow; for parts of the "
        "training set default the one each run was trained on."
    ),
]
Images = Annotated[
    list[Path] | None,
    typer.Option(help="Instead of a data set: image files, folders or zip archives to judge. Several may follow."),
]
Fit = Annotated[
    str | None,
    typer.Option(
        help="Your own images of other aspects: pad (with black), extend (with the colour of the border), crop or "
        "squash; default pad; under --images extend, unless the run was trained on images of your own."
    ),
]
Prepare = Annotated[
    list[str] | None,
    typer.Option(
        help="Your own images: scan (dark ink on paper, all of what follows), or some of auto-invert, level, crop and "
        "centre, so that they lie as the training images do. Several may follow."
    ),
]
TwoSided = Annotated[bool, typer.Option("--two-sided", help="With --images: ratios too low are alarms as well.")]
ScoreName = Annotated[
    str | None,
    typer.Option(
        "--score",
        help="With --images: the score that judges, by its name in the registry; default joint, or llr where the run "
        "does not give that or has under 200 reference images.",
    ),
]
Statistic = Annotated[
    str,
    typer.Option(
        help="With --images, of a score with levels: rank (least tail rank over k) or difference (the k that "
        "differs most)."
    ),
]
Card = Annotated[
    bool,
    typer.Option(
        "--card",
        help="Instead of a data set: measure the robustness card, 500 (or --limit) of the run's own test images under "
        "noise, blur, rotation ... of growing strength.",
    ),
]
Also = Annotated[
    list[str] | None,
    typer.Option(
        help="With --data: measure what this score takes besides and put it into the same tables: complementary, lpath "
        "or regret (of 1,000 images a table, under a second each on a free CPU core). Several may follow."
    ),
]
OfLandscape = Annotated[
    bool,
    typer.Option(
        "--landscape",
        help="Instead of scoring the --data: how log p around the mean training image (slope and curvature, from at "
        "most 10,000 or --limit images a set) would make it likelier, and log p of some images as their contrast "
        "changes. For a density of whole pixel values.",
    ),
]
FailIfOod = Annotated[
    bool,
    typer.Option(
        "--fail-if-ood",
        help="With --images: exit code 3 if the first run finds any image OOD. A file that is not read is always 4.",
    ),
]
Split = Annotated[
    list[str] | None,
    typer.Option(
        help="test, train, all, or a part of the training set: fitted, validation, reference, calibration; of a folder "
        "with normal and abnormal in it also abnormal. "
        "Several may follow; default test."
    ),
]


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
    as_json: Annotated[bool, typer.Option("--json", help="With --images: print JSON.")] = False,
    fail_if_ood: FailIfOod = False,
    split: Split = None,
    card: Card = False,
    also: Also = None,
    landscape: OfLandscape = False,
    limit: Annotated[int | None, typer.Option(help="Score only N images, spread evenly over the split.")] = None,
    samples: Annotated[int, typer.Option(help="S: importance samples of the bound L_S.")] = 1,
    draws: Annotated[int, typer.Option(help="R: independent repeats that every value is the mean of.")] = 1,
    reading: Reading = "mean",
    seed: Seed = 0,
    batch_size: Annotated[int, typer.Option(help="Images x samples in one pass; no value depends on it.")] = 256,
    precision: Annotated[str, typer.Option(help="Of the forward passes: 32-true or bf16-mixed.")] = "32-true",
    device: Device = "auto",
) -> None:
    """Score every image of the data sets: all bounds L^{>k}, from which LLR^{>k} follow.

    Prints the path of each table and a summary. An interrupted scoring continues where it stopped. With --images it
    judges single images instead, by ranks in the run's own training images; no OOD image plays a part. With --card it
    measures how strongly test images have to be changed until the scores see it, with --landscape how the likelihood
    changes around the mean image.
    """
    from hvae.datasets.conversions import FITS
    from hvae.datasets.own.preparing import Treatment, steps_of
    from hvae.datasets.registry import PARTS
    from hvae.runs.settings import Setting

    entries = [run_with_weights(name) for name in runs]
    if limit is not None and limit < 1:
        raise ConfigError(f"--limit must be at least 1, it is {limit}")
    if card:
        refuse(ctx, _NOT_OF_CARD, "--card")
        write_cards(entries, _asked(ctx), limit or 500, batch_size, device)
        return
    if landscape:
        refuse(ctx, _NOT_OF_LANDSCAPE, "--landscape")
        if not data:
            raise ConfigError("name the sets that the training set is set against (--data)")
        asked = {"seed": seed, "batch_size": min(batch_size, 64)}
        asked |= {name: ctx.params[name] for name in ("draws", "limit") if given(ctx, name)}
        write_landscapes(entries, data, asked, device)
        return
    own_parts = split is not None and set(split) <= set(PARTS)
    if (data and images) or not (data or images or own_parts):
        raise ConfigError("name either data sets to score (--data) or images to judge (--images)")
    refuse(ctx, *((_OF_DATA, "--images") if images else (_OF_IMAGES, "--data")))
    if images:
        from hvae.cli.judging import judge

        judge(
            entries, images, _asked(ctx), alpha=alpha, fit=fit, invert=invert, prepare=prepare or [],
            two_sided=two_sided, statistic=statistic, score=score_name, device=device, as_json=as_json,
            fail_if_ood=fail_if_ood,
        )  # fmt: skip
        return
    _refuse_further(entries, also or [])
    how = Setting.of(reading=reading, samples=samples, draws=draws, seed=seed, precision=precision)
    machine = {"batch_size": batch_size, "accelerator": accelerator(device)}
    unread = False
    for run in entries:
        assert run.config is not None
        own = _prepared(ctx, data or [], Treatment((1, 1, 1), fit or FITS[0], invert, steps_of(prepare or [])), run)
        wanted = own or [run.config.data.name]
        unread |= bool(write_tables(run, wanted, split or ["test"], how, limit, machine, also or []))
    if unread:
        raise typer.Exit(UNREAD)


def _prepared(ctx: typer.Context, data: Sequence[str], how: Treatment, run: RunEntry) -> list[str]:
    """The data sets by names that say how one's own are prepared; others are as they were published."""
    from hvae.datasets.conversions import FITS
    from hvae.datasets.own.naming import prepared_name

    one_of(how.fit, FITS, "--fit")
    if not any(given(ctx, name) for name in _OF_OWN):
        return list(data)
    if not data:
        refuse(ctx, _OF_OWN, "the set that a run was trained on")
    if other := [name for name in data if not name.startswith(("folder:", "npz:"))]:
        refuse(ctx, _OF_OWN, f"--data {other[0]}")
    if how.steps and run.config is not None and ":" not in run.config.data.name:
        how = replace(how, like=run.config.data.name)
    return [prepared_name(name, how) for name in data]


def _refuse_further(runs: Sequence[RunEntry], also: Sequence[str]) -> None:
    """Refuse what a run does not have, before anything is computed."""
    from hvae.measuring.further import FURTHER

    for name in also:
        one_of(name, list(FURTHER), "--also")
        for run in runs:
            assert run.config is not None
            if (why := FURTHER[name].obstacle(run.config.model)) is not None:
                raise ConfigError(f"--also {name}: {run.name} has none, {why}")


def _asked(ctx: typer.Context) -> dict[str, Any]:
    """The fields of the setting that stood on the command line."""
    return {name: ctx.params[name] for name in _OF_SETTING if given(ctx, name)}


def write_tables(
    run: RunEntry,
    data: Sequence[str],
    splits: Sequence[str],
    how: Setting,
    limit: int | None,
    machine: dict[str, Any],
    also: Sequence[str],
) -> bool:
    """Score splits of data sets with a run on a `machine` as of `measure.score`, and say what came of each.

    What is only to be measured `also` is added to a table of the same images that is there. Whether a
    file of one's own could not be read.
    """
    from hvae.datasets.own.entry import by_role
    from hvae.files import require_writable
    from hvae.measuring import measure
    from hvae.measuring.pixels import measure_pixels
    from hvae.runs.sources import remember, resolve
    from hvae.runs.training_set import load_splits

    known: set[str] = set()
    found = False
    require_writable(run.path / "scores")
    asked = [by_role(resolve(run.path, name), split) for name in data for split in splits]
    for name in dict.fromkeys(name for name, _ in asked):
        for whole in load_splits(run, name, [split for one, split in asked if one == name]):
            said = [*([whole.note] if ":" in name and whole.note else []), *whole.unread]
            for line in (one for one in said if one not in known):
                warn(f"{whole.slug}: {line}")
            known |= {*said}
            images = whole.spread(limit)
            if images is not whole:
                _refuse_to_shrink(run, images, how)
            title = f"{run.name}: {images.slug} ({images.split}), {how}"
            hint = "finished chunks are kept: run the same command again to continue"
            there = also and _is_scored(run, images, how)
            for one in also if there else (None, *also):
                with interruptible(hint), counted(f"{title}, {one}" if one else title) as progress:
                    path = measure.score(run.path, images, how, also=one, on_progress=progress, **machine)
                say(f"{path}: {one or _summary(path)}")
            remember(run.path, images, name)
            measure_pixels(images)
            found |= bool(whole.unread)
    return found


def _is_scored(run: RunEntry, images: ImageSet, how: Setting) -> bool:
    """Whether a sound table of these very images is there."""
    from hvae.runs.catalogue import catalogue

    entry = catalogue(run).find(images.slug, how, (images.split,))
    return entry is not None and entry.metadata.data_fingerprint == images.fingerprint


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
    said = f"{len(table):,} images"
    if not table.metadata.task:
        said += f", {bits_per_dim(table.bound(0), table.metadata.dimensions).mean():.4f} bits/dim"
    for ratio in at_every_level("llr", table.metadata.depth)[:1]:
        said += f", {ratio.label} negative for {negative_share(ratio.of(table)):.1%}"
    return said


def write_cards(runs: Sequence[RunEntry], asked: dict[str, Any], n: int, batch_size: int, device: str) -> None:
    """Measure the card of each run with `n` changed images; `asked` holds the fields of the setting that were given."""
    from hvae.measuring.card import card_scores, measure_card
    from hvae.runs.catalogue import catalogue
    from hvae.runs.sources import resolve
    from hvae.runs.training_set import load_images
    from hvae.verdicts.rule import own_part

    where = accelerator(device)
    for run in runs:
        assert run.config is not None
        found, name = catalogue(run), resolve(run.path, run.config.data.name)
        setting = found.rule_setting(**asked)
        reference, calibration = (own_part(found, part, setting) for part in ("reference", "calibration"))
        for problem in card_scores(reference, calibration)[1]:
            warn(f"{run.name}: left out: {problem}")
        # A set of one's own has no test split: of the parts that no weight was fitted to, this one is free.
        images = load_images(run, name, "validation" if ":" in run.config.data.name else "test")
        title = f"{run.name}: robustness card, {setting}"
        hint = "finished strengths are kept: run the same command again to continue"
        with interruptible(hint), counted(title) as progress:
            path = measure_card(
                run, images, reference, calibration, n, batch_size=batch_size, accelerator=where, on_progress=progress
            )
        say(f"{path}: hvae report {run.name} --card prints it")


def write_landscapes(runs: Sequence[RunEntry], data: Sequence[str], asked: dict[str, Any], device: str) -> None:
    """Measure the landscape of each run towards each set; `asked` are arguments of `measure_landscape`."""
    from hvae.measuring.landscape import measure_landscape, unfit
    from hvae.runs.sources import remember, resolve
    from hvae.runs.training_set import load_images

    if obstacle := next(filter(None, map(unfit, runs)), None):
        raise ConfigError(obstacle)
    for run in runs:
        assert run.config is not None
        own = resolve(run.path, run.config.data.name)
        known = load_images(run, own, "fitted")
        held_out = load_images(run, own, "validation" if ":" in run.config.data.name else "test")
        for name in data:
            name = resolve(run.path, name)
            other = load_images(run, name, "test")
            with (
                interruptible("nothing was written"),
                counted(f"{run.name}: landscape towards {name}", "passes") as progress,
            ):
                path = measure_landscape(
                    run, known, other, _examples(run, held_out, other), accelerator=accelerator(device),
                    on_progress=progress, **asked,
                )  # fmt: skip
            remember(run.path, other, name)
            say(f"{path}: {_expanded(path, run)}")


def _examples(run: RunEntry, *sets: ImageSet) -> list[tuple[ImageSet, int]]:
    """Two images of each set, and of those that are on every machine."""
    from hvae import datasets

    assert run.config is not None
    shape, found = run.config.model.image_shape, {images.slug: images for images in sets}
    for name in datasets.names_for(shape):
        if name.partition("-as-")[0] in ("digits", "glyphs") and name not in found:
            found[name] = datasets.load(name, "test", image_shape=shape)
    return [(images, len(images) * third // 3) for images in found.values() for third in (1, 2)]


def _expanded(path: Path, run: RunEntry) -> str:
    """The terms in nats and bits/dim, beside the gap that the run's score tables hold."""
    from hvae.runs.landscapes import mean_and_error, observed, read_landscape
    from hvae.stats import bits_per_dim

    one = read_landscape(path)

    def said(name: str, mean: float, error: float) -> str:
        spread = f" ± {error:.1f}" if error else ""
        return f"{name} {mean:+.1f}{spread} nats ({-bits_per_dim(mean, one.dimensions):+.3f} bits/dim)"

    terms = ("slope", "curvature", "offset", "together")
    parts = [said(name, *mean_and_error(getattr(one, name))) for name in terms]
    gap = observed(run, one)
    return "; ".join([*parts, said("observed", *gap) if gap else "observed: score both sets"])
