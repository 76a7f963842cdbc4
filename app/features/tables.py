"""Stored correlations and unit pairs of two runs, whichever of them keeps the files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from app.frame.caching import kept
from app.reading import loading
from hvae.errors import TableError
from hvae.runs.correlations.tables import (
    COLUMNS,
    CorrelationMetadata,
    CorrelationTable,
    Kind,
    list_correlations,
    read_correlations,
    table_name,
)
from hvae.runs.correlations.unit_pairs import UnitPairs, read_unit_pairs, unit_pairs_path
from hvae.runs.folders import RunEntry, run_roots


@dataclass(frozen=True, eq=False)
class Stored:
    """Tables of two runs by data set, run A's layers first; why others cannot be used; which have other weights."""

    tables: dict[str, CorrelationTable]
    problems: tuple[str, ...] = ()
    outdated: frozenset[str] = field(default_factory=frozenset)


def own_folder(run: RunEntry) -> Path | None:
    """Where results about a run go when its own folder cannot be written: below `HVAE_RUNS`, by its name.

    None where the run lies there itself, or another run has that name.
    """
    folder = run_roots()[0] / run.name
    return None if folder == run.path or (folder / "config.json").exists() else folder


def stored(a: RunEntry, b: RunEntry) -> Stored:
    """Correlation tables between two runs; one that was made with other weights is used where there is no better."""
    tables: dict[str, CorrelationTable] = {}
    problems: list[str] = []
    outdated: dict[str, str] = {}
    for keeper, partner, folder in _folders(a, b):
        for key in list_correlations(folder):
            try:
                table = kept("correlations", _stamp(key.path), lambda path=key.path: read_correlations(path))
            except (TableError, OSError) as error:
                problems.append(f"{keeper.name}: {error}")
                continue
            slug = table.metadata.slug
            current = _current(table.metadata, keeper, partner)
            if table.metadata.run_b != partner.name or (slug in tables and not (current and slug in outdated)):
                continue
            tables[slug] = table if keeper is a else table.transposed()
            outdated.pop(slug, None)
            if not current:
                outdated[slug] = f"{key.path.name} was made with other weights than the runs have now: correlate again"
    return Stored(tables, (*problems, *outdated.values()), frozenset(outdated))


def unit_pairs(a: RunEntry, b: RunEntry, slug: str, split: str) -> UnitPairs | None:
    """Matched units of two runs on a data set, run A first; None where none of the present weights are stored.

    Raises a TableError for a damaged file.
    """
    for keeper, partner, folder in _folders(a, b):
        path = unit_pairs_path(folder / "correlations" / table_name(partner.name, slug, split))
        if not path.is_file():
            continue
        pairs = kept("unit pairs", _stamp(path), lambda path=path: read_unit_pairs(path))
        if pairs.metadata.run_b == partner.name and _current(pairs.metadata, keeper, partner):
            return pairs if keeper is a else pairs.transposed()
    return None


def partners(run: RunEntry, runs: list[RunEntry]) -> list[RunEntry]:
    """Runs that a table is stored with, in the order of `runs`."""
    return [other for other in runs if other.name != run.name and stored(run, other).tables]


def rows(tables: dict[str, CorrelationTable], kind: Kind) -> pd.DataFrame:
    """Every pair of layers on every data set."""
    frame = pd.concat([table.frame for table in tables.values()], ignore_index=True)
    return frame.loc[frame["kind"] == kind, list(COLUMNS)]


def _folders(a: RunEntry, b: RunEntry) -> Iterator[tuple[RunEntry, RunEntry, Path]]:
    """(run that keeps files, the other run, folder of the files); what was made here comes before what was shipped."""
    for keeper, partner in ((a, b), (b, a)):
        if (own := own_folder(keeper)) is not None:
            yield keeper, partner, own
        yield keeper, partner, keeper.path


def _current(metadata: CorrelationMetadata, keeper: RunEntry, partner: RunEntry) -> bool:
    """Whether a file was made with the weights that the runs have now; unknown where they have none here."""
    made_with = (metadata.weights_sha256_a, metadata.weights_sha256_b)
    digests = (loading.weights_sha256(run) for run in (keeper, partner))
    return all(digest in ("", made) for digest, made in zip(digests, made_with, strict=True))


def _stamp(path: Path) -> tuple[Path, int]:
    return path, path.stat().st_mtime_ns
