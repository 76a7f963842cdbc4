"""Which scores of a run can judge single images, and which does where nobody chose one."""

import streamlit as st

from app.frame import state
from app.frame.caching import kept
from app.reading import loading
from hvae.runs.catalogue import Catalogue
from hvae.runs.score_tables import ScoreTable
from hvae.runs.settings import Setting
from hvae.scores import SCORES, at_every_level, computable
from hvae.verdicts import choice

_BEFORE = "_usual_judge"


def parts(found: Catalogue, setting: Setting) -> list[ScoreTable]:
    """The reference and the calibration part of a run, scored under a setting of its rule."""
    entries = [found.find(found.own or "", setting, (part,)) for part in ("reference", "calibration")]
    return [loading.table(found, entry) for entry in entries if entry]


def usual(found: Catalogue, setting: Setting) -> tuple[str, str]:
    """`hvae.verdicts.choice.usual_score` of both parts."""
    return kept("usual score", (_stamps(found), setting), lambda: choice.usual_score(*parts(found, setting)))


def _stamps(found: Catalogue) -> list[object]:
    """Of a run and the tables that can be parts of its rule."""
    return [found.run.path, *(loading.stamp(entry) for entry in found.entries if entry.slug == found.own)]


def follow(key: str, usual: str) -> None:
    """Let a run or setting be judged by what is usual there, where what is chosen under a key was usual before."""
    before = st.session_state.get(_BEFORE, usual)
    if before != usual and state.chosen(key) == before:
        st.session_state[key] = usual
        state.hold(key, usual)
    st.session_state[_BEFORE] = usual


def obstacle(found: Catalogue, setting: Setting, score: str) -> str:
    """Why a run whose parts are scored under a setting cannot judge by a score; empty where it can."""
    levels = at_every_level(score, found.run.depth or 0)
    if not levels:
        return f"{SCORES[score].title} has nothing to say about a model of {found.run.depth} latent layers"

    def first() -> str:
        both = parts(found, setting)
        return next(iter(computable(levels, both, both[0])[1]), "")

    return kept("obstacle", (_stamps(found), setting, score), first)
