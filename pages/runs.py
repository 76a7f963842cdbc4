"""Runs: what there is, what has become of it, how it was trained, and how to get more."""

import shlex
from collections.abc import Sequence

import streamlit as st

from app import notes
from app.frame import components, parts, state
from app.looks.wording import quoted
from app.reading import loading, presence
from app.runs import curves, imports, robustness, tables
from hvae import presets
from hvae.runs.folders import RunEntry, is_resumable


def commands(run: RunEntry | None, data: Sequence[str]) -> None:
    """Commands to copy: train, and for run A where there is one, continue, score the sets, check and pass on."""
    components.section("Commands", "Copy these into a terminal. Training and scoring go on when this page is closed.")
    names = presets.names()
    column, _ = st.columns([1, 2])
    chosen = column.selectbox("Preset", names, index=names.index("fashionmnist-lite"))
    preset = presets.preset(chosen)
    layers = f", L = {preset.model.depth}" if preset.model.depth else ""
    st.caption(
        f"Train {chosen}: {preset.model.title}{layers}, {preset.training.epochs:,} epochs on {preset.data.name}. "
        "Another seed gives another run."
    )
    components.code(f"hvae train {chosen} --seed 0")
    for caption, command in of_run(run, data) if run else ():
        st.caption(caption)
        components.code(command)


def of_run(run: RunEntry, data: Sequence[str]) -> list[tuple[str, str]]:
    """(what it does, command) of what can be done with a run in its state."""
    name, found = shlex.quote(run.name), []
    is_model = run.has_weights and run.config is not None
    if run.config and loading.state(run).state == "interrupted" and is_resumable(run.path):
        preset = shlex.quote(run.config.preset or "PRESET")
        found.append(("Continue its training", f"hvae train {preset} --run {shlex.quote(str(run.path))} --resume"))
    if is_model:
        found.append(("Score the sets chosen in the sidebar", presence.command(run, data)))
        found.append(("Measure its robustness card", f"hvae score {name} --card"))
    found.append(("Check all of its files", f"hvae runs check {name}"))
    if is_model:
        bundle = f"hvae runs bundle {name} {shlex.quote(f'{run.name}-bundle')}"
        found.append(("Pass it on: weights in half the size, nothing but plain numbers", bundle))
    return found


def page() -> None:
    """The page."""
    components.heading(
        "Runs",
        "A run is a folder with the configuration, the weights, the learning curve and the scores of a model. See "
        "what state each one is in, and how to get more.",
    )
    selection = state.selection()
    run, found = selection.run, loading.runs()
    if run is None:
        components.no_run()
        commands(None, ())
        imports.section()
        return
    own = loading.state(run)
    if own.state == "damaged":
        st.error(f"{quoted(run.name)} is damaged. Choose another run in the sidebar, or mend this one. What is wrong:")
        # As code: words of a damaged file must not be read as markup.
        st.code(own.reason, language=None, wrap_lines=True)
    offered = [one for one in parts.PARTS["runs"][1] if one not in parts.OF_MODELS or run.config is not None]
    part = parts.choose("runs", offered)
    if part != parts.TABLES:
        presence.problems(loading.catalogue(run))
    if part not in (parts.EVERY_RUN, parts.IMPORT) and own.state not in (*presence.GOOD, "damaged"):
        components.prose(f"{components.named(run.name)} {components.mark(own.state)} {components.escape(own.reason)}")
    if part == parts.EVERY_RUN:
        presence.runs_table(found)
    elif part == parts.LEARNING:
        curves.curves(run, selection.versus)
    elif part == parts.ROBUSTNESS:
        robustness.section(run)
    elif part == parts.TABLES:
        tables.score_tables(run)
    elif part == parts.NOTES:
        notes.listing(run)
    elif part == parts.COMMANDS:
        commands(run, (selection.data, *selection.ood))
    else:
        imports.section()
    components.footer("hvae runs list")


page()
