"""What has become of a run: complete, training now, interrupted, tables only, or damaged and why. Imports no torch."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from hvae.errors import CheckpointError, HvaeError, TableError
from hvae.files import LOCK_FILE
from hvae.runs.folders import RESUME_FILE, RunEntry, is_resumable, read_history, tables_only
from hvae.runs.tensor_files import read_header

State = Literal["complete", "training now", "interrupted", "tables only", "damaged"]


@dataclass(frozen=True)
class RunState:
    """The state of a run folder at one moment, with the epochs done by the learning curve."""

    state: State
    reason: str
    """Why, where it is not complete; one sentence without a full stop, empty where there is nothing to say."""
    epochs: int


def run_state(run: RunEntry) -> RunState:
    """The state of a run; weights are checked by their header only, and score tables are not opened.

    A run is `training now` where a live process holds its lock, `interrupted` where it stopped before its last epoch,
    and `tables only` where it was bundled without its weights.
    """
    if not run.path.is_dir():
        return RunState("damaged", "its folder is gone", 0)
    if run.config is None:
        return RunState("damaged", run.problem or "config.json cannot be read", 0)
    if is_written(run.path):
        return RunState("training now", "", _epochs_or_none(run))
    try:
        epochs = epochs_done(learning_curve(run.path))
        if has_weights := (run.path / "model.safetensors").is_file():
            read_header(run.path / "model.safetensors")
    except HvaeError as error:
        return RunState("damaged", str(error).replace(f"{run.path}{os.sep}", ""), _epochs_or_none(run))
    planned = run.config.training.epochs
    resumable = is_resumable(run.path)
    if has_weights and (epochs >= planned or not (epochs or resumable)):
        return RunState("complete", "", epochs)
    if resumable:
        return RunState("interrupted", f"stopped after {epochs} of {planned} epochs", epochs)
    if has_weights:
        reason = f"stopped after {epochs} of {planned} epochs; {RESUME_FILE} is not here, so it cannot be continued"
        return RunState("interrupted", reason, epochs)
    if tables_only(run.path):
        reason = (
            "bundled without its weights (model.safetensors is missing): stored scores can be read, but "
            "nothing new can be computed"
        )
        return RunState("tables only", reason, epochs)
    return RunState("damaged", "model.safetensors is missing, and there are no scores", epochs)


def is_written(folder: Path) -> bool:
    """Whether a live process holds the lock of a run folder (`hvae.files.run_lock`), as a trainer does.

    Asks for a shared lock and lets go of it at once: a holder keeps its lock, the system has freed that of a process
    that died, and any number of readers may ask together. False where the system has no such locks (Windows).
    """
    try:
        import fcntl
    except ImportError:
        return False
    try:
        descriptor = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def learning_curve(folder: Path) -> pd.DataFrame:
    """`history.csv` with its numbers checked; empty where there is none.

    Raises:
        TableError: a damaged file, text where a number belongs, or no epochs.
    """
    history, path = read_history(folder), folder / "history.csv"
    if history.empty and not len(history.columns):
        return history
    if missing := [name for name in ("epoch", "elbo") if name not in history]:
        raise TableError(f"{path} is no learning curve: it has no column '{missing[0]}'")
    for name, values in history.items():
        if values.dtype == object or not pd.api.types.is_numeric_dtype(values):
            raise TableError(f"{path} is damaged: {str(name)[:60]!r} holds text where numbers belong")
        if not np.isfinite(values.to_numpy(np.float64)).all():
            raise TableError(f"{path} is damaged: {str(name)[:60]!r} holds values that are not finite")
    return history


def epochs_done(history: pd.DataFrame) -> int:
    """The last epoch of a learning curve; 0 where it has none."""
    return int(history["epoch"].iloc[-1]) if len(history) else 0


def _epochs_or_none(run: RunEntry) -> int:
    """Epochs done where the learning curve can be read."""
    try:
        return epochs_done(learning_curve(run.path))
    except (CheckpointError, TableError):
        return 0
