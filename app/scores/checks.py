"""Checks below the figures of the Scores page: the label-free rule, the negative control, and the readings."""

from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from app.frame import components
from app.frame.caching import kept
from app.looks.palette import look
from app.looks.wording import estimate, percent, score_command
from app.reading import loading
from app.reading import view as views
from app.reading.view import View
from app.scores import levels
from hvae.datasets import PARTS
from hvae.errors import HvaeError, TableError
from hvae.models.proposal import READINGS

ROLES = {"held-out half": "held-out training images", "test": "test images", "ood": ""}


def label_free(view: View) -> None:
    """False alarms and power of the rule that sees no OOD image, beside the threshold chosen above."""
    score, found = view.measure.score, view.catalogue
    every = " at every k" if len(score.levels(view.depth)) > 1 else ""
    components.section(
        "Judged without any OOD image",
        f"No OOD image chooses {'k or ' if every else ''}the threshold: the {score.title.lower()} of each image is "
        f"ranked in a reference part of the training set{every}, and its smallest rank becomes a p-value on a "
        f"calibration part that nothing else uses. An alarm is p ≤ {percent(view.budget)}.",
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
    components.listed(
        frame,
        {
            "images": lambda row: f"{look(row.data).title} {ROLES[row.role]}",
            "called OOD": lambda row: percent(row.rate),
            "expected": _expected,
            "n": lambda row: f"{row.n:,}",
        },
        name="label-free-rule",
    )


def _alarms(view: View) -> pd.DataFrame:
    # scipy.stats behind this takes longer to import than the rest of the page: only now, below everything drawn.
    from hvae.report.alarms import rule_alarms
    from hvae.verdicts.rule import rule

    made = rule(view.catalogue, view.setting, score=view.measure.score.name)
    inside = None if view.inside.entry.split in PARTS else view.inside.table
    others = [other.table for other in view.outside]
    return pd.DataFrame(rule_alarms(made, inside, others, view.inside.slug, alpha=view.budget))


def _expected(row: Any) -> str:
    if row.role == "ood":
        return "as high as possible"
    mark = "" if row.low <= row.rate <= row.high else " " + components.mark("outside")
    return f"{percent(row.low)} to {percent(row.high)}{mark}"


def negative_control(view: View) -> None:
    """Fitted against test images of the same set: about .5 for an honest score."""
    components.section(
        "Negative control",
        "Images the model was fitted on against test images of the same set. A score that tells OOD images apart, and "
        "not merely unseen ones, gives about .5 here.",
    )
    try:
        fitted = view.part("fitted")
    except TableError as error:
        components.problem(str(error))
        return
    if fitted is None:
        command = score_command(view.run.name, view.inside.entry)
        components.missing(
            "The fitted images are not scored under this setting.",
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
            "AUROC, test against fitted": lambda _: estimate(one),
            "": lambda _: word,
            "fitted": lambda row: f"{row.fitted:,}",
            "test": lambda row: f"{row.test:,}",
        },
        name="negative-control",
    )


def readings(view: View) -> None:
    """The same score under every reading whose tables exist, one row an OOD set and reading."""
    settings = [replace(view.setting, reading=reading) for reading in READINGS]
    there = [one for one in settings if view.catalogue.find(view.inside.slug, one)]
    found, problems = views.tried(partial(view.at, setting=setting) for setting in there)
    rows = []
    for slug, line in views.against(found).items():
        for place, one in line.items() if len(line) > 1 else ():
            rows.append({"ood": slug, "reading": found[place].setting.reading, **views.spread("auroc", one)})
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
    levels.left_out(problems)
