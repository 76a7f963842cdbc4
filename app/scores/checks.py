"""How far a score holds: at every level and number of samples, in the label-free rule, under every reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from app.figures import aurocs
from app.figures.aurocs import Panel
from app.figures.layout import Figure
from app.frame import components
from app.frame.caching import kept
from app.looks.palette import look
from app.looks.wording import estimate, literal, percent, rate, score_command
from app.reading import loading
from app.reading import view as views
from app.reading.measures import Measure
from app.reading.view import View
from app.scores.figures import LIKELIHOOD
from hvae.datasets import PARTS
from hvae.datasets.own.preparing import Treatment, usual_fit
from hvae.errors import HvaeError, TableError
from hvae.models.proposal import READINGS
from hvae.runs.settings import Setting
from hvae.scores import SCORES, everything, find

if TYPE_CHECKING:
    from hvae.verdicts.power import Measured
    from hvae.verdicts.rule import Rule

WHAT = {
    "S": ("samples", "S (importance samples)", "More importance samples S tighten L, and every score made of it."),
    "R": ("draws", "R (draws)", "More draws R take noise out of every value: they are means over independent repeats."),
}
"""What a number is called, in sentences and below an axis, and what more of it does."""
ROLES = {"held-out half": "held-out training images", "test": "test images", "ood": ""}


def by_level(view: View) -> None:
    """AUROC of every score at every level, one panel a score; those without levels share one. And the best levels."""
    about = view.inside.table.metadata
    scores = everything(about.depth, about.preprocessing, about.task)
    found, problems = views.tried(partial(view.under, Measure(score)) for score in scores)
    kinds = [[one for one in found if one.measure.score.name == name] for name in SCORES]
    panels = [_levels(kind, view) for kind in kinds if kind and kind[0].measure.score.k is not None]
    if single := [one for one in found if one.measure.score.k is None]:
        panels.append(_levels(single, view, "Scores without levels"))
    title = "AUROC of every score: below .5 it points the wrong way; the grey band marks the choice above"
    stamp = view.measure.label, [one.stamp for one in found]
    figure = kept("levels drawn", stamp, lambda: aurocs.aurocs(panels, title))
    components.chart(figure, aurocs.table(panels), "auroc-by-k", key="levels")
    components.left_out(problems)
    _best([kind for kind in kinds if kind and kind[0].measure.score.paper_chooses_level])


def _levels(found: Sequence[View], chosen: View, heading: str = "") -> Panel:
    """One score at its levels, or under a heading several scores without levels."""
    scores = [view.measure.score for view in found]
    ticks = [score.symbol if heading else str(score.k) for score in scores]
    place = scores.index(chosen.measure.score) if chosen.measure.score in scores else None
    rows = [{"score": score.label} for score in scores]
    return Panel(heading or scores[0].title, "" if heading else "k", ticks, rows, views.against(found), place)


def _best(kinds: Sequence[Sequence[View]]) -> None:
    """Which level of a score has the highest AUROC: it takes OOD images to know."""
    rows = []
    for found in kinds:
        for slug, line in views.against(found).items():
            best = max(line, key=lambda place: line[place].value)
            score = found[best].measure.score
            row = {"ood": slug, "score": score.label, "symbol": score.symbol}
            rows.append(row | views.spread("auroc", line[best]))
    if rows:
        components.listed(
            pd.DataFrame(rows),
            {
                "OOD set": lambda row: look(row.ood).title,
                "best k": lambda row: row.symbol,
                "AUROC ↑": lambda row: estimate(views.estimate_of(row, "auroc")),
            },
            "Best k of each score (chosen with OOD data, as in the paper)",
            name="best-k",
        )


def more_samples(view: View) -> None:
    """AUROC of -L^{>0} and of the chosen score against S and against R, where two settings of the reading exist."""
    tables = [loading.stamp(one) for one in view.catalogue.entries if one.slug in view.slugs]
    charts, problems = kept("samples drawn", (view.stamp, view.setting, tables), lambda: _by_samples(view))
    if not charts:
        return
    text = " ".join(
        [
            *(WHAT[what][2] for what in charts),
            "Each panel has its own scale. Below each mark stands its S or R.",
        ]
    )
    components.section("More samples, more draws", text)
    for what, (figure, table) in charts.items():
        components.chart(figure, table, f"auroc-by-{what}", key=f"by-{what}")
    components.left_out(problems)


def _by_samples(view: View) -> tuple[dict[str, tuple[Figure, pd.DataFrame]], list[str]]:
    charts: dict[str, tuple[Figure, pd.DataFrame]] = {}
    problems: list[str] = []
    for what, (field, axis, _) in WHAT.items():
        ladder = _ladder(view, field)
        panels = []
        for measure in dict.fromkeys([Measure(LIKELIHOOD), replace(view.measure, unit="nats")]):
            found, obstacles = views.tried(partial(view.at, setting=one, measure=measure) for one in ladder)
            problems += obstacles
            numbers = [getattr(one.setting, field) for one in found]
            if lines := {slug: line for slug, line in views.against(found).items() if len(line) > 1}:
                rows = [
                    {"score": measure.label, what: getattr(one.setting, field), "setting": one.setting} for one in found
                ]
                place = next((at for at, one in enumerate(found) if one.setting == view.setting), None)
                panels.append(Panel(measure.symbol, axis, [*map(str, numbers)], rows, lines, place))
        if panels:
            charts[what] = aurocs.aurocs(panels, _change(panels[-1], what), zoomed=True), aurocs.table(panels)
    return charts, problems


def _ladder(view: View, field: str) -> list[Setting]:
    """Settings of the same reading that differ in S (`samples`) or R (`draws`), in their order.

    Many samples are often measured in another precision: where there is a choice, the one that is nearest counts.
    """
    now, rungs = view.setting, {}
    settings = view.catalogue.settings(view.inside.slug)
    for one in sorted(settings, key=lambda one: (one.precision == now.precision, one.seed == now.seed)):
        if replace(one, seed=now.seed, precision=now.precision, **{field: getattr(now, field)}) == now:
            rungs[getattr(one, field)] = one
    return [rungs[number] for number in sorted(rungs)]


def _change(panel: Panel, what: str) -> str:
    ends = {slug: (line[min(line)].value, line[max(line)].value) for slug, line in panel.lines.items()}
    slug = max(ends, key=lambda one: abs(ends[one][1] - ends[one][0]))
    low, high = ends[slug]
    few, many = (panel.ticks[end(panel.lines[slug])] for end in (min, max))
    more = f"{many} {WHAT[what][0]} rather than {few}"
    if abs(high - low) < 0.0005:
        return f"{more} leave AUROC of {panel.heading} where it was"
    verb = "raise" if high > low else "lower"
    return f"{more} {verb} AUROC of {panel.heading} against {look(slug).title} from {rate(low)} to {rate(high)}"


def label_free(view: View) -> None:
    """False alarms and power of the rule that sees no OOD image, beside the threshold chosen above."""
    score, found = view.measure.score, view.catalogue
    every = " at every level" if len(score.levels(view.depth)) > 1 else ""
    components.section(
        "Judged without any OOD image",
        f"No OOD image chooses {'the level or ' if every else ''}the threshold. The {score.title.lower()} of each "
        f"image is ranked in a reference part of the training set{every}, and its smallest rank becomes a p-value on a "
        f"calibration part that nothing else uses. An alarm is raised where p ≤ {percent(view.budget)}.",
    )
    if view.inside.slug != found.own:
        own = look(found.own).title if found.own else "its training set"
        st.info(f"The rule of this run knows {own} only: choose it as the in-distribution set.")
        return
    stamps = [loading.stamp(entry) for entry in found.entries if entry.setting == view.setting]
    try:
        frame = kept("alarms", (view.slugs, score.name, view.budget, stamps), lambda: _alarms(view))
    except HvaeError as error:
        text, _, command = str(error).partition(": hvae ")
        components.missing(f"{text}.", f"hvae {command}") if command else components.problem(text)
        return
    if note := frame["note"].iloc[0]:
        st.caption(literal(note))
    components.listed(
        frame,
        {
            "images": lambda row: f"{look(row.data).title} {ROLES[row.role]}",
            "called OOD": lambda row: percent(row.rate),
            "expected": _expected,
            "how many": lambda row: f"{row.n:,}",
        },
        name="label-free-rule",
    )
    if find(score.name).of_single_images and found.run.config is not None:
        from app.deciding import panel

        made, sets = kept("rule caught", (view.slugs, score.name, stamps), lambda: _measured(view))
        how = Treatment(found.run.config.model.image_shape, usual_fit(found.run.config.data.name))
        panel.show(made, sets, how, view.budget)


def _measured(view: View) -> tuple[Rule, list[Measured]]:
    from hvae.verdicts import power
    from hvae.verdicts.rule import rule

    made = rule(view.catalogue, view.setting, score=view.measure.score.name)
    return made, power.measured(view.catalogue, made)


def _alarms(view: View) -> pd.DataFrame:
    # scipy.stats behind this takes longer to import than the rest of the page: only now, below everything drawn.
    from hvae.report.alarms import rule_alarms
    from hvae.verdicts.rule import rule

    made = rule(view.catalogue, view.setting, score=view.measure.score.name)
    inside = None if view.inside.entry.split in PARTS else view.inside.table
    others = [other.table for other in view.outside]
    return pd.DataFrame(rule_alarms(made, inside, others, view.inside.slug, alphas=(view.budget,)))


def _expected(row: Any) -> str:
    if row.role == "ood":
        return "as high as possible"
    mark = "" if row.low <= row.rate <= row.high else " " + components.mark("outside")
    return f"{percent(row.low)} to {percent(row.high)}{mark}"


def negative_control(view: View) -> None:
    """Fitted against test images of the same set: about .5 for an honest score."""
    components.section(
        "Negative control",
        "Images the model was trained on against test images of the same set. A score should hardly tell these "
        "apart: about .5 means that it reacts to unfamiliar images and not merely to unseen ones.",
    )
    try:
        fitted = view.part("fitted")
    except TableError as error:
        components.problem(str(error))
        return
    if fitted is None:
        command = score_command(view.run.name, view.inside.entry)
        components.missing(
            "The images the model was trained on are not scored under this setting.",
            command.replace(f"--split {view.inside.entry.split}", "--split fitted"),
        )
        return
    one = views.auroc(fitted, view.inside)
    row = {"score": view.measure.label, "fitted": len(fitted.scores), "test": len(view.inside.scores)}
    word = components.mark("about .5", "good") if one.low <= 0.53 and one.high >= 0.47 else components.mark("not .5")
    components.listed(
        pd.DataFrame([row | views.spread("auroc", one)]),
        {
            "score": lambda _: view.measure.symbol,
            "AUROC, test against training images": lambda _: estimate(one),
            "": lambda _: word,
            "training images": lambda row: f"{row.fitted:,}",
            "test images": lambda row: f"{row.test:,}",
        },
        name="negative-control",
    )


def readings(view: View) -> None:
    """The same score under every reading whose tables exist, one row an OOD set and reading."""
    settings = [replace(view.setting, reading=reading) for reading in READINGS]
    there = [one for one in settings if view.catalogue.find(view.inside.slug, one)]
    found, problems = views.tried(partial(view.at, setting=setting) for setting in there)
    rows = [
        {"ood": slug, "reading": found[place].setting.reading, **views.spread("auroc", one)}
        for slug, line in views.against(found).items()
        for place, one in line.items()
        if len(line) > 1
    ]
    if not rows:
        return
    components.section(
        "Readings side by side",
        "The paper's L<sup>&gt;k</sup> can be read in four ways, and the published code changed its reading once. "
        f"AUROC of {view.measure.symbol} under each:",
    )
    components.listed(
        pd.DataFrame(rows),
        {
            "OOD set": lambda row: look(row.ood).title,
            "reading": lambda row: f"{row.reading}{' (chosen)' if row.reading == view.setting.reading else ''}",
            "AUROC ↑": lambda row: estimate(views.estimate_of(row, "auroc")),
        },
        name="readings",
    )
    components.left_out(problems)
