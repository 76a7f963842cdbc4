"""`hvae score RUN --data`: data sets become score tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hvae.cli.options import one_of
from hvae.cli.processes import is_first
from hvae.cli.terminal import counted, interruptible, say, unwritable, warn
from hvae.errors import ConfigError, DataError

if TYPE_CHECKING:
    from hvae.datasets import ImageSet
    from hvae.runs.folders import RunEntry
    from hvae.runs.settings import Setting

_KEPT = "finished chunks are kept: run the same command again to continue"


def refuse_further(runs: Sequence[RunEntry], also: Sequence[str]) -> None:
    """Refuse what a run does not have, before anything is computed."""
    from hvae.measuring.further import FURTHER

    for name in also:
        one_of(name, list(FURTHER), "--also")
        for run in runs:
            assert run.config is not None
            if (why := FURTHER[name].obstacle(run.config.model)) is not None:
                raise ConfigError(f"--also {name}: {run.name} has none, {why}")


def write_tables(
    run: RunEntry,
    data: Sequence[str],
    splits: Sequence[str] | None,
    how: Setting,
    limit: int | None,
    machine: dict[str, Any],
    also: Sequence[str],
) -> bool:
    """Score splits of data sets with a run on a `machine` as of `measure.score`, and say what came of each.

    What is only to be measured `also` is added to a table of the same images that is there. Whether a file of one's own
    could not be read.
    """
    from hvae.files import require_writable
    from hvae.measuring import measure
    from hvae.measuring.pixels import measure_pixels
    from hvae.runs.images.sources import remember

    known: set[str] = set()
    found = False
    require_writable(run.path / "scores")
    for name, sets in _to_score(run, data, splits):
        for whole in sets:
            said = [line for line in _to_say(run, name, whole, splits is None) if line not in known]
            for line in said:
                warn(f"{whole.slug}: {line}")
            known |= {*said}
            images = whole.spread(limit)
            shard = machine.get("shard")
            if images is not whole:
                _refuse_to_shrink(run, images, how)
            title = f"{run.name}: {images.slug} ({images.split}), {how}{f', shard {shard}' if shard else ''}"
            there = also and _is_scored(run, images, how)
            for one in also if there else (None, *also):
                shown = counted(f"{title}, {one}" if one else title)
                with interruptible(_KEPT), unwritable(lambda: _KEPT), shown as progress:
                    path = measure.score(run.path, images, how, also=one, on_progress=progress, **machine)
                if is_first():
                    say(f"{path}: {one or summary(path)}")
            found |= bool(whole.unread)
            if not is_first():
                continue
            remember(run.path, images, name)
            if shard is None:
                measure_pixels(images)
    return found


def _to_say(run: RunEntry, name: str, images: ImageSet, unasked: bool) -> list[str]:
    """What a person has to know of a split before it is scored; `unasked` where no split was named."""
    from hvae.runs.images.training_set import trained_on

    said = [*([images.note] if ":" in name and images.note else []), *images.unread]
    if unasked and images.split == "reference":
        said.append(f"{run.name} was trained on it: scored are its reference and calibration parts, unseen so far")
    elif trained_on(run, images):
        said.append(
            f"{run.name} was trained on it, so that ({images.split}) says nothing of new images; without "
            "--split the parts are scored that the weights have not seen"
        )
    return said


def _to_score(
    run: RunEntry, data: Sequence[str], splits: Sequence[str] | None
) -> Iterator[tuple[str, Iterable[ImageSet]]]:
    """Each data set by the name it is loaded by, and its splits; without `splits` what the run has not seen of it."""
    from hvae.datasets.own.entry import ABNORMAL, by_role
    from hvae.runs.images.sources import resolve
    from hvae.runs.images.training_set import load_splits, load_unseen

    names = [resolve(run.path, name) for name in data]
    if splits is None:
        for name in names:
            yield name, load_unseen(run, name)
            other, split = by_role(name, ABNORMAL)
            if other != name:
                yield other, load_splits(run, other, [split])
        return
    asked = [by_role(name, split) for name in names for split in splits]
    for name in dict.fromkeys(name for name, _ in asked):
        yield name, load_splits(run, name, [split for one, split in asked if one == name])


def _is_scored(run: RunEntry, images: ImageSet, how: Setting) -> bool:
    """Whether a sound table of these very images is there."""
    from hvae.runs.catalogue import catalogue

    entry = catalogue(run).find(images.slug, how, (images.split,))
    return entry is not None and entry.metadata.data_fingerprint == images.fingerprint


def _refuse_to_shrink(run: RunEntry, images: ImageSet, how: Setting) -> None:
    """Refuse to put a table of few images in the place of one of more, which has the same name."""
    from hvae.parquet_files import read_footer
    from hvae.runs.catalogue import catalogue

    entry = catalogue(run).find(images.slug, how, (images.split,))
    if entry is not None and (rows := read_footer(entry.path).num_rows) > len(images):
        raise DataError(
            f"{entry.path} holds {rows:,} images, --limit {len(images)} would replace them: leave out --limit, "
            "choose another --seed, or delete the table"
        )


def summary(path: Path) -> str:
    """What came of a table, or of a shard of one, in words."""
    from hvae.report import negative_share
    from hvae.runs.score_tables import read_metadata, read_table
    from hvae.scores import at_every_level
    from hvae.stats import bits_per_dim

    about = read_metadata(path)
    ratios = at_every_level("llr", about.depth)[:1]
    needed = {"example", "iw", *(name for ratio in ratios for name in ratio.columns(about.depth))}
    table = read_table(path, columns=needed)
    said = f"{len(table):,} images"
    if not about.task:
        said += f", {bits_per_dim(table.bound(0), about.dimensions).mean():.4f} bits/dim"
    for ratio in ratios:
        said += f", {ratio.label} negative for {negative_share(ratio.of(table)):.1%}"
    return said
