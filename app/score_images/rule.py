"""How images are to be judged: the rule, the setting of its scores, the runs; and the command that does the same."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app.frame import controls
from app.frame.state import Selection
from app.looks.wording import literal
from app.reading import choosing, loading
from app.reading.measures import Setting
from app.score_images.store import Settings
from hvae.runs.folders import RunEntry
from hvae.verdicts import rule

SIDES = ("high", "high or low")
MOST_FURTHER = 8
"""Runs beside run A: each takes as long as run A does."""
MOST_LEFT_OUT = 5
"""Runs that do not fit of which it is said why."""


@dataclass(frozen=True)
class Chosen:
    """How images are to be judged.

    Attributes:
        statistic: one of `hvae.verdicts.rule.STATISTICS`.
        two_sided: whether ratios too low count as well.
        setting: reading, S and R of the scores.
        further: runs beside run A.
    """

    statistic: str
    two_sided: bool
    setting: Setting
    further: tuple[RunEntry, ...]


def choose(selection: Selection, run: RunEntry, found: Sequence[Setting]) -> Chosen:
    """Draw the controls.

    Args:
        selection: of the sidebar; its run B judges along where it can.
        run: run A.
        found: settings under which run A has a rule, at least one.
    """
    with controls.bar("rule-bar"):
        statistic = controls.choose(
            "Judge by",
            "statistic",
            rule.STATISTICS,
            help="rank: the k at which the ratio ranks highest among the reference images. difference: the k at which "
            "it lies most standard deviations above them, as the paper suggests for single images.",
        )
        sides = controls.choose(
            "Unusual are ratios too",
            "sides",
            SIDES,
            help="high: the image fits worse without its lowest latents than the reference images do. high or low: the "
            "rule is two-sided, so that images that fit too well stand out as well.",
        )
    setting = choosing.choose_setting(found)
    return Chosen(statistic, sides == SIDES[1], setting, _further(selection, run, setting))


def command(settings: Settings, alpha: str) -> str:
    """The command that judges files as the page does."""
    names = " ".join(map(shlex.quote, settings.runs))
    switches = f"{' --invert' if settings.invert else ''}{' --two-sided' if settings.two_sided else ''}"
    return (
        f"hvae score {names} --images PATH --fit {settings.fit}{switches} --statistic {settings.statistic} "
        f"--reading {settings.reading} --samples {settings.samples} --draws {settings.draws} --alpha {alpha}"
    )


def _further(selection: Selection, run: RunEntry, setting: Setting) -> tuple[RunEntry, ...]:
    """Run B where it can judge the same images the same way, and any others, chosen here."""
    others = [one for one in loading.runs() if one.name != run.name]
    obstacles = {one.name: _obstacle(run, one, setting) for one in others}
    fitting = {one.name: one for one in others if not obstacles[one.name]}
    second = selection.versus.name if selection.versus else ""
    named = [second] if second in fitting else []
    offered = [name for name in fitting if name != second]
    if offered:
        named += controls.choose_many(
            "Further runs",
            "also",
            offered,
            [],
            help="Which run knows each image best? Run A, and run B where one is chosen, come from the sidebar. Each "
            "further run takes as long again.",
        )
    left_out = [f"{literal(name)} ({literal(why)})" for name, why in obstacles.items() if why]
    if left_out:
        more = f"; and {len(left_out) - MOST_LEFT_OUT:,} more" if len(left_out) > MOST_LEFT_OUT else ""
        st.caption(f"Cannot judge these images the same way: {'; '.join(left_out[:MOST_LEFT_OUT])}{more}.")
    if len(named) > MOST_FURTHER:
        st.caption(f"At most {MOST_FURTHER} runs judge beside run A; the others are passed over.")
    return tuple(fitting[name] for name in named[:MOST_FURTHER])


def _obstacle(run: RunEntry, other: RunEntry, setting: Setting) -> str:
    """Why a run cannot judge what run A judges under a setting; empty where it can."""
    if other.config is None or run.config is None:
        return "damaged"
    if other.config.model.image_shape != run.config.model.image_shape:
        return f"takes images of {' × '.join(map(str, other.config.model.image_shape))}"
    if not other.has_weights:
        return "has no weights here"
    if (setting.reading, setting.samples, setting.draws) not in rule.settings(other):
        return f"no scores of its reference and calibration parts under {setting}"
    return ""
