"""Stored correlations and unit pairs of two runs, whichever keeps the files, and the job that makes missing ones."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import pandas as pd
import streamlit as st

from app.frame import components, fetching, jobs, state
from app.frame.caching import of_file
from app.images.sources import whole, whole_split
from app.looks import palette
from app.looks.wording import asked_for
from app.reading import loading
from app.server import access
from app.server.queue import Report
from hvae import datasets
from hvae.errors import HvaeError, TableError
from hvae.runs.correlations import tables as files
from hvae.runs.correlations.tables import CorrelationMetadata, CorrelationTable, Kind
from hvae.runs.correlations.unit_pairs import UnitPairs, read_unit_pairs, unit_pairs_path, write_unit_pairs
from hvae.runs.folders import RunEntry, run_roots

IMAGES = 2000
"""Images of each data set, as many as `hvae correlate` takes: about a minute on two cores."""

Content = TypeVar("Content")


class Stored(NamedTuple):
    """Tables of two runs by data set, run A's layers first; why others cannot be used; which have other weights."""

    tables: dict[str, CorrelationTable]
    problems: list[str]
    outdated: set[str]


def own_folder(run: RunEntry) -> Path | None:
    """Where results about a run go when its own folder cannot be written: below `HVAE_RUNS`, by its name.

    None where the run lies there itself, or another run has that name.
    """
    folder = run_roots()[0] / run.name
    return None if folder == run.path or (folder / "config.json").exists() else folder


def stored(a: RunEntry, b: RunEntry) -> Stored:
    """Correlation tables between two runs; one that was made with other weights is used where there is no better."""
    tables: dict[str, CorrelationTable] = {}
    outdated: dict[str, str] = {}
    problems: list[str] = []
    for keeper, partner, folder in _folders(a, b):
        for key in files.list_correlations(folder):
            try:
                table = of_file("correlations", key.path, files.read_correlations)
            except (TableError, OSError) as error:
                problems.append(f"{keeper.name}: {error}")
                continue
            if table is None or table.metadata.run_b != partner.name:
                continue
            slug, current = table.metadata.slug, _current(table.metadata, keeper, partner)
            if slug in tables and not (current and slug in outdated):
                continue
            tables[slug] = table if keeper is a else table.transposed()
            outdated.pop(slug, None)
            if not current:
                outdated[slug] = f"{key.path.name} was made with other weights than the runs have now: correlate again"
    return Stored(tables, [*problems, *outdated.values()], set(outdated))


def unit_pairs(a: RunEntry, b: RunEntry, slug: str, split: str) -> UnitPairs | None:
    """Matched units of two runs on a data set, run A first; None where none of the present weights are stored.

    Raises a TableError for a damaged file.
    """
    for keeper, partner, folder in _folders(a, b):
        path = unit_pairs_path(folder / "correlations" / files.table_name(partner.name, slug, split))
        pairs = of_file("unit pairs", path, read_unit_pairs)
        if pairs and pairs.metadata.run_b == partner.name and _current(pairs.metadata, keeper, partner):
            return pairs if keeper is a else pairs.transposed()
    return None


def rows(tables: dict[str, CorrelationTable], kind: Kind) -> pd.DataFrame:
    """Every pair of layers on every data set."""
    frame = pd.concat([table.frame for table in tables.values()], ignore_index=True)
    return frame.loc[frame["kind"] == kind, list(files.COLUMNS)]


def command(run: RunEntry, other: str, splits: Mapping[str, str]) -> str:
    """The commands that make the tables, one for each split of the data sets (slug -> split)."""
    return "\n".join(
        f"hvae correlate {run.name} {other} --split {split} "
        + " ".join(f"--data {asked_for(slug, run.path)}" for slug, own in splits.items() if own == split)
        for split in dict.fromkeys(splits.values())
    )


def obstacle(a: RunEntry, b: RunEntry) -> str | None:
    """Why two runs cannot be compared on this machine, None where they can."""
    for run in (a, b):
        if problem := run.obstacle("represent"):
            return f"{run.name}: {problem}"
    assert a.config is not None and b.config is not None
    if a.config.model.image_shape != b.config.model.image_shape:
        shapes = " and ".join(" x ".join(map(str, run.model.image_shape)) for run in (a.config, b.config))
        return f"the two runs take images of different shapes ({shapes}), so they cannot see the same ones"
    return None


