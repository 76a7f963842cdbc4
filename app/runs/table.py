"""Every run in one table: its state, what it was trained on, how far it came, and what each layer carries."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from app.frame import components
from app.looks.palette import look
from app.looks.wording import bits, per_layer
from app.reading import loading
from app.reading.progress import best_epoch, state_mark
from hvae import stats
from hvae.runs.folders import RunEntry
from hvae.runs.states import RunState


def runs_table(found: Sequence[RunEntry], states: dict[str, RunState]) -> None:
    """All runs, one row each."""
    rows, numbers = [], []
    for run in found:
        state, best, config = states[run.name], best_epoch(run), run.config
        count, tables = loading.parameters(run), len(loading.tables(run))
        planned = config.training.epochs if config else None
        value = float(stats.bits_per_dim(best["elbo"], config.model.dimensions)) if config and "elbo" in best else None
        kl = [-best.get(f"log_ratio_{layer}", math.nan) for layer in range(1, (run.depth or 0) + 1)]
        rows.append(
            [
                components.escape(run.name),
                state_mark(state),
                components.escape(look(config.data.name).title) if config else "–",
                str(run.depth or "–"),
                f"{count:,}" if count is not None else "–",
                f"{state.epochs:,} of {planned:,}" if planned else "–",
                bits(value),
                per_layer(kl),
                str(tables),
            ]
        )
        numbers.append(
            {
                "run": run.name,
                "state": state.state,
                "reason": state.reason,
                "data": config.data.name if config else None,
                "depth": run.depth,
                "parameters": count,
                "epochs": state.epochs,
                "planned": planned,
                "validation_bits_per_dim": value,
            }
            | {f"kl_{layer}": one for layer, one in enumerate(kl, start=1)}
            | {"score_tables": tables, "path": str(run.path)}
        )
    components.table(
        [
            "run",
            "state",
            "trained on",
            "layers",
            "weights",
            "epochs",
            "best validation bits/dim ↓",
            "KL per layer, z<sub>1</sub> first (nats)",
            "score tables",
        ],
        rows,
        "All runs, and what has become of each",
        numbers=pd.DataFrame(numbers),
        name="runs",
    )
    reasons = [(run.name, states[run.name].reason) for run in found if states[run.name].reason]
    if reasons:
        lines = (f"<li><b>{components.escape(name)}</b>: {components.escape(reason)}</li>" for name, reason in reasons)
        st.html(f'<ul class="prose" aria-label="What is wrong with runs">{"".join(lines)}</ul>')


def states(found: Sequence[RunEntry]) -> dict[str, RunState]:
    """State of each run by name."""
    return {run.name: loading.state(run) for run in found}
