"""The tables of the overview: the paper's Tables 1 and 2 beside ours, and every score against every set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from app.frame import components
from app.looks.palette import look
from app.looks.wording import bits, estimate, rate
from app.reading import view as views
from app.reading.view import Scored, View
from hvae.report import published
from hvae.scores import find
from hvae.stats import Estimate

METRICS = {"auroc": "AUROC ↑", "auprc": "AUPRC ↑", "fpr80": "FPR80 ↓"}
WRONG_WAY = 0.45


def mean_bits(one: Scored) -> float:
    """Mean of a bound measured in bits per dimension; lower = more likely."""
    return float(one.scores.mean())


def table_1(bounds: Sequence[View]) -> None:
    """Mean of L^{>k} on the own test images and on every OOD set, the paper's figures beside them."""
    first = bounds[0]
    data = first.inside.slug
    pair = next(
        (one.slug for one in first.outside if published.find(in_data=data, ood_data=one.slug, score="bound")), ""
    )
    rows = []
    for one in bounds:
        row: dict[str, object] = {"bound": one.measure.label.removeprefix("-")}
        row |= {each.slug: mean_bits(each) for each in one.sets}
        if pair:
            paper = published.find(model="HVAE", in_data=data, ood_data=pair, score="bound", k=one.measure.score.k)
            stated = paper[0] if paper else None
            row |= {f"paper: {data}": stated and stated.bits_in, f"paper: {pair}": stated and stated.bits_ood}
        rows.append(row)
    frame = pd.DataFrame(rows)
    symbols = {one.measure.label.removeprefix("-"): one.measure.symbol.removeprefix("−") for one in bounds}
    shown: dict[str, Callable[[Any], str]] = {"bound": lambda row: symbols[row[0]]}
    own = 1
    for place, name in enumerate(frame.columns[1:], start=1):
        paper, slug = name.startswith("paper: "), name.removeprefix("paper: ")
        own = place if slug == data else own
        shown[f"{'paper: ' if paper else ''}{look(slug).title}"] = lambda row, place=place, own=own: _bits(
            row[place], row[own]
        )
    caption = "Bits per dimension, lower = more likely (the paper's Table 1)"
    components.listed(frame, shown, caption, name="table-1")


def _bits(value: float | None, own: float | None) -> str:
    if pd.isna(value):
        return "–"
    return bits(value) + (" " + components.mark("more likely") if value < own else "")


def table_2(found: Sequence[View], slug: str, more: Sequence[View]) -> None:
    """The metrics of every score on one pair of sets, all images of both, the paper's figures beside them.

    `more` are views under another number of importance samples.
    """
    rows = []
    for one in [*found, *more]:
        outside = next((each for each in one.outside if each.slug == slug), None)
        if outside is None:
            continue
        row: dict[str, Any] = {"score": one.measure.label, "samples": one.setting.samples}
        row |= {"n_in": len(one.inside.table), "n_ood": len(outside.table)}
        for metric, value in views.summary(one.inside, outside)["full"].items():
            row |= views.spread(metric, value)
        paper = published.find(
            model="HVAE", in_data=one.inside.slug, ood_data=slug, score=one.measure.score.name,  # type: ignore[arg-type]
            k=one.measure.score.k, samples=one.setting.samples,
        )  # fmt: skip
        row |= {f"paper_{metric}": getattr(paper[0], metric) if paper else None for metric in METRICS}
        rows.append(row)
    if not rows:
        return
    first, symbols = found[0], _symbols(found)
    components.listed(
        pd.DataFrame(rows),
        {
            "score": lambda row: symbols[row.score] + (f" (S = {row.samples})" if row.samples > 1 else ""),
            **{title: lambda row, name=name: estimate(views.estimate_of(row, name)) for name, title in METRICS.items()},
            "paper": lambda row: _stated([getattr(row, f"paper_{metric}") for metric in METRICS]),
            "": lambda row: components.mark("wrong way") if row.auroc < WRONG_WAY else "",
        },
        f"{look(slug).title} against {look(first.inside.slug).title}, {rows[0]['n_ood']:,} against "
        f"{rows[0]['n_in']:,} images, {first.setting} (the paper's Table 2)",
        name="table-2",
    )


def _stated(figures: Sequence[float | None]) -> str:
    return " / ".join("–" if pd.isna(one) else rate(one) for one in figures) if any(map(pd.notna, figures)) else "–"


def every_set(found: Sequence[View]) -> None:
    """AUROC of every score against each OOD set, and below it what was published."""
    slugs = list(dict.fromkeys(other.slug for one in found for other in one.outside))
    rows = []
    for one in found:
        row: dict[str, object] = {"score": one.measure.label}
        for other in one.outside:
            row |= views.spread(other.slug, views.auroc(one.inside, other))
        rows.append(row)
    data = found[0].inside.slug
    talks = {slug: published.find(in_data=data, ood_data=slug, source=published.TALK) for slug in slugs}
    rows.append({"score": "published talk"} | {slug: talk[0].auroc for slug, talk in talks.items() if talk})
    columns = ["score", *(slug + end for slug in slugs for end in ("", "_low", "_high"))]

    def cell(row: Sequence[Any], place: int, slug: str) -> str:
        value, low, high = row[3 * place + 1 : 3 * place + 4]
        if pd.isna(value):
            return "–"
        if pd.notna(low):
            return estimate(Estimate(value, low, high))
        return f"{rate(value)} ({find(talks[slug][0].score)(talks[slug][0].k).symbol})"

    symbols = _symbols(found)
    shown: dict[str, Callable[[Any], str]] = {"score": lambda row: symbols.get(row[0], row[0])}
    shown |= {
        look(slug).title: lambda row, place=place, slug=slug: cell(row, place, slug) for place, slug in enumerate(slugs)
    }
    caption = "AUROC against every OOD set, with 95 % intervals"
    components.listed(pd.DataFrame(rows).reindex(columns=columns), shown, caption, name="every-set")


def _symbols(found: Sequence[View]) -> dict[str, str]:
    """The name of each score as it stands in a CSV file -> as it stands on a page."""
    return {one.measure.label: one.measure.symbol for one in found}
