"""Numbers of the Scores page that cost a sort of every image, cached until a table changes."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.reading import loading
from app.reading.measures import Measure
from hvae import stats
from hvae.runs.score_tables import TableKey
from hvae.stats import Density, Estimate, PrecisionRecallCurve, RocCurve


def auroc(inside: TableKey, outside: TableKey, measure: Measure) -> Estimate:
    """AUROC of a score with its interval; no unit changes it.

    Raises:
        TableError: missing or damaged tables, or k outside the layers of the model.
    """
    return _auroc(
        (inside, outside), Measure(measure.score, measure.k), _name((inside, outside), measure.score, measure.k)
    )


# Only the name is hashed: walking through the fields of keys takes longer than most of what is cached.
@st.cache_data(max_entries=2048, show_spinner=False)
def _auroc(_pair: tuple[TableKey, TableKey], _measure: Measure, name: str) -> Estimate:
    inside, outside = (_measure.of(loading.table(key)) for key in _pair)
    return stats.auroc(inside, outside)


def curves(inside: TableKey, outside: TableKey, measure: Measure) -> tuple[RocCurve, PrecisionRecallCurve]:
    """ROC and precision-recall curve of a score, thinned for drawing. Raises as `auroc`."""
    return _curves((inside, outside), measure, _name((inside, outside), measure.score, measure.k, measure.unit))


@st.cache_data(max_entries=256, show_spinner=False)
def _curves(_pair: tuple[TableKey, TableKey], _measure: Measure, name: str) -> tuple[RocCurve, PrecisionRecallCurve]:
    inside, outside = (_measure.of(loading.table(key)) for key in _pair)
    return stats.roc_curve(inside, outside), stats.precision_recall_curve(inside, outside)


def densities(keys: Sequence[TableKey], measure: Measure) -> list[Density]:
    """Binned densities of a score on several sets, over shared edges. Raises as `auroc`."""
    return _densities(keys, measure, _name(keys, measure.score, measure.k, measure.unit))


@st.cache_data(max_entries=128, show_spinner=False)
def _densities(_keys: Sequence[TableKey], _measure: Measure, name: str) -> list[Density]:
    values = [_measure.of(loading.table(key)) for key in _keys]
    edges = stats.shared_edges(values)
    return [stats.density(scores, edges) for scores in values]


def _name(keys: Sequence[TableKey], *measure: str | int) -> str:
    """One string for tables as they are on disk and a score."""
    return "\n".join([*(f"{key.path}@{key.path.stat().st_mtime_ns}" for key in keys), *map(str, measure)])
