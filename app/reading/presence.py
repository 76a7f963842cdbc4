"""What a run has and has not scored, said at the top of a page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import streamlit as st

from app.frame import components
from app.looks.palette import look
from app.looks.wording import asked_for
from hvae.datasets import PARTS
from hvae.runs.catalogue import Catalogue
from hvae.runs.folders import RunEntry
from hvae.scores import SCORES


def command(run: RunEntry, sets: Sequence[str], options: str = "") -> str:
    """The command that scores some sets."""
    data = " ".join(f"--data {asked_for(slug, run.path)}" for slug in sets)
    return f"hvae score {shlex.quote(run.name)} {data} {options}".rstrip()


def problems(found: Catalogue) -> None:
    """What is wrong with a run and with its tables, one line each."""
    if found.run.config is None:
        components.problem(f"{found.run.name}: {found.run.problem}. Choose another run in the sidebar.")
    for line in found.problems:
        components.problem(line)


def has(found: Catalogue, data: str, ood: Sequence[str]) -> bool:
    """Whether the in-distribution set is scored; a line says so where not, or where a part of it has to do."""
    run, settings = found.run, found.settings(data)
    entry = found.find(data, settings[0]) if settings else None
    if entry is None:
        if run.config is not None:
            components.missing(f"{run.name} has no scores of {look(data).title} yet.", command(run, (data, *ood)))
        return False
    if data == found.own and entry.split in PARTS:
        st.caption(
            f"{look(data).title} has no test split, so its {entry.split} part stands for it: none of these images was "
            "fitted."
        )
    depth = entry.metadata.depth
    if silent := [score.title for score in SCORES.values() if not score.levels(depth)]:
        st.caption(f"No scores of a model of {depth} latent layers: {', '.join(silent)}.")
    return True
