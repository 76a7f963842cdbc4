"""How the configurations of runs differ, and what their training cost and reached."""

import json
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pandas as pd
import streamlit as st

from app.compare.choosing import letter
from app.figures.profile import number
from app.frame import components
from app.reading import loading
from hvae.config import RunConfig
from hvae.errors import HvaeError
from hvae.runs.folders import RunEntry

T = TypeVar("T")

UNSAID = "data.fingerprint"
"""A field that is not listed: it follows from the data set, and no person reads a hash."""
MOST_ROWS = 24
"""Rows of the table on the page; the CSV has all of them."""


def configurations(runs: Sequence[RunEntry]) -> None:
    """A table of the fields in which the runs differ, one column a run, with size, speed and validation ELBO below."""
    components.section(
        "How they differ",
        "The fields of <code>config.json</code> that are not the same, then how fast each was trained and the best "
        "ELBO that it reached, in nats.",
    )
    fields, figures = differing([run.config for run in runs]), _beside([_facts(run) for run in runs])
    shown = {f"<code>{components.escape(name)}</code>": values for name, values in fields.items()}
    if len({run.depth for run in runs if run.config}) > 1:
        # Field by field two models of unlike depth would fill the page.
        shown = {name: values for name, values in shown.items() if not name.startswith("<code>model.stages.")}
        shown |= {
            # Kind and size of a latent layer, and the blocks below it as channels and side of the kernel.
            f"z<sub>{layer}</sub>": [
                run.config.model.layer_in_words(layer) if run.config and layer <= run.config.model.depth else None
                for run in runs
            ]
            for layer in range(1, 1 + max(run.depth or 0 for run in runs))
        }
    rows = [[name.replace(".", ".<wbr>"), *map(_shown, values)] for name, values in list(shown.items())[:MOST_ROWS]]
    rows += [[components.escape(name), *map(_rounded, values)] for name, values in figures.items()]
    names = [run.name for run in runs]
    components.table(
        ["", *(f"{letter(place)} · {components.named(name)}" for place, name in enumerate(names))],
        rows,
        _caption(len(fields), sum(run.config is not None for run in runs)),
        numbers=pd.DataFrame(
            [[name, *values] for name, values in (fields | figures).items()], columns=["field", *names]
        ),
        name="configurations",
    )
    if (rest := len(shown) - MOST_ROWS) > 0:
        st.caption(f"{rest} more fields differ: the CSV has all of them.")


def _caption(count: int, known: int) -> str:
    if known < 2:
        return "Nothing to set side by side: fewer than two configurations can be read"
    if count == 0:
        return "The configurations are the same in every field"
    return f"{count} {'field differs' if count == 1 else 'fields differ'}"


def _facts(run: RunEntry) -> dict[str, float]:
    """Size from the header of the weights, speed and best validation ELBO from the learning curve."""
    count = loading.parameters(run)
    facts: dict[str, float] = {} if count is None else {"parameters": count}
    try:
        history = loading.history(run)
        for name, column, take in (
            ("training, images/s (median)", "images_per_second", np.nanmedian),
            (f"best validation {run.config.model.objective if run.config else 'ELBO'} (nats)", "elbo", np.nanmax),
        ):
            if column in history and np.isfinite(values := np.asarray(history[column], np.float64)).any():
                facts[name] = float(take(values))
    except (HvaeError, ValueError, TypeError) as error:
        text = f"The learning curve of {run.name} cannot be read: {error}"
        st.html(f'<p class="prose">{components.escape(text)}</p>')
    return facts


def _shown(value: str | None) -> str:
    if value is None:
        return "–"
    text = components.escape(value)
    return text if len(value) <= 30 else f'<span class="folds">{text}</span>'


def _rounded(value: float | None) -> str:
    return "–" if value is None else number(value)


def flattened(value: object, name: str = "") -> dict[str, str]:
    """Every field of a `config.json` under its dotted name; stages and blocks are counted from 0, as in the file."""
    if isinstance(value, list) and any(isinstance(inner, dict | list) for inner in value):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return {name: value if isinstance(value, str) else json.dumps(value)}
    return {
        dotted: text
        for key, inner in value.items()
        for dotted, text in flattened(inner, f"{name}.{key}" if name else str(key)).items()
    }


def differing(configs: Sequence[RunConfig | None]) -> dict[str, list[str | None]]:
    """Fields that are not the same in all configurations: dotted name -> value in each, None where it has none."""
    flat = [flattened(json.loads(config.to_json())) if config else {} for config in configs]
    same = _beside([one for one in flat if one])
    differ = {name: values for name, values in _beside(flat).items() if len(set(same[name])) > 1}
    return {name: values for name, values in differ.items() if name != UNSAID}


def _beside(rows: Sequence[dict[str, T]]) -> dict[str, list[T | None]]:
    """Name -> value in each row, None where it has none."""
    return {name: [one.get(name) for one in rows] for name in dict.fromkeys(name for one in rows for name in one)}
