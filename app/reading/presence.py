"""What runs have: all of them in one table, with their states, and what one of them has and has not scored."""

import math
import shlex
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pandas as pd
import streamlit as st

from app.frame import components, parts, state
from app.frame.caching import of_file
from app.frame.state import Selection
from app.looks.palette import look
from app.looks.wording import asked_for, bits, per_layer
from app.reading import loading
from hvae import stats
from hvae.datasets import PARTS
from hvae.errors import HvaeError
from hvae.runs.catalogue import Catalogue
from hvae.runs.folders import RunEntry, tables_only
from hvae.runs.score_tables import table_paths
from hvae.scores import offered

GOOD = ("complete", "training now")
MOST_AT_FIRST = 8
"""Runs on the overview; the page Runs has all of them."""


def command(run: RunEntry, sets: Sequence[str], options: str = "") -> str:
    """The command that scores some sets."""
    data = " ".join(f"--data {asked_for(slug, run.path)}" for slug in sets)
    return f"hvae score {shlex.quote(run.name)} {data} {options}".rstrip()


def opened(title: str, lead: str) -> tuple[Selection, Catalogue] | None:
    """The heading of a page, then what is chosen and what run A has scored; None where there is no run, as is said."""
    components.heading(title, lead)
    selection = state.selection()
    if selection.run is None:
        components.no_run()
        return None
    found = loading.catalogue(selection.run)
    problems(found)
    return selection, found


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
        said = f"{run.name} has no scores of {look(data).title}"
        if tables_only(run.path):
            components.problem(f"{said}, and none can be made: {run.problem}. {components.WAY_ON}")
        elif run.config is not None:
            components.missing(f"{said} yet.", command(run, (data, *ood)))
        return False
    if data == found.own and entry.split in PARTS:
        st.caption(
            f"{look(data).title} has no test split, so its {entry.split} part is shown instead. The model was not "
            "fitted to any of these images."
        )
    depth, kinds = entry.metadata.depth, offered(task=entry.metadata.task).values()
    if silent := [score.title for score in kinds if not score.levels(depth)]:
        st.caption(f"A model of {depth} latent layers has none of these scores: {', '.join(silent)}.")
    return True


def first_runs(found: Sequence[RunEntry], chosen: RunEntry) -> None:
    """The chosen run, some of those that can judge an image or soon will, and the way to all of them."""
    ready = [run for run in found if run == chosen or loading.state(run).state in GOOD]
    shown = sorted(ready, key=lambda run: run != chosen)[:MOST_AT_FIRST]
    runs_table(shown)
    if len(shown) < len(found):
        every = state.values("runs", about=parts.EVERY_RUN)
        st.page_link("../pages/runs.py", label=f"All {len(found)} runs →", query_params=every)


def runs_table(found: Sequence[RunEntry]) -> None:
    """Runs, one row each, and below it why some of them are not complete."""
    rows = [_row(run) for run in found]
    frame = pd.DataFrame(rows).astype({"depth": "Int64", "validation_bits_per_dim": float})

    def per(row: Any, name: str) -> str:
        layers = () if pd.isna(row.depth) else range(1, 1 + row.depth)
        return f'<span class="folds">{per_layer([getattr(row, f"{name}_{layer}") for layer in layers])}</span>'

    components.listed(
        frame,
        {
            "run": lambda row: leading(row.run, row.data),
            "state": lambda row: components.mark(row.state, "good" if row.state in GOOD else "warn"),
            "trained on": lambda row: look(row.data).title if pd.notna(row.data) else "–",
            "epochs": lambda row: "–" if pd.isna(row.planned) else f"{row.epochs:,} of {row.planned:,.0f}",
            "bits/dim ↓": lambda row: bits(row.validation_bits_per_dim),
            "layers": lambda row: "–" if pd.isna(row.depth) else str(row.depth),
            "weights": lambda row: "–" if pd.isna(row.parameters) else f"{row.parameters:,.0f}",
            "tables": lambda row: str(row.score_tables),
            "KL (nats)": lambda row: per(row, "kl"),
            "active units": lambda row: per(row, "active_units"),
        },
        "Bits per dimension of the best epoch on validation images, how many score tables there are, and "
        "what each layer carries (KL in nats, active units)",
        name="runs",
    )
    wrong: dict[str, list[str]] = {}
    for row in rows:
        if row["reason"]:
            wrong.setdefault(components.escape(row["reason"]), []).append(components.escape(row["run"]))
    if wrong:
        # Many runs may be bundled without their weights: the table says which, one line what that means.
        named = {
            reason: ", ".join(names) if len(names) < 6 else f"{len(names)} runs" for reason, names in wrong.items()
        }
        lines = (f"<li><b>{names}</b>: {reason}</li>" for reason, names in named.items())
        st.html(f'<ul class="prose" aria-label="Why runs are not complete">{"".join(lines)}</ul>')


def leading(run: str, data: object) -> str:
    """The name of a run trained on a set, where that is known, leading to the overview of it."""
    own = data if isinstance(data, str) and ":" not in data else None
    return components.leads(components.named(run), "overview", run=run, data=own, ood=None, image=None)


def _best(run: RunEntry) -> dict[str, float]:
    """The epoch that the weights were kept from; the page of the run says why a learning curve cannot be read."""
    with suppress(HvaeError, KeyError, TypeError, ValueError, OSError):
        history = loading.history(run)
        return history.loc[history["elbo"].idxmax()].to_dict() if len(history) else {}
    return {}


def _row(run: RunEntry) -> dict[str, object]:
    state, config = loading.state(run), run.config
    best = of_file("best epoch", run.path / "history.csv", lambda _: _best(run)) or {}
    value = None
    if config and not config.model.task and "elbo" in best:
        value = float(stats.bits_per_dim(best["elbo"], config.model.dimensions))
    layers = range(1, (run.depth or 0) + 1)
    return {
        "run": run.name,
        "state": state.state,
        "reason": state.reason,
        "data": config.data.name if config else None,
        "depth": run.depth,
        "parameters": loading.parameters(run),
        "epochs": state.epochs,
        "planned": config.training.epochs if config else None,
        "validation_bits_per_dim": value,
        **{f"kl_{layer}": -best.get(f"log_ratio_{layer}", math.nan) for layer in layers},
        **{f"active_units_{layer}": best.get(f"active_units_{layer}", math.nan) for layer in layers},
        "score_tables": len(table_paths(run.path)),
        "path": str(run.path),
    }
