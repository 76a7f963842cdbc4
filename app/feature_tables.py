"""Stored correlation tables of two runs, whichever of them keeps the files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from hvae.correlation_tables import COLUMNS, CorrelationTable, Kind, list_correlations, read_correlations
from hvae.errors import TableError
from hvae.results import RunEntry


@dataclass(frozen=True, eq=False)
class Stored:
    """What is stored about two runs.

    Attributes:
        tables: by data set, run A's layers first.
        problems: why other files could not be used, one line each.
    """

    tables: dict[str, CorrelationTable]
    problems: tuple[str, ...]


def stored(a: RunEntry, b: RunEntry) -> Stored:
    """Correlation tables between two runs; one that was made with other weights is used and named as a problem."""
    tables: dict[str, CorrelationTable] = {}
    problems: list[str] = []
    for keeper, partner in ((a, b), (b, a)):
        for key in list_correlations(keeper.path):
            try:
                table = _read(str(key.path), key.path.stat().st_mtime_ns)
            except (TableError, OSError) as error:
                problems.append(f"{keeper.name}: {error}")
                continue
            metadata = table.metadata
            if metadata.run_b != partner.name or metadata.slug in tables:
                continue
            tables[metadata.slug] = table if keeper is a else table.transposed()
            made_with = (metadata.weights_sha256_a, metadata.weights_sha256_b)
            if any(
                digest not in ("", made)
                for digest, made in zip(map(_digest, (keeper, partner)), made_with, strict=True)
            ):
                problems.append(f"{key.path.name} was made with other weights than the runs have now: correlate again")
    return Stored(tables, tuple(problems))


def partners(run: RunEntry, runs: list[RunEntry]) -> list[RunEntry]:
    """Runs that a table is stored with, in the order of `runs`."""
    return [other for other in runs if other.name != run.name and stored(run, other).tables]


def by_layer(tables: dict[str, CorrelationTable], kind: Kind) -> pd.DataFrame:
    """Layer l of run A against layer l of run B: one row a data set and layer."""
    rows = _rows(tables, kind)
    return rows.loc[rows["layer_a"] == rows["layer_b"], list(COLUMNS)]


def one_pair(tables: dict[str, CorrelationTable], kind: Kind, layer_a: int, layer_b: int) -> pd.DataFrame:
    """One pair of layers: one row a data set."""
    rows = _rows(tables, kind)
    return rows.loc[(rows["layer_a"] == layer_a) & (rows["layer_b"] == layer_b), list(COLUMNS)]


def _rows(tables: dict[str, CorrelationTable], kind: Kind) -> pd.DataFrame:
    frame = pd.concat([table.frame for table in tables.values()], ignore_index=True)
    return frame.loc[frame["kind"] == kind, list(COLUMNS)]


@st.cache_data(max_entries=64, show_spinner=False)
def _read(path: str, stamp: int) -> CorrelationTable:
    return read_correlations(Path(path))


def _digest(run: RunEntry) -> str:
    """SHA-256 of a run's weights; empty where it has none."""
    path = run.path / "model.safetensors"
    return _sha256(str(path), path.stat().st_mtime_ns) if path.is_file() else ""


@st.cache_data(max_entries=64, show_spinner=False)
def _sha256(path: str, stamp: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
