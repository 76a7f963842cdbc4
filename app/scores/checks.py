"""Checks below the figures of the Scores page: the label-free rule, the negative control, and the readings."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app.frame import components
from app.looks.palette import look
from app.looks.wording import estimate, percent, score_command
from app.reading import measures
from app.reading import numbers as score_numbers
from app.reading.measures import Setting
from app.reading.view import View
from hvae.errors import TableError
from hvae.models.proposal import READINGS
from hvae.runs.folders import RunEntry

ROLES = {"held-out half": "held-out training images", "test": "test images", "ood": ""}


def label_free(view: View, run: RunEntry) -> None:
    """False alarms and power of the rule that sees no OOD image, beside the threshold chosen above."""
    components.section(
        "Judged without any OOD image",
        "No OOD image chooses k or the threshold: each image's LLR<sup>&gt;k</sup> is ranked in a reference part of "
        "the training set at every k, and its smallest rank becomes a p-value on a calibration part that nothing else "
        f"uses. An alarm is p ≤ {percent(view.budget)}.",
    )
    parts = {split: view.part(split) for split in ("reference", "calibration")}
    absent = [split for split, part in parts.items() if part is None]
    if absent or run.config is None:
        key = view.inside.key
        components.missing(
            f"This needs score tables of the {' and '.join(absent) or 'reference'} part of the training set.",
            score_command(run.name, key).replace(
                f"--split {key.split}", " ".join(f"--split {split}" for split in absent or ["reference"])
            ),
        )
        return
    keys = [part.key for part in (view.inside, *view.outside, *parts.values()) if part]
    alarms = _alarms(f"{run.path}{measures.stamp(keys)}", view.budget, view, run)
    rows = []
    for row in alarms.to_dict("records"):
        own = row["role"] != "ood"
        expected = f"{percent(row['low'])} to {percent(row['high'])}" if own else "as high as possible"
        inside = own and row["low"] <= row["rate"] <= row["high"]
        rows.append(
            [
                f"{look(row['data']).title} {ROLES[row['role']]}".strip(),
                percent(row["rate"]),
                expected + ("" if not own or inside else " " + components.mark("outside")),
                f"{row['n']:,}",
            ]
        )
    components.table(["images", "called OOD", "expected", "n"], rows, numbers=alarms, name="label-free-rule")


@st.cache_data(max_entries=64, show_spinner=False)
def _alarms(stamp: str, alpha: float, _view: View, _run: RunEntry) -> pd.DataFrame:
    """The label-free rule on the test sets of a view whose reference and calibration parts are scored."""
    # scipy.stats behind this takes longer to import than the rest of the page: only now, below everything drawn.
    from hvae.report.comparisons import Comparison
    from hvae.report.tables import alarm_table

    assert _run.config is not None
    about = _view.inside.table.metadata
    parts = {split: _view.part(split) for split in ("reference", "calibration")}
    comparison = Comparison(
        run=_run.name,
        config=_run.config,
        in_data=_view.inside.slug,
        in_table=_view.inside.table,
        parts={split: part.table for split, part in parts.items() if part},
        others=tuple(other.table for other in _view.outside),
        history=pd.DataFrame(),
        reading=_view.setting.reading,
        samples=_view.setting.samples,
        draws=_view.setting.draws,
        seed=about.seed,
        precision=about.precision,
    )
    return alarm_table([comparison], alpha=alpha)


def negative_control(view: View, run: RunEntry) -> None:
    """Fitted against test images of the same set: about .5 for an honest score."""
    components.section(
        "Negative control",
        "Images the model was fitted on against test images of the same set. A score that tells OOD images apart, and "
        "not merely unseen ones, gives about .5 here.",
    )
    fitted = view.part("fitted")
    if fitted is None:
        command = score_command(run.name, view.inside.key)
        components.missing(
            "The fitted images are not scored under this setting.",
            command.replace(f"--split {view.inside.key.split}", "--split fitted"),
        )
        return
    one = score_numbers.auroc(fitted.key, view.inside.key, view.measure)
    word = components.mark("about .5", "good") if one.low <= 0.53 and one.high >= 0.47 else components.mark("not .5")
    components.table(
        ["score", "AUROC, test against fitted", "", "fitted", "test"],
        [[view.measure.symbol, estimate(one), word, f"{len(fitted.table):,}", f"{len(view.inside.table):,}"]],
    )


def readings(view: View) -> None:
    """The same score under every reading whose tables exist."""
    rows, numbers = [], []
    for reading in READINGS:
        setting = Setting(reading, view.setting.samples, view.setting.draws)
        inside = measures.find(view.keys, view.inside.slug, setting)
        cells: list[str] = []
        for other in view.outside:
            outside = measures.find(view.keys, other.slug, setting)
            cell = "–"
            if inside and outside:
                try:
                    one = score_numbers.auroc(inside, outside, view.measure)
                    cell = estimate(one)
                    numbers.append(
                        {"reading": reading, "ood": other.slug, "auroc": one.value, "low": one.low, "high": one.high}
                    )
                except TableError as error:
                    cell = components.escape(error)
            cells.append(cell)
        if inside and any(cell != "–" for cell in cells):
            rows.append([f"{reading}{' (chosen)' if reading == view.setting.reading else ''}", *cells])
    if len(rows) < 2:
        return
    components.section(
        "Readings side by side",
        "The paper's L<sup>&gt;k</sup> can be read in four ways, and the published code changed its reading once. "
        f"AUROC of {view.measure.symbol} under each:",
    )
    columns = ["reading", *(look(other.slug).title for other in view.outside)]
    components.table(columns, rows, numbers=pd.DataFrame(numbers), name="readings")
