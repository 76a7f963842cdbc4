"""How images are to be judged: the score, the rule, the setting, the runs; and the command that does the same."""

from __future__ import annotations

import shlex

import streamlit as st

from app.frame import controls
from app.frame.state import Selection
from app.looks.wording import literal
from app.reading import choosing, loading
from app.score_images.sources import Given
from app.score_images.store import JudgedBy, Settings
from hvae.datasets.own.outside import Treatment
from hvae.errors import TableError
from hvae.runs.catalogue import Catalogue
from hvae.runs.folders import RunEntry
from hvae.runs.settings import Setting
from hvae.scores import SCORES, at_every_level, computable
from hvae.verdicts import rule

SIDES = ("high", "high or low")
STATISTIC_HELP = (
    "Of a score with levels. rank: the k at which it ranks highest among the reference images. difference: the k at "
    "which it lies most standard deviations above them, as the paper suggests for single images."
)
SIDES_HELP = (
    "high: the higher a score, the more out-of-distribution. high or low: the rule is two-sided, so that images that "
    "fit too well stand out as well."
)
FURTHER_HELP = (
    "Which run knows each image best? Run A, and run B where one is chosen, come from the sidebar. Each further run "
    "takes as long again."
)
MOST_FURTHER, MOST_LEFT_OUT = 8, 5
"""Runs beside run A, each of which takes as long, and runs that do not fit of which it is said why."""


def choose(
    selection: Selection, found: Catalogue, given: Given | None, how: Treatment
) -> tuple[Settings, tuple[RunEntry, ...]]:
    """Draw the controls: how the images are to be judged, and by which runs, run A first.

    `found` are the tables of run A, its parts scored under one setting at least; run B judges along where it can.
    """
    setting = choosing.choose_setting(found.rule_settings())
    obstacles = {name: obstacle(found, setting, name) for name in SCORES}
    offered = [name for name, why in obstacles.items() if not why]
    if not offered:
        raise TableError(f"{found.run.name} gives no score that could judge images: {next(iter(obstacles.values()))}")
    about = " ".join(f"{name}: {SCORES[name].about}" for name in offered)
    with controls.bar("rule-bar"):
        score = controls.choose("Judged by", "score", offered, rule.USUAL_SCORE, help=about)
        statistic = controls.choose("Levels together", "statistic", rule.STATISTICS, help=STATISTIC_HELP)
        sides = controls.choose("Unusual are scores too", "sides", SIDES, help=SIDES_HELP)
    for why in filter(None, obstacles.values()):
        st.caption(f"Cannot judge here: {literal(why)}.")
    further = _further(selection, found.run, setting, score)
    settings = Settings(
        run=found.run.name,
        setting=setting,
        source=given.title if given else "",
        **vars(how),
        score=score,
        depth=found.run.depth or 0,
        statistic=statistic,  # type: ignore[arg-type]
        two_sided=sides == SIDES[1],
        also=tuple(JudgedBy(run=one.name, setting=alike(loading.catalogue(one), setting)) for one in further),
    )
    return settings, (found.run, *further)


def obstacle(found: Catalogue, setting: Setting, score: str) -> str:
    """Why a run whose parts are scored under a setting cannot judge by a score; empty where it can."""
    entries = [found.find(found.own or "", setting, (part,)) for part in ("reference", "calibration")]
    parts = [loading.table(found, entry) for entry in entries if entry]
    levels = at_every_level(score, found.run.depth or 0)
    if not levels:
        return f"{SCORES[score].title} has nothing to say about a model of {found.run.depth} latent layers"
    return next(iter(computable(levels, parts, parts[0])[1]), "")


def alike(found: Catalogue, setting: Setting) -> Setting:
    """The setting of a further run that agrees in reading, S and R: its seed is its own."""
    return found.rule_setting(reading=setting.reading, samples=setting.samples, draws=setting.draws)


def command(settings: Settings, alpha: str) -> str:
    """The command that judges files as the page does."""
    names = " ".join(map(shlex.quote, settings.runs))
    switches = f"{' --invert' if settings.invert else ''}{' --two-sided' if settings.two_sided else ''}"
    about = settings.setting
    return (
        f"hvae score {names} --images PATH --fit {settings.fit}{switches} --statistic {settings.statistic} --score "
        f"{settings.score} --reading {about.reading} --samples {about.samples} --draws {about.draws} --alpha {alpha}"
    )


def _further(selection: Selection, run: RunEntry, setting: Setting, score: str) -> tuple[RunEntry, ...]:
    """Run B where it can judge the same images the same way, and any others, chosen here."""
    others = [one for one in loading.runs() if one.name != run.name]
    obstacles = {one.name: _unlike(run, one, setting, score) for one in others}
    fitting = {one.name: one for one in others if not obstacles[one.name]}
    second = selection.versus.name if selection.versus else ""
    named = [second] if second in fitting else []
    offered = [name for name in fitting if name != second]
    if offered:
        named += controls.choose_many("Further runs", "also", offered, [], help=FURTHER_HELP)
    left_out = [f"{literal(name)} ({literal(why)})" for name, why in obstacles.items() if why]
    if left_out:
        more = f"; and {len(left_out) - MOST_LEFT_OUT:,} more" if len(left_out) > MOST_LEFT_OUT else ""
        st.caption(f"Cannot judge these images the same way: {'; '.join(left_out[:MOST_LEFT_OUT])}{more}.")
    if len(named) > MOST_FURTHER:
        st.caption(f"At most {MOST_FURTHER} runs judge beside run A; the others are passed over.")
    return tuple(fitting[name] for name in named[:MOST_FURTHER])


def _unlike(run: RunEntry, other: RunEntry, setting: Setting, score: str) -> str:
    """Why a run cannot judge what run A judges by a score under a setting; empty where it can."""
    if other.config is None or run.config is None:
        return "damaged"
    if other.config.model.image_shape != run.config.model.image_shape:
        return f"takes images of {' × '.join(map(str, other.config.model.image_shape))}"
    if not other.has_weights:
        return "has no weights here"
    found = loading.catalogue(other)
    own = alike(found, setting)
    if own not in found.rule_settings():
        return f"no scores of its reference and calibration parts under {own}"
    return obstacle(found, own, score)
