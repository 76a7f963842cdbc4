"""What the tables of a run give: a view for every score of the registry, and why some scores are absent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.reading import view
from app.reading.measures import Measure
from app.reading.view import View
from hvae.errors import TableError
from hvae.runs.catalogue import Catalogue
from hvae.runs.settings import Setting
from hvae.scores import SCORES, Score, at_every_level, everything, find

BUDGET = 0.05


@dataclass(frozen=True, eq=False)
class Given:
    """Views of one run under its usual setting, by score in the order of the registry.

    `bounds` are those of L^{>k} in bits per dimension; `more` those of the usual likelihood ratio with more importance
    samples; `absent` says which scores there are not and why, one line each.
    """

    views: tuple[View, ...]
    bounds: tuple[View, ...]
    more: tuple[View, ...]
    absent: tuple[str, ...]

    @property
    def slugs(self) -> list[str]:
        """OOD sets that some score has."""
        return list(dict.fromkeys(other.slug for one in self.views for other in one.outside))

    def usual(self, name: str) -> View | None:
        """The score of that name at its usual level."""
        wanted = [one for one in self.views if one.measure.score.name == name]
        level = find(name).usual_level(wanted[0].depth) if wanted else None
        return next((one for one in wanted if one.measure.score.k == level), None)


def given(found: Catalogue, data: str, ood: Sequence[str]) -> Given | None:
    """Every score that the tables of a run give; None where the in-distribution set has none at all."""
    settings = found.settings(data)
    own = found.find(data, settings[0]) if settings else None
    if own is None:
        return None
    usual, depth = settings[0], own.metadata.depth
    absent = [
        f"{score.title} has nothing to say about a model of {depth} latent layers"
        for score in SCORES.values()
        if not score.levels(depth)
    ]
    views = [_view(found, data, ood, usual, Measure(score), absent) for score in everything(depth)]
    bounds = [
        _view(found, data, ood, usual, Measure(score, "bits/dim"), []) for score in at_every_level("bound", depth)
    ]
    return Given(
        tuple(one for one in views if one),
        tuple(one for one in bounds if one),
        tuple(_more(found, data, ood, settings, depth)),
        tuple(dict.fromkeys(absent)),
    )


def _more(found: Catalogue, data: str, ood: Sequence[str], settings: Sequence[Setting], depth: int) -> list[View]:
    """The likelihood ratio with the most importance samples that there are beside the usual number."""
    usual = settings[0]
    tighter = [one for one in settings if (one.reading, one.draws) == (usual.reading, usual.draws)]
    most = max(tighter, key=lambda one: one.samples)
    ratio: Sequence[Score] = at_every_level("llr", depth)[:1] if most.samples > usual.samples else ()
    views = [_view(found, data, ood, most, Measure(score), []) for score in ratio]
    return [one for one in views if one]


def _view(
    found: Catalogue, data: str, ood: Sequence[str], setting: Setting, measure: Measure, absent: list[str]
) -> View | None:
    """The sets under a score; what is in its way is added to the lines."""
    try:
        one = view.view(found, data, ood, setting, measure, BUDGET, measure.unit)
    except TableError as error:
        absent.append(str(error))
        return None
    absent += one.problems
    return one
