"""What is looked at: image sets of a run under one setting, with their values and metrics of one score, made once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import pandas as pd

from app.frame.caching import kept
from app.looks.wording import estimate
from app.reading import loading
from app.reading.measures import Measure
from hvae import stats
from hvae.errors import TableError
from hvae.report.line_ups import shared_rows
from hvae.runs.catalogue import Catalogue, TableEntry
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable
from hvae.runs.settings import Setting
from hvae.stats import Density, Estimate, PairedDifference, PrecisionRecallCurve, RocCurve
from hvae.stats.arrays import Floats, Indices

T = TypeVar("T")

METRICS = {"auroc": "AUROC ↑", "auprc": "AUPRC ↑", "fpr80": "FPR80 ↓"}
"""Name in a frame -> heading."""

WRONG_WAY = 0.45
"""AUROC below which a score points the wrong way."""
GUESSING, TELLS = 0.6, 0.9
"""AUROC below which a score is near guessing, and from which on it is said to tell two sets apart, on every page."""

RESAMPLES = 100
"""Of the bootstrap: the ends of an interval are good to two digits, and a page opens at once."""


@dataclass(frozen=True, eq=False)
class Scored:
    """An image set with its values of one score; the stamp names them for caches."""

    entry: TableEntry
    table: ScoreTable
    measure: Measure
    scores: Floats
    stamp: str

    @property
    def slug(self) -> str:
        """Of the set."""
        return self.entry.slug


@dataclass(frozen=True, eq=False)
class View:
    """What is shown of a run: its sets under one setting, measured by one score.

    `unscored` are slugs without a table under the setting, `problems` why a set could not be shown, one line each;
    `unit` is as chosen, and that of the measure another where the score has none in it.
    """

    catalogue: Catalogue
    setting: Setting
    measure: Measure
    inside: Scored
    outside: tuple[Scored, ...]
    unscored: tuple[str, ...]
    problems: tuple[str, ...]
    budget: float
    unit: str

    @property
    def run(self) -> RunEntry:
        """Whose sets these are."""
        return self.catalogue.run

    @property
    def depth(self) -> int:
        """Number of latent layers L."""
        return self.inside.table.metadata.depth

    @property
    def choices(self) -> dict[str, object]:
        """What the address says of its run, score and setting; for links."""
        one, how = self.measure.score, self.setting
        level = {} if one.k is None else {"k": one.k}
        return {
            "run": self.run.name,
            "score": one.name,
            **level,
            "reading": how.reading,
            "S": how.samples,
            "R": how.draws,
        }

    @property
    def sets(self) -> tuple[Scored, ...]:
        """The in-distribution set, then the others."""
        return (self.inside, *self.outside)

    @property
    def slugs(self) -> list[str]:
        """Of the sets."""
        return [one.slug for one in self.sets]

    @property
    def stamp(self) -> str:
        """Names all values of the view, for caches."""
        return "\n".join(one.stamp for one in self.sets)

    def by(self, measure: Measure, one: Scored | None = None) -> Scored:
        """A set (the in-distribution one by default) under another score. Raises a TableError."""
        return scored(self.catalogue, (one or self.inside).entry, measure)

    def under(self, measure: Measure) -> View:
        """The same sets under another score; those that lack what it needs become problems. Raises a TableError."""
        return self.at(measure=measure)

    def at(self, **changes: Any) -> View:
        """The same sets in another catalogue, setting or measure, those that are scored there. Raises a TableError."""
        asked = {"catalogue": self.catalogue, "setting": self.setting, "measure": self.measure} | changes
        slugs = [one.slug for one in self.outside]
        return view(data=self.inside.slug, ood=slugs, budget=self.budget, unit=self.unit, **asked)

    def only(self, slugs: Sequence[str]) -> View:
        """The in-distribution set and those of the others that are named."""
        return replace(self, outside=tuple(one for one in self.outside if one.slug in slugs))

    def part(self, split: str) -> Scored | None:
        """A part of the training set (`fitted`, `reference`, `calibration`) under the same setting and score."""
        entry = self.catalogue.find(self.inside.slug, self.setting, (split,))
        return scored(self.catalogue, entry, self.measure) if entry else None


def view(
    catalogue: Catalogue, data: str, ood: Sequence[str], setting: Setting, measure: Measure, budget: float, unit: str
) -> View:
    """The sets of a run under a setting and score. Raises a TableError where the in-distribution set is away."""
    own = catalogue.find(data, setting)
    if own is None:
        raise TableError(f"{catalogue.run.name} has no scores of {data} under {setting}")
    found = {slug: catalogue.find(slug, setting) for slug in ood}
    outside, problems = tried(partial(scored, catalogue, entry, measure) for entry in found.values() if entry)
    unscored = tuple(slug for slug, entry in found.items() if entry is None)
    inside = scored(catalogue, own, measure)
    return View(catalogue, setting, measure, inside, tuple(outside), unscored, tuple(problems), budget, unit)


def scored(catalogue: Catalogue, entry: TableEntry, measure: Measure) -> Scored:
    """An image set with its values of a score, computed once. Raises a TableError that says what is missing."""
    reference = reference_part(catalogue, entry.setting) if measure.score.needs_reference else None
    table = loading.table(catalogue, entry)
    fitted_to = loading.table(catalogue, reference) if reference else None
    stamps = [loading.stamp(one, reference) for one in (entry, reference) if one]
    stamp = "|".join([*stamps, measure.label])
    values = kept("scores", stamp, lambda: measure.score.of(table, fitted_to))
    return Scored(entry, table, measure, measure.shown(values, table), f"{stamp}|{measure.unit}")


def reference_part(catalogue: Catalogue, setting: Setting) -> TableEntry | None:
    """What scores are fitted to under a setting; None where it is not scored."""
    return catalogue.find(catalogue.own or "", setting, ("reference",))


def auroc(inside: Scored, outside: Scored) -> Estimate:
    """AUROC of all images of both sets, with its interval; no unit changes it."""
    return _pair("auroc", inside, outside, lambda: stats.auroc(inside.scores, outside.scores))


def reached(one: View, slug: str) -> float | None:
    """AUROC against a set; None where that is not among the others of the view."""
    found = next((outside for outside in one.outside if outside.slug == slug), None)
    return None if found is None else auroc(one.inside, found).value


def in_common(one: Scored, other: Scored) -> tuple[Indices, Indices] | None:
    """The rows of the images of a set that two runs have both scored; None where they scored others, or hardly any."""
    rows = shared_rows([one.table, other.table])
    if rows is None or 2 * len(rows[0]) < min(len(one.scores), len(other.scores)):
        return None
    return rows[0], rows[1]


def gain(inside: Scored, outside: Scored, other_inside: Scored, other_outside: Scored) -> PairedDifference | None:
    """AUROC of the first pair minus that of the second, on the images of both; None where they hold other ones."""
    stamps = [one.stamp for one in (inside, outside, other_inside, other_outside)]

    def difference() -> PairedDifference | None:
        ours, theirs = in_common(inside, other_inside), in_common(outside, other_outside)
        if ours is None or theirs is None:
            return None
        first = inside.scores[ours[0]], outside.scores[theirs[0]]
        return stats.paired_auroc_difference(*first, other_inside.scores[ours[1]], other_outside.scores[theirs[1]])

    return kept("gain", stamps, difference)


def spread(name: str, one: Estimate | PairedDifference) -> dict[str, object]:
    """An estimate as three columns of a frame: NAME, NAME_low and NAME_high."""
    return {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}


def estimate_of(row: Any, name: str) -> Estimate:
    """The estimate in the columns that `spread` made, of a row of the frame."""
    return Estimate(*(getattr(row, f"{name}{end}") for end in ("", "_low", "_high")))


def summary(inside: Scored, outside: Scored) -> dict[str, dict[str, Estimate]]:
    """`hvae.stats.summary`: the metrics on `full` sets and on `equal` ones."""
    return _pair("summary", inside, outside, lambda: stats.summary(inside.scores, outside.scores, n_boot=RESAMPLES))


def metric_columns(inside: Scored, outside: Scored) -> dict[str, Any]:
    """The metrics on all images (`full_auroc` ...) and, as in the paper, on equal numbers of them (`equal_auroc`)."""
    row: dict[str, Any] = {"n_in": len(inside.scores), "n_ood": len(outside.scores)}
    for images, estimates in summary(inside, outside).items():
        for name, one in estimates.items():
            row |= spread(f"{images}_{name}", one)
    return row


def metric_cells() -> dict[str, Callable[[Any], str]]:
    """Headings and cells of the metrics on all images, and how many these are."""
    cells: dict[str, Callable[[Any], str]] = {
        heading: lambda row, name=name: estimated(row, f"full_{name}") for name, heading in METRICS.items()
    }
    return cells | {"images": lambda row: "" if pd.isna(row.n_ood) else f"{row.n_in:,.0f} against {row.n_ood:,.0f}"}


def estimated(row: Any, name: str) -> str:
    """The estimate in a row, `not scored` where it has none."""
    return "not scored" if pd.isna(getattr(row, name)) else estimate(estimate_of(row, name))


def curves(inside: Scored, outside: Scored) -> tuple[RocCurve, PrecisionRecallCurve]:
    """ROC and precision-recall curve, thinned for drawing."""
    pair = inside.scores, outside.scores
    return _pair("curves", inside, outside, lambda: (stats.roc_curve(*pair), stats.precision_recall_curve(*pair)))


def tried(makers: Iterable[Callable[[], T]]) -> tuple[list[T], list[str]]:
    """(what can be made, why the rest or some of the sets of a view cannot)."""
    found, problems = [], []
    for make in makers:
        try:
            found.append(one := make())
            problems += one.problems if isinstance(one, View) else ()
        except TableError as error:
            problems.append(str(error))
    return found, problems


def against(found: Sequence[View]) -> dict[str, dict[int, Estimate]]:
    """OOD set -> place of the view among those found -> AUROC."""
    lines: dict[str, dict[int, Estimate]] = {}
    for place, one in enumerate(found):
        for other in one.outside:
            lines.setdefault(other.slug, {})[place] = auroc(one.inside, other)
    return lines


def densities(sets: Sequence[Scored]) -> list[Density]:
    """Binned densities of several sets, over shared edges."""

    def make() -> list[Density]:
        edges = stats.shared_edges([one.scores for one in sets])
        return [stats.density(one.scores, edges) for one in sets]

    return kept("densities", [one.stamp for one in sets], make)


def _pair(what: str, inside: Scored, outside: Scored, make: Callable[[], T]) -> T:
    return kept(what, f"{inside.stamp}\n{outside.stamp}", make)
