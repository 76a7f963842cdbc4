"""The tables of the overview: the paper's Tables 1 and 2 beside ours, and every score against every set."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import pandas as pd

from app.frame import components
from app.frame.caching import kept
from app.looks.palette import look
from app.looks.wording import bits, rate
from app.reading import baselines, loading, view
from app.reading.measures import Measure
from app.reading.view import Scored, View
from hvae.report import published
from hvae.runs.catalogue import Catalogue
from hvae.runs.settings import Setting
from hvae.scores import Score, find

BUDGET = 0.05

Cells = dict[str, Callable[[Any], str]]


def given(
    found: Catalogue, data: str, ood: Sequence[str], setting: Setting, scores: Iterable[Score]
) -> tuple[list[View], list[str]]:
    """(a view of every score that the tables give, why the others are not among them, one line each)."""
    wanted = [Measure(score) for score in scores]
    makers = [partial(view.view, found, data, ood, setting, one, BUDGET, one.unit) for one in wanted]
    stamps = [loading.stamp(entry) for entry in found.entries]
    return kept("given", (stamps, data, ood, setting, [one.label for one in wanted]), lambda: view.tried(makers))


def bounds(views: Sequence[View]) -> list[View]:
    """Those of -L^{>k}, in bits per dimension."""
    found = [one for one in views if one.measure.score.name == "bound"]
    return [one.under(Measure(one.measure.score, "bits/dim")) for one in found]


def nearest(bounds: Sequence[View]) -> tuple[str, float, float] | None:
    """(The first set found more likely than the own one, else the nearest; bits/dim of both); None where none is."""
    if not bounds or not bounds[0].outside:
        return None
    (_, inner), *others = ((one.slug, float(one.scores.mean())) for one in bounds[0].sets)
    return *next((one for one in others if one[1] < inner), min(others, key=lambda one: one[1])), inner


def usual(views: Sequence[View], name: str) -> View | None:
    """The score of that name at its usual level."""
    level = find(name).usual_level(views[0].depth) if views else None
    return next((one for one in views if (one.measure.score.name, one.measure.score.k) == (name, level)), None)


def table_1(found: Sequence[View]) -> None:
    """Mean of L^{>k} on the own test images and on every OOD set, the paper's figures beside them."""
    data, others = found[0].inside.slug, found[0].slugs[1:]
    pair = next((slug for slug in others if _stated(found[0], ood_data=slug, score="bound")), None)
    rows = []
    for one in found:
        row: dict[str, Any] = {"bound": one.measure.label.removeprefix("-")}
        row |= {each.slug: each.scores.mean() for each in one.sets}
        if pair:
            k = one.measure.score.k
            stated = _stated(one, ood_data=pair, score="bound", k=k)
            ends = (stated[0].bits_in, stated[0].bits_ood) if stated else (None, None)
            row |= {f"paper: {slug}": value for slug, value in zip((data, pair), ends, strict=True)}
        rows.append(row)
    frame = pd.DataFrame(rows)
    symbols = {label.removeprefix("-"): symbol.removeprefix("−") for label, symbol in _symbols(found).items()}
    leading = {one.measure.label.removeprefix("-"): one.choices | {"unit": one.measure.unit} for one in found}
    shown: Cells = {"bound": lambda row: components.leads(symbols[row[0]], "scores", **leading[row[0]])}
    own = 1
    for place, name in enumerate(frame.columns[1:], start=1):
        title = look(name.removeprefix("paper: ")).title
        own = place if name in (data, f"paper: {data}") else own
        shown[f"paper: {title}" if name.startswith("paper: ") else title] = lambda row, place=place, own=own: (
            bits(row[place]) + (f" {components.mark('more likely')}" if row[place] < row[own] else "")
        )
    caption = "Bits per dimension, lower = more likely" + (" (the paper's Table 1)" if pair else "")
    components.listed(frame, shown, caption, name="table-1")


def table_2(found: Sequence[View], slug: str) -> None:
    """The metrics of every score on one pair of sets, the paper's figures beside them.

    The likelihood ratio comes once more where there are tables with more importance samples.
    """
    first, ratio = found[0], usual(found, "llr")
    settings = first.catalogue.settings(first.inside.slug)
    alike = [one for one in settings if (one.reading, one.draws) == (first.setting.reading, first.setting.draws)]
    most = max(alike, key=lambda one: one.samples)
    if ratio and most.samples > first.setting.samples:
        found = [*found, *given(first.catalogue, first.inside.slug, [slug], most, [ratio.measure.score])[0]]
    frame = pd.DataFrame([_row(one, other) for one in found for other in one.outside if other.slug == slug])
    beside = bool(frame["paper_auroc"].notna().any())
    leading = {
        (one.measure.label, one.setting.samples): components.leads(
            one.measure.hinted + (f" (S = {one.setting.samples})" if one.setting.samples > 1 else ""),
            "scores", **one.choices,
        )
        for one in found
    }  # fmt: skip
    cells: Cells = {"score": lambda row: leading[row.score, row.samples], **view.metric_cells()}
    if beside:
        cells["paper"] = lambda row: (
            "–" if pd.isna(row.paper_auroc) else
            " / ".join(rate(getattr(row, f"paper_{name}")) for name in view.METRICS)
        )  # fmt: skip
    cells[""] = lambda row: components.mark("wrong way") if row.full_auroc < view.WRONG_WAY else ""
    caption = f"{look(slug).title} against {look(first.inside.slug).title}, {first.setting}"
    caption += " (the paper's Table 2)" if beside else ""
    components.listed(frame, cells, caption, name="table-2")


def _row(one: View, outside: Scored) -> dict[str, Any]:
    score, samples = one.measure.score, one.setting.samples
    found = _stated(one, ood_data=outside.slug, score=score.name, samples=samples)
    stated = [row for row in found if row.k == score.k]
    paper = {f"paper_{name}": getattr(stated[0], name) if stated else None for name in view.METRICS}
    return {"score": score.label, "samples": samples} | view.metric_columns(one.inside, outside) | paper


def every_set(found: Sequence[View]) -> None:
    """AUROC of every score against each OOD set, and below it what was published."""
    talks = {slug: _stated(found[0], ood_data=slug, source=published.TALK) for slug in view.against(found)}
    stated = {slug: (talk[0].auroc, find(talk[0].score)(talk[0].k).symbol) for slug, talk in talks.items() if talk}
    baselines.auroc_table(found, "AUROC against every OOD set, with 95 % intervals", "every-set", stated or None)


def _stated(one: View, **which: Any) -> list[published.Published]:
    """What the paper states of hierarchical models like this one, of the same images: nothing else can be compared.

    Its models of grey sets have binarised pixels, those of colour sets 8-bit ones, whose bits/dim are others.
    """
    config, data = one.run.config, one.inside.slug
    if config is None or data != one.catalogue.own:
        return []
    if config.data.preprocessing != ("binarise" if config.model.image_shape[0] == 1 else "integer"):
        return []
    like, rows = published.models_like(config.model), published.find(in_data=data, **which)
    return [row for row in rows if row.model in like and row.model in ("HVAE", "BIVA")]


def rivals(found: Sequence[View]) -> dict[str, View]:
    """The scores at their usual levels, which no OOD image chose, by their symbols."""
    usual = [one for one in found if one.measure.score.k == type(one.measure.score).usual_level(one.depth)]
    return {one.measure.symbol: one for one in usual}


def _symbols(found: Sequence[View]) -> dict[str, str]:
    """The name of each score as it stands in a CSV file -> as it stands on a page."""
    return {one.measure.label: one.measure.symbol for one in found}
