"""Commands to copy: train, continue, score, check and pass on a run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import streamlit as st

from app.frame import components
from app.looks.wording import asked_for
from hvae import presets
from hvae.runs.folders import RunEntry
from hvae.runs.states import RunState


def commands(run: RunEntry | None, state: RunState | None, data: Sequence[str]) -> None:
    """The section with the commands, for run A where there is one and the sets of the sidebar."""
    components.section("Commands", "To copy into a terminal. Training and scoring go on when this page is closed.")
    names = presets.names()
    column, _ = st.columns([1, 2])
    chosen = column.selectbox("Preset", names, index=names.index("fashionmnist-lite"))
    preset = presets.preset(chosen)
    st.caption(
        f"Train {chosen}: {preset.model.depth} layers, {preset.training.epochs:,} epochs on {preset.data.name}. "
        "Another seed is another run."
    )
    st.code(f"hvae train {chosen} --seed 0", language="bash", wrap_lines=True)
    for caption, command in of_run(run, state, data) if run and state else ():
        st.caption(caption)
        st.code(command, language="bash", wrap_lines=True)


def of_run(run: RunEntry, state: RunState, data: Sequence[str]) -> list[tuple[str, str]]:
    """(what it does, command) of everything that can be done with a run in its state."""
    name, found = shlex.quote(run.name), []
    if run.config is not None and state.state == "interrupted" and (run.path / "resume.pt").is_file():
        preset = shlex.quote(run.config.preset or "PRESET")
        found.append(("Continue it", f"hvae train {preset} --run {shlex.quote(str(run.path))} --resume"))
    if run.has_weights and run.config is not None:
        sets = " ".join(f"--data {asked_for(slug, run.path)}" for slug in data)
        found.append(("Score it on the sets of the sidebar", f"hvae score {name} {sets}"))
    found.append(("Check every file of it", f"hvae runs check {name}"))
    if run.has_weights and run.config is not None:
        bundle = f"hvae runs bundle {name} {shlex.quote(f'{run.name}-bundle')}"
        found.append(("Pass it on: weights in half the size, nothing but plain numbers", bundle))
    return found