def offer(run: RunEntry, other: RunEntry, slugs: list[str], what: str, *, tables: bool, busy: bool, key: str) -> None:
    """Say what is not stored of some data sets, and offer to compute it here, else the command.

    Unit pairs are always computed, the correlation tables with `tables`; nothing is offered while a job is watched.
    """
    known = [slug for slug in slugs if datasets.is_known(slug)]
    here = [slug for slug in known if datasets.available(slug)]
    with st.container(border=True, key=key):
        components.titled(components.escape(f"{what} not stored: {_titles(slugs)}."))
        if why := obstacle(run, other):
            st.html(f'<p class="prose">They cannot be computed here: {components.escape(why)}.</p>')
            return
        if here and not access.may_write():
            st.caption(
                f"{access.READ_ONLY} So nothing is computed here. Whoever runs the dashboard can use this command:"
            )
        elif here and not busy:
            st.caption(
                f"Up to {IMAGES:,} images of each data set go through both models, which takes about a minute a "
                "data set on two cores. You can go on using the page meanwhile."
            )
            label = "Compute it here" if len(here) == 1 else f"Compute all {len(here)} here"
            st.button(label, key=f"{key}-compute", on_click=start, args=(run, other, here, tables), type="primary")
        if unknown := [slug for slug in slugs if slug not in known]:
            named = components.escape(_titles(unknown))
            st.caption(f"From a folder or file: {named}. Give its path in the command, as `folder:PATH` or `npz:PATH`.")
        fetching.offer((slug for slug in known if slug not in here), "correlate")
        components.code(command(run, other.name, {slug: whole_split(slug) for slug in slugs}))


def _titles(slugs: list[str]) -> str:
    return ", ".join(palette.look(slug).title for slug in slugs)


def start(run: RunEntry, other: RunEntry, slugs: list[str], tables: bool) -> None:
    """Queue the comparison of two runs on some data sets, each written as soon as it is there; for a button."""
    if not access.may_write():
        state.note("job", access.READ_ONLY)
        return

    def work(report: Report, cancelled: Callable[[], bool]) -> Path | None:
        from hvae.measuring.correlations import correlate

        first, second = loading.checkpoint(run), loading.checkpoint(other)
        written = None
        for number, slug in enumerate(slugs):
            images = whole(slug, run)

            def progress(done: int, total: int, before: int = number) -> None:
                report(before * total + done, len(slugs) * total)

            table, pairs = correlate(first, second, images, (run.name, other.name), n=IMAGES, progress=progress)
            if tables:
                keep(run, files.write_correlations, table)
            written = keep(run, write_unit_pairs, pairs)
        return written

    key = ("correlate", str(run.path), str(other.path), tuple(slugs), tables)
    jobs.start(f"{run.name} and {other.name} on {_titles(slugs)}", work, key, page="features")


def keep(run: RunEntry, write: Callable[[Path, Content], Path], content: Content) -> Path:
    """Write into a run's folder; below `HVAE_RUNS` where that folder cannot be written, as a bundled one may be.

    Raises an HvaeError where neither can be written, or the server is read-only.
    """
    access.check_writing()
    try:
        return write(run.path, content)
    except HvaeError:
        own = own_folder(run)
        if own is None:
            raise
        return write(own, content)


def _folders(a: RunEntry, b: RunEntry) -> Iterator[tuple[RunEntry, RunEntry, Path]]:
    """(run that keeps files, the other run, folder of the files); what was made here comes before what was shipped."""
    for keeper, partner in ((a, b), (b, a)):
        if (own := own_folder(keeper)) is not None:
            yield keeper, partner, own
        yield keeper, partner, keeper.path


def _current(metadata: CorrelationMetadata, keeper: RunEntry, partner: RunEntry) -> bool:
    """Whether a file was made with the weights that the runs have now; unknown where nothing tells which."""
    made_with = (metadata.weights_sha256_a, metadata.weights_sha256_b)
    digests = (loading.catalogue(run).weights for run in (keeper, partner))
    return all(digest in (None, made) for digest, made in zip(digests, made_with, strict=True))
