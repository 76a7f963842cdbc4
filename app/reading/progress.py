"""How far a run has come: its state as a mark, and the epoch that its weights are of."""

from __future__ import annotations

from app.frame import components
from app.reading import loading
from hvae.errors import HvaeError
from hvae.runs.folders import RunEntry
from hvae.runs.states import RunState

KINDS = {"complete": "good", "training now": "good"}


def state_mark(state: RunState) -> str:
    """The state as a word that stands out (HTML)."""
    return components.mark(state.state, KINDS.get(state.state, "warn"))


def best_epoch(run: RunEntry) -> dict[str, float]:
    """The row of the learning curve that the weights were kept from; empty where it cannot be read."""
    try:
        history = loading.history(run)
        return history.loc[history["elbo"].idxmax()].to_dict() if len(history) else {}
    except (HvaeError, KeyError, TypeError, ValueError, OSError):
        return {}
