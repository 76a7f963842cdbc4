"""Runs set against one another on the same images: which of their tables hold them, and in which rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from hvae.datasets.base import spread_rows
from hvae.errors import TableError
from hvae.runs.catalogue import Catalogue
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable
from hvae.runs.settings import Setting
from hvae.scores.backgrounds import Choice, choose
from hvae.scores.companions import find_companions, joined
from hvae.stats.arrays import Indices


@dataclass(frozen=True, eq=False)
class Entrant:
    """One run of a line-up: its tables under one setting, and where in each the common images stand."""

    catalogue: Catalogue
    setting: Setting
    tables: Mapping[str, ScoreTable]
    """By slug, the in-distribution set first, as they are stored, the columns of the companions given beside them."""
    reference: ScoreTable | None
    """The part of the training set that scores are fitted to; None where it is not scored under the setting."""
    rows: Mapping[str, Indices]
    """By slug, the rows of the common images `(n,)`, in the same order for every run."""
    background: Choice = Choice()
    """The background model that stands beside its tables."""
    backgrounds: tuple[RunEntry, ...] = ()
    """Those it was chosen of."""

    @property
    def name(self) -> str:
        """Of the run."""
        return self.catalogue.run.name

    def images(self, slug: str) -> ScoreTable:
        """The statistics of the common images of a set."""
        return self.tables[slug].take(self.rows[slug])


@dataclass(frozen=True, eq=False)
class LineUp:
    """Runs of one training set whose tables hold the same images."""

    in_data: str
    """Slug of the in-distribution set: the one that the first run was trained on."""
    sets: tuple[str, ...]
    """Slugs of the OOD sets."""
    entrants: tuple[Entrant, ...]
    refused: tuple[str, ...]
    """One line for each run that cannot be set against the first, and why."""

    @property
    def runs(self) -> list[str]:
        """Names of the runs that take part, those that are the background of another with them."""
        backgrounds = [run.name for one in self.entrants for run in one.backgrounds]
        return list(dict.fromkeys([*(one.name for one in self.entrants), *backgrounds]))

    @property
    def choices(self) -> list[str]:
        """One line for each run whose background model had to be chosen of several."""
        return [line for one in self.entrants if (line := one.background.in_words(one.name))]


def line_up(catalogues: Sequence[Catalogue], sets: Sequence[str], **asked: object) -> LineUp:
    """The runs that have the same images of the first one's own set and of other `sets`, named by slug or as asked for.

    Each run takes part with its usual setting among those that have all the sets; `asked` are fields of `Setting`, None
    leaving one open. Companions of a run among the others (`hvae.scores.companions`) stand beside its tables; one that
    is the background of another is nothing by itself. Tables of one image set are aligned by `example`; where a table
    is of some images spread over a whole set that another run has scored, by their places in the whole.

    Raises:
        TableError: the first run lacks a set, or no set is left beside its own.
    """
    first, own = catalogues[0], catalogues[0].own
    if own is None:
        raise TableError(f"{first.run.name} has no scores of the set it was trained on: hvae score {first.run.name}")
    slugs = tuple(dict.fromkeys(slug for name in sets if (slug := _slug(first, name)) != own))
    if not slugs:
        raise TableError(f"name a set beside {own}, which {first.run.name} was trained on, with --data")
    runs = [one.run for one in catalogues]
    backgrounds = {one.path for run in runs for one in find_companions(run, runs)["background"]} - {first.run.path}
    found, refused = [_entrant(first, own, slugs, asked, runs)], []
    for other in (one for one in catalogues[1:] if one.run.path not in backgrounds):
        try:
            if other.own != own:
                raise TableError(
                    f"{other.run.name} was trained on {other.own or 'a set it has no scores of'}, {first.run.name} on "
                    f"{own}: only runs of one training set can be compared"
                )
            found.append(_entrant(other, own, slugs, asked, runs))
        except TableError as error:
            refused.append(str(error))
    kept, unlike = _aligned(found)
    return LineUp(own, slugs, kept, (*refused, *unlike))


def _slug(found: Catalogue, name: str) -> str:
    """A set by its slug or as it was asked for when it was scored; as it is where the run has not scored it."""
    return next((one.slug for one in found.entries if name in (one.slug, one.metadata.data)), name)


def _entrant(
    found: Catalogue, own: str, sets: Sequence[str], asked: Mapping[str, object], runs: Sequence[RunEntry]
) -> Entrant:
    """A run with its whole tables under the setting that lacks the fewest. Raises a TableError where one lacks any."""
    name = found.run.name
    wanted = {field: value for field, value in asked.items() if value is not None}
    settings = [one for one in found.settings(own) if all(getattr(one, field) == wanted[field] for field in wanted)]
    if not settings:
        under = "".join(f" with {field} = {value}" for field, value in wanted.items())
        raise TableError(f"{name} has no scores of {own}{under}: hvae score {name} --data {own}")

    def lacking(setting: Setting) -> list[str]:
        return [slug for slug in sets if found.find(slug, setting) is None]

    setting = min(settings, key=lambda one: (len(lacking(one)), found.find(own, one, ("reference",)) is None))
    if absent := lacking(setting):
        raise TableError(
            f"{name} has no scores of {', '.join(absent)} under {setting}: hvae score {name} --data {' '.join(absent)} "
            f"{setting.options}"
        )
    companions = find_companions(found.run, runs)
    entries = {slug: found.find(slug, setting) for slug in (own, *sets)}
    chosen = choose(found, companions["background"], setting)
    tables = {slug: joined(found.read(entry), companions, chosen) for slug, entry in entries.items() if entry}
    part = found.find(own, setting, ("reference",))
    reference = joined(found.read(part), companions, chosen) if part else None
    return Entrant(found, setting, tables, reference, {}, chosen, tuple(companions["background"]))


def _aligned(found: Sequence[Entrant]) -> tuple[tuple[Entrant, ...], list[str]]:
    """(those that hold the images of the first, with their rows, why the others do not)."""
    first, kept, refused = found[0], [], []
    totals = {slug: _total([one.tables[slug] for one in found]) for slug in first.tables}
    common = {slug: _places(table, totals[slug]) for slug, table in first.tables.items()}
    for one in found:
        try:
            common |= {slug: _shared(one, first, slug, common[slug], totals[slug]) for slug in first.tables}
        except TableError as error:
            refused.append(str(error))
            continue
        kept.append(one)
    rows = [
        {slug: np.searchsorted(_places(table, totals[slug]), common[slug]) for slug, table in one.tables.items()}
        for one in kept
    ]
    return tuple(replace(one, rows=where) for one, where in zip(kept, rows, strict=True)), refused


def shared_rows(tables: Sequence[ScoreTable]) -> list[Indices] | None:
    """The rows of each table that hold the images all of them have, in one order; None where they are of others."""
    total, hashes = _total(tables), {one.metadata.data_fingerprint for one in tables}
    if len({(one.metadata.split, _whole(one)) for one in tables}) > 1 or (total is None and len(hashes) > 1):
        return None
    places = [_places(one, total) for one in tables]
    common = reduce(np.intersect1d, places)
    return [np.searchsorted(where, common) for where in places]


def _total(tables: Sequence[ScoreTable]) -> int | None:
    """How many images the whole set has that the first table is of, or of some of; None where no table is whole."""
    whole = _whole(tables[0])
    return next((len(one) for one in tables if one.metadata.data_fingerprint == whole), None)


def _whole(table: ScoreTable) -> str:
    """Fingerprint of the whole set."""
    return table.metadata.origin or table.metadata.data_fingerprint


def _places(table: ScoreTable, total: int | None) -> Indices:
    """Where its images stand in the whole set of `total` images, ascending; among themselves where that is unknown."""
    if total is None or _whole(table) == table.metadata.data_fingerprint:
        return table.frame["example"].to_numpy(np.intp)
    return spread_rows(total, len(table))


def _shared(one: Entrant, first: Entrant, slug: str, common: Indices, total: int | None) -> Indices:
    """The common places that a run has too. Raises a TableError where its images are others, or hardly the same."""
    known, table = first.tables[slug], one.tables[slug]
    about, own = known.metadata, table.metadata
    alike = own.data_fingerprint == about.data_fingerprint or (total is not None and _whole(table) == _whole(known))
    if alike and own.split == about.split:
        mine, whose = _places(table, total), _places(known, total)
        both = common if np.array_equal(common, mine) else np.intersect1d(common, mine)
        labels, wanted = (
            each.frame["label"].to_numpy()[np.searchsorted(places, both)]
            for each, places in ((table, mine), (known, whose))
        )
        if 2 * len(both) >= min(len(common), len(mine)) and np.array_equal(labels, wanted):
            return both
    raise TableError(
        f"{one.name} has scored other images of {slug} ({own.split}, {len(table):,} of them) than {first.name} "
        f"({about.split}, {len(known):,}): score both alike, with one --split and --limit"
    )
