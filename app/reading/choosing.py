"""The controls that say which score is shown: L or LLR, at which k, in which unit, from which tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from app.frame import controls
from app.reading import measures
from app.reading.measures import Setting

READING_HELP = (
    "How the paper's equation 5 is read. mean: the lowest k layers take the mean of their prior (the released code); "
    "sample: they are sampled, a true bound; auxiliary: the same with sampled lower layers, looser; early-release: the "
    "full log-ratios with a reconstruction from the prior. The reading changes the numbers."
)

UNIT_HELP = (
    "nats: as computed. bits/dim: nats / (D ln 2), D the number of pixels and channels. ln(bits/dim): the natural "
    "logarithm of that, the axis of the paper's Figure 5; of -L>k only. No unit changes an AUROC."
)


def choose_score() -> str:
    """`LLR` or `L`."""
    return controls.choose(
        "Score", "score", ["LLR", "L"], help="LLR: the likelihood ratio LLR>k = L - L>k. L: the negative bound -L>k."
    )


def choose_level(score: str, depth: int) -> int:
    """k: from 0 for `L`, from 1 for `LLR`, to the number of layers."""
    levels = range(0 if score == "L" else 1, depth + 1)
    chosen = controls.choose(
        "k",
        "k",
        [str(k) for k in levels],
        "1" if score == "LLR" else "0",
        help="How many of the lowest layers take their latents from the prior instead of from the image.",
    )
    return int(chosen)


def choose_unit() -> str:
    """One of `measures.UNITS`, whether or not the score can be shown in it: see `said_unit`."""
    return controls.choose("Unit", "unit", measures.UNITS, help=UNIT_HELP)


def said_unit(score: str, unit: str) -> str:
    """The unit that the score can be shown in; where it is another than the one chosen, a line says why."""
    usable = measures.usable_unit(score, unit)
    if usable != unit:
        st.caption(f"{score} can be negative and then has no logarithm, so it is shown in {usable}; −L>k has one.")
    return usable


def choose_setting(found: Sequence[Setting]) -> Setting:
    """Reading, S and R: only combinations that exist, each choice narrowing the next.

    Args:
        found: at least one.
    """
    with controls.bar("settings"):
        reading = controls.choose("Reading", "reading", _distinct(one.reading for one in found), help=READING_HELP)
        found = [one for one in found if one.reading == reading]
        samples = controls.choose(
            "Importance samples S", "S", _distinct(one.samples for one in found), help="More samples tighten the bound."
        )
        found = [one for one in found if str(one.samples) == samples]
        draws = controls.choose(
            "Draws R", "R", _distinct(one.draws for one in found), help="Values are means over R repeats: less noise."
        )
    return Setting(reading, int(samples), int(draws))


def _distinct(values: Iterable[object]) -> list[str]:
    return list(dict.fromkeys(map(str, values)))
