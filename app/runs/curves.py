"""Learning curves of run A with run B beside it, drawn again every few seconds while one of them is being trained."""

import time
from datetime import timedelta

import pandas as pd
import streamlit as st

from app.figures import learning
from app.frame import components, controls
from app.frame.caching import kept
from app.looks.wording import quoted
from app.reading import loading
from hvae.errors import HvaeError
from hvae.runs.folders import RESUME_FILE, RunEntry
from hvae.runs.states import RunState, learning_curve

REFRESH = "5s"
QUANTITIES = {
    "KL": "What each layer says about an image: a layer at 0 nats has collapsed",
    "active units": "How many units of each layer are in use",
    "schedules": "What changed during training, and when",
}


def curves(run: RunEntry, versus: RunEntry | None) -> None:
    """The section with the learning curves."""
    components.section(
        "Learning curves",
        "How good the bound became, and which layers are in use. Validation uses the moving average of the "
        "weights. The weights kept are those of the best epoch.",
    )
    runs = [run] if versus is None else [run, versus]
    about = (
        "KL: how much a layer says about an image. Active units: how many of its units vary over images (variance "
        "of the posterior mean above 0.01). Schedules: what changed during training, and when."
    )
    layered = any(one.depth != 0 for one in runs)
    quantity = controls.choose("Per layer", "quantity", list(QUANTITIES), help=about) if layered else ""
    live = _live(runs)
    draw = st.fragment(run_every=REFRESH)(_draw) if live else _draw
    draw(runs, quantity, live)


def _draw(runs: list[RunEntry], quantity: str, live: list[str]) -> None:
    """The progress of those being trained, and the figures."""
    if live != _live(runs):
        # A training has begun or ended, or its folder is gone: the whole page says so.
        st.rerun()
    for run in runs:
        if run.name in live:
            st.info(progress(run, loading.state(run), time.time()))
    histories: dict[str, pd.DataFrame] = {}
    stamp = quantity
    for run in runs:
        try:
            if len(history := loading.history(run)):
                stamp += f" {run.path}@{(run.path / 'history.csv').stat().st_mtime_ns}"
                histories[components.escape(run.name)] = history
            else:
                st.info(f"{quoted(run.name)} has no learning curve yet: the first epoch has not ended.")
        except (HvaeError, OSError) as error:
            st.error(f"The learning curve of {quoted(run.name)} cannot be shown:")
            st.code(str(error).replace(f"{run.path}/", ""), language=None, wrap_lines=True)
    if histories:
        learnt = dict.fromkeys(run.config.model.objective for run in runs if run.config)
        _figures(stamp, histories, quantity, " or ".join(learnt) or "ELBO")


def _figures(stamp: str, histories: dict[str, pd.DataFrame], quantity: str, learnt: str) -> None:
    """What is learnt, and what each layer says where there is a `quantity` to ask for and a learning curve has it."""
    stem = "-".join(components.plain(name) for name in histories)
    best = {name: history.loc[history["elbo"].idxmax()] for name, history in histories.items()}
    spoken = [f"{name}: best at epoch {one['epoch']:.0f} with {one['elbo']:.1f} nats" for name, one in best.items()]
    title = f"{learnt}, higher = better. {'; '.join(spoken)}"
    elbo = kept("elbo", stamp, lambda: learning.elbo(histories, title, learnt))
    components.chart(elbo, lambda: learning.table(histories), f"learning-{stem}", key="elbo-curve")
    if not quantity:
        return
    columns = learning.rows_of(histories, quantity)
    if not columns:
        st.info("These learning curves have no columns for that.")
        return
    components.chart(
        kept("strips", stamp, lambda: learning.strips(histories, quantity, QUANTITIES[quantity])),
        lambda: learning.table(histories).reindex(columns=["run", "epoch", *columns]),
        f"{quantity.replace(' ', '-')}-{stem}",
        key="layer-curves",
    )


def _live(runs: list[RunEntry]) -> list[str]:
    return [run.name for run in runs if loading.state(run).state == "training now"]


def progress(run: RunEntry, state: RunState, now: float) -> str:
    """One sentence on a run that is being trained: epoch, pace, time left, and how old the news is (now in seconds)."""
    assert run.config is not None
    planned, curve = run.config.training.epochs, run.path / "history.csv"
    said = [f"{quoted(run.name)} is being trained: {state.epochs} of {planned} epochs done"]
    try:
        history = learning_curve(run.path)
        files = (curve, run.path / RESUME_FILE, run.path / "config.json")
        stamps = [path.stat().st_mtime for path in files if path.is_file()]
    except (HvaeError, OSError):
        history, stamps = pd.DataFrame(), []
    rate = float(history["images_per_second"].iloc[-1]) if len(history) and "images_per_second" in history else 0.0
    if rate > 0 and "step" in history and state.epochs:
        images = float(history["step"].iloc[-1]) / state.epochs * run.config.training.batch_size
        since = max(0.0, now - curve.stat().st_mtime) if stamps else 0.0
        left = max(0.0, (planned - state.epochs) * images / rate - since)
        said.append(f"{rate:,.0f} images/s, about {timedelta(seconds=round(left))} left")
    if stamps:
        said.append(f"updated {max(0, round(now - max(stamps)))} s ago")
    return "; ".join(said) + "."
