"""Controls that say which score is shown: name, level, unit, tables."""

from collections.abc import Iterable, Sequence

import streamlit as st

from app.frame import controls
from app.reading.measures import Measure, usable_unit
from hvae.errors import TableError
from hvae.runs.score_tables import TableMetadata
from hvae.runs.settings import Setting
from hvae.scores import SCORES, Level, Score, everything, find
from hvae.scores.base import POSITIVE

READING_HELP = (
    "How the paper's equation 5 is read. mean: the lowest k layers take the mean of their prior (the released code); "
    "sample: they are sampled, a true bound; auxiliary: the same with sampled lower layers, looser; early-release: the "
    "full log-ratios with a reconstruction from the prior. The reading changes the numbers."
)
UNIT_HELP = (
    "nats: as computed. bits/dim: nats / (D ln 2), D the number of pixels and channels. ln(bits/dim): the natural "
    "logarithm of that, the axis of the paper's Figure 5, for scores that are never negative. No unit changes an AUROC."
)
USUAL, PARTED = "llr", "joint"
"""The score that is taken unasked, and the one that adds up from parts."""


def choose_score(about: TableMetadata) -> type[Score]:
    """A score of the registry that has something to say about a model like that of a table."""
    found = everything(about.depth, about.preprocessing, about.task)
    offered, about_each = menu(one.name for one in dict.fromkeys(map(type, found)))
    if not offered:
        raise TableError(f"no score of this version knows models of {about.depth} latent layers")
    names = {name: SCORES[name].title for name in offered}
    return find(controls.choose("Score", "score", offered, USUAL, width=215, help=about_each, named=names))


def menu(names: Iterable[str]) -> tuple[list[str], str]:
    """(scores as a menu offers them, baselines that need no model last; what each of them asks, and takes)."""
    ordered = sorted(names, key=lambda name: SCORES[name].model_free)
    lines = []
    for kind in map(find, ordered):
        marks = ", ".join([*["no model"] * kind.model_free, *kind.needs])
        lines.append(f"- **{kind.title}**{f' ({marks})' if marks else ''}: {kind.about}")
    return ordered, "\n".join(lines)


def choose_level(score: type[Score], depth: int) -> Level:
    """k of a score with levels; nothing to choose otherwise."""
    levels = [k for k in score.levels(depth) if k is not None]
    if not levels:
        return None
    about = "How many of the lowest layers take their latents from the prior instead of from the image."
    return int(
        controls.choose("Levels replaced (k)", "k", [str(k) for k in levels], str(score.usual_level(depth)), help=about)
    )


def choose_unit() -> str:
    """One of all units, whether or not the score can be shown in it: see `said_measure`."""
    return controls.choose("Unit", "unit", POSITIVE, help=UNIT_HELP)


def said_measure(score: Score, unit: str) -> Measure:
    """The score in the unit chosen; where it cannot be shown in it, a line says why and which is taken."""
    usable = usable_unit(type(score), unit)
    if usable != unit:
        why = "can be negative and then has no logarithm" if "bits/dim" in score.units else "is no code length"
        st.caption(f"{score.label} {why}, so it is shown in {usable}.")
    return Measure(score, usable)


def choose_setting(found: Sequence[Setting]) -> Setting:
    """Reading, S and R of at least one setting: only combinations that exist, each choice narrowing the next."""
    for name, label, key, about in (
        ("reading", "Reading of L>k", "reading", READING_HELP),
        ("samples", "Importance samples S", "S", "More samples make the bound tighter."),
        ("draws", "Draws R", "R", "Every value is a mean over R repeats, so that more of them leave less noise."),
    ):
        offered = dict.fromkeys(str(getattr(one, name)) for one in found)
        chosen = controls.choose(label, key, list(offered), help=about)
        found = [one for one in found if str(getattr(one, name)) == chosen]
    return found[0]
