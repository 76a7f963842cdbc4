"""Which stored score tables may be set against one another."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hvae.config import RunConfig
from hvae.datasets import PARTS
from hvae.errors import TableError
from hvae.runs.folders import RunEntry, read_history
from hvae.runs.score_tables import ScoreTable, list_tables, read_table

WHOLE_SPLITS = ("all", "test")
"""Splits an OOD set is taken from, the larger one first."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Score tables of one run that agree in reading, S, R, seed, precision and weights.

    Attributes:
        run: name of the run.
        config: of the run.
        in_data: slug of the in-distribution set.
        in_table: its held-out images; None where they were not scored under these settings.
        parts: its parts of the training set (`fitted`, `reference`, `calibration`, `validation`) that were scored.
        others: the other data sets, in name order.
        history: learning curve, empty where there is none.
        reading: how L^{>k} was read.
        samples: S.
        draws: R.
        seed: of the evaluation.
        precision: of the forward passes.
    """

    run: str
    config: RunConfig
    in_data: str
    in_table: ScoreTable | None
    parts: Mapping[str, ScoreTable]
    others: tuple[ScoreTable, ...]
    history: pd.DataFrame
    reading: str
    samples: int
    draws: int
    seed: int
    precision: str

    @property
    def depth(self) -> int:
        """Number of latent layers L."""
        return self.config.model.depth

    @property
    def tables(self) -> tuple[ScoreTable, ...]:
        """The in-distribution table, where there is one, then the others."""
        return (self.in_table, *self.others) if self.in_table else self.others

    @property
    def settings(self) -> dict[str, object]:
        """What every row of a report says about where its numbers come from."""
        return {
            "run": self.run,
            "in_data": self.in_data,
            "reading": self.reading,
            "samples": self.samples,
            "draws": self.draws,
            "seed": self.seed,
            "precision": self.precision,
        }


@dataclass(frozen=True, eq=False)
class Gathered:
    """What was found for a report.

    Attributes:
        comparisons: by run, then reading, S, R and seed.
        problems: one line for each table or run that had to be left out, and why.
    """

    comparisons: tuple[Comparison, ...]
    problems: tuple[str, ...]


def gather(runs: Iterable[RunEntry], readings: Sequence[str] = (), in_data: str | None = None) -> Gathered:
    """Read every score table of the runs and group what may be compared.

    A table that is damaged, or that other weights made than the run has now, is left out and named in the problems.

    Args:
        runs: as `hvae.runs.folders.find_runs` or `find_run` give them.
        readings: keep these only; empty keeps all.
        in_data: name of the in-distribution set; default the one each run was trained on.
    """
    comparisons: list[Comparison] = []
    problems: list[str] = []
    for run in runs:
        if run.config is None:
            problems.append(f"{run.name}: {run.problem}")
            continue
        history = pd.DataFrame()
        try:
            history = read_history(run.path)
        except TableError as error:
            problems.append(f"{run.name}: {error}")
        tables = _tables(run, readings, problems)
        if not tables:
            problems.append(f"{run.name} has no score tables to report: run `hvae score {run.name} --data NAME`")
        groups: dict[tuple, list[ScoreTable]] = {}
        for table in tables:
            about = table.metadata
            key = (about.reading, about.samples, about.draws, about.seed, about.precision, about.weights_sha256)
            groups.setdefault(key, []).append(table)
        for _, group in sorted(groups.items()):
            comparison = _comparison(run.name, run.config, group, history, in_data)
            comparisons.append(comparison)
            if comparison.in_table is None and comparison.others:
                problems.append(_without_in_table(comparison))
    return Gathered(tuple(comparisons), tuple(problems))


def _tables(run: RunEntry, readings: Sequence[str], problems: list[str]) -> list[ScoreTable]:
    weights = _weights_sha256(run.path)
    tables = []
    for key in list_tables(run.path):
        if readings and key.reading not in readings:
            continue
        try:
            table = read_table(key.path)
        except TableError as error:
            problems.append(f"{run.name}: {error}")
            continue
        if weights is not None and table.metadata.weights_sha256 != weights:
            problems.append(
                f"{run.name}: {key.path.name} was made with other weights than the run has now: score it again"
            )
            continue
        if run.depth != table.metadata.depth:
            problems.append(
                f"{run.name}: {key.path.name} is of a model with {table.metadata.depth} layers: score it again"
            )
            continue
        tables.append(table)
    return tables


def _weights_sha256(run: Path) -> str | None:
    path = run / "model.safetensors"
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _comparison(
    run: str, config: RunConfig, tables: Sequence[ScoreTable], history: pd.DataFrame, in_data: str | None
) -> Comparison:
    trained_on = config.data.name
    own_name = in_data or trained_on
    own = {table.metadata.split: table for table in tables if _is_set(table.metadata.slug, own_name)}
    others: dict[str, ScoreTable] = {}
    for split in reversed(WHOLE_SPLITS):
        others |= {
            table.metadata.slug: table
            for table in tables
            if table.metadata.split == split and not _is_set(table.metadata.slug, own_name)
        }
    in_table = next((own[split] for split in _held_out(own_name, trained_on) if split in own), None)
    about = tables[0].metadata
    return Comparison(
        run=run,
        config=config,
        in_data=next(iter(own.values())).metadata.slug if own else own_name,
        in_table=in_table,
        parts={part: own[part] for part in PARTS if part in own},
        others=tuple(others[slug] for slug in sorted(others)),
        history=history,
        reading=about.reading,
        samples=about.samples,
        draws=about.draws,
        seed=about.seed,
        precision=about.precision,
    )


def _held_out(in_data: str, trained_on: str) -> tuple[str, ...]:
    """Splits of the in-distribution set that hold no fitted image, in order of preference."""
    if in_data != trained_on:
        return WHOLE_SPLITS
    # One's own folder or file has no test split: `test` and `all` are all of it, fitted images included.
    return ("reference", "calibration") if ":" in trained_on else ("test",)


def _is_set(slug: str, name: str) -> bool:
    """Whether a slug is that of the data set `name`; one's own folders and files have a fingerprint behind the stem."""
    if slug == name:
        return True
    kind, separator, path = name.partition(":")
    stem = re.sub(r"[^a-z0-9]+", "-", Path(path).stem.lower()).strip("-")[:40] or kind
    return bool(separator) and re.fullmatch(re.escape(stem) + r"-[0-9a-f]{8}", slug) is not None


def _without_in_table(comparison: Comparison) -> str:
    split = _held_out(comparison.in_data, comparison.config.data.name)[0]
    return (
        f"{comparison.run}: nothing to compare with under reading {comparison.reading}, S = {comparison.samples}, "
        f"R = {comparison.draws}, seed {comparison.seed}: score {comparison.in_data} ({split}) with the same settings"
    )
