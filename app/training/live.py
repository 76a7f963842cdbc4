"""A training that was begun here: how far it is, its curves and samples, and what can be done next."""

import shlex
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from app.figures import learning
from app.frame import components, controls, parts
from app.frame.caching import kept
from app.looks.pictures import data_uri
from app.looks.wording import literal
from app.reading import loading
from app.server import access, trainings
from app.server.queue import duration
from app.server.trainings import Asked, Training
from hvae.errors import HvaeError
from hvae.runs.folders import RunEntry, find_runs

SECONDS = 2.0
QUANTITIES = {
    "KL": "What each layer says about an image: a layer at 0 nats has collapsed",
    "active units": "How many units of each layer are in use",
}
SAMPLES = 8


def show(run: str) -> None:
    """Draw a training, again every other second while it, or another for which it waits, goes on."""
    found = trainings.find(run)
    if found is None:
        st.info(f"No training called {literal(run)} is known here.")
        return
    components.section(run)
    # A fragment also when it has ended: what stood there keeps its place and is not drawn a second time.
    again = st.fragment(run_every=SECONDS if trainings.busy() else None)
    again(_elbo)(run, found.running)
    if found.running or ((entry := _entry(run)) and _history(entry)[0]):
        # No fragment may hold a control that stands in the address.
        quantity = controls.choose("Per layer", "quantity", list(QUANTITIES))
        again(_layers)(run, quantity)


def _elbo(run: str, was_running: bool) -> None:
    """How far it is and its curve, at the top; below it what can be done."""
    found = trainings.find(run)
    if found is None or found.running != was_running:
        st.rerun()
    share = min(1.0, found.step / found.steps) if found.steps else float(found.stage == "done")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(share, in_words(found))
        asked = st.session_state.get("_stopping") == found.asked
        if found.running and access.may_train():
            st.button("Stop", key="stop-training", on_click=_stop, args=(found.asked,), disabled=asked)
    if found.running and asked:
        st.caption("It stops when its step is done, and can be continued.")
    if not found.running:
        _ended(found)
    if entry := _entry(run):
        with components.guarded(advice=""):
            _curve(entry)


def _layers(run: str, quantity: str) -> None:
    """What each layer carries, and what the model makes up by now."""
    if entry := _entry(run):
        with components.guarded(advice=""):
            _strips(entry, quantity)
            _samples(entry)


def _entry(run: str) -> RunEntry | None:
    return next((one for one in find_runs() if one.name == run), None)


def _stop(asked: Asked) -> None:
    st.session_state["_stopping"] = asked
    trainings.stop(asked.run)


def in_words(found: Training) -> str:
    """How far a training is."""
    if found.stage == "done":
        return "Trained, and its parts are scored."
    if found.stage == "scoring":
        return "Trained. Its parts are being scored, so that it can judge."
    if not found.running:
        return (
            f"Stopped at step {found.step:,} of {found.steps:,}." if found.steps else "Stopped before its first step."
        )
    if not found.steps:
        return "Starting: reading the images and making the model."
    said = f"Step {found.step:,} of {found.steps:,}"
    if found.images_per_second:
        epochs = found.asked.epochs
        left = (1 - found.step / found.steps) * epochs * _images(found) / found.images_per_second
        said += f", {found.images_per_second:,.0f} images a second, about {duration(left)} left"
    return said


def _images(found: Training) -> float:
    """Images of a pass, by its steps."""
    from hvae import presets

    return found.steps / found.asked.epochs * presets.preset(found.asked.preset).training.batch_size


def _ended(found: Training) -> None:
    """Why it ended and what can be done now."""
    name = found.asked.run
    if found.problem:
        components.problem(f"It stopped: {found.problem}")
    if found.stage == "done":
        st.success("It is ready to judge images.")
        chosen = {"run": name}
        if (entry := _entry(name)) and (own := loading.catalogue(entry).own):
            chosen["data"] = own
        st.page_link("../pages/score_images.py", label="Judge images with it →", query_params=chosen)
        st.page_link("../pages/runs.py", label="Its learning curves →", query_params=chosen | {"about": parts.LEARNING})
    elif access.may_train():
        if not found.problem and found.step:
            st.info("What it learnt up to its last checkpoint is kept.")
        busy = trainings.busy()
        if st.button("Continue", key="resume-training", type="primary", disabled=bool(busy)):
            with components.guarded(advice=""):
                trainings.start(found.asked)
                st.rerun()
        if busy:
            st.caption(f"{literal(busy)} is being trained, and only one model is trained at a time.")


def _history(run: RunEntry) -> tuple[dict[str, pd.DataFrame], str]:
    """The curves under the run's name in HTML, none before there are any, and a stamp of their file."""
    history = loading.history(run)
    if history.empty:
        return {}, ""
    return {components.escape(run.name): history}, f"{run.path} {(run.path / 'history.csv').stat().st_mtime_ns}"


def _curve(run: RunEntry) -> None:
    histories, stamp = _history(run)
    if not histories:
        st.caption("The curves begin after the first pass over the images.")
        return
    (history,) = histories.values()
    best = history.loc[history["elbo"].idxmax()]
    title = f"ELBO, higher = better. Best at epoch {best['epoch']:.0f} with {best['elbo']:.1f} nats"
    figure = kept("trained-elbo", stamp, lambda: learning.elbo(histories, title, "ELBO"))
    components.chart(figure, lambda: learning.table(histories), f"learning-{run.name}", key="training-elbo")


def _strips(run: RunEntry, quantity: str) -> None:
    histories, stamp = _history(run)
    if columns := learning.rows_of(histories, quantity):
        figure = kept(
            "trained-layers", f"{stamp} {quantity}", lambda: learning.strips(histories, quantity, QUANTITIES[quantity])
        )
        numbers = learning.table(histories).reindex(columns=["run", "epoch", *columns])
        components.chart(figure, lambda: numbers, f"layers-{run.name}", key="training-layers")


def _samples(run: RunEntry) -> None:
    """What the model dreams up by now: its best weights so far."""
    if not run.has_weights or run.config is None or run.config.model.inability("sample"):
        return
    with suppress(HvaeError, OSError):
        # torch is imported by it, so only once there is something to show.
        from app.images import models

        drawn = models.sampled(run, SAMPLES, 0)
        pixels = np.rint(np.clip(drawn, 0, 1) * 255).astype(np.uint8)
        row = "".join(f'<img alt="" src="{data_uri(one)}" width="64" height="64">' for one in pixels)
        st.html(f'<p class="chart-title">Made up by the model as it is now</p><p class="prose">{row}</p>')


def command(run: str) -> str:
    """The command that does the same in a terminal; where this server keeps what was uploaded is nobody's business."""
    if (found := trainings.find(run)) is None:
        return ""
    kind, _, place = found.asked.data.partition(":")
    asked = found.asked.model_copy(update={"data": f"{kind}:PATH"} if trainings.home() in Path(place).parents else {})
    return f"hvae {shlex.join(trainings.command(asked))}"
