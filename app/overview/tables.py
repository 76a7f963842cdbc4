"""The tables of the overview: the paper's Tables 1 and 2 beside ours, and the runs found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from app.frame import components
from app.looks.palette import look
from app.looks.wording import bits, estimate, per_layer, rate
from app.reading import loading
from app.reading import measures as score_measures
from app.reading import numbers as score_numbers
from app.reading.measures import Measure, Setting
from app.reading.progress import best_epoch, state_mark
from hvae import stats
from hvae.report import published
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable, TableKey
from hvae.stats import Estimate

MOST_ACROSS = 5
"""Layers up to which the scores stand side by side; those of a deeper model stand below one another."""


def spread(found: Mapping[str, Estimate]) -> dict[str, float]:
    """Estimates as columns of a table: the value, its low and its high end."""
    return {
        name + end: value
        for name, one in found.items()
        for end, value in (("", one.value), ("_low", one.low), ("_high", one.high))
    }


def mean_bits(table: ScoreTable, k: int) -> float:
    """Mean bits per dimension of L^{>k}; lower = more likely."""
    return float(np.mean(stats.bits_per_dim(table.bound(k), table.metadata.dimensions)))


def table_1(inside: ScoreTable, outside: dict[str, ScoreTable], data: str) -> None:
    """Bits per dimension of L^{>k} on the own test images and on every OOD set, the paper's figures beside them."""
    pair = next((slug for slug in outside if published.find(in_data=data, ood_data=slug, score="L")), None)
    rows, numbers = [], []
    for k in range(inside.metadata.depth + 1):
        own = mean_bits(inside, k)
        cells = [bits(own)]
        numbers.append({"k": k, "data": data, "bits_per_dim": own})
        for slug, table in outside.items():
            value = mean_bits(table, k)
            numbers.append({"k": k, "data": slug, "bits_per_dim": value})
            cells.append(bits(value) + (" " + components.mark("more likely") if value < own else ""))
        if pair:
            paper = published.find(in_data=data, ood_data=pair, score="L", k=k, samples=1, model="HVAE")
            first = paper[0] if paper else None
            higher = bool(first and first.bits_in and first.bits_ood and first.bits_ood < first.bits_in)
            cells.append(bits(first.bits_in if first else None))
            cells.append(
                bits(first.bits_ood if first else None) + (" " + components.mark("more likely") if higher else "")
            )
        rows.append([f"L<sup>&gt;{k}</sup>", *cells])
    columns = ["bound", look(data).title, *(look(slug).title for slug in outside)]
    if pair:
        columns += [f"paper: {look(data).title}", f"paper: {look(pair).title}"]
    caption = "Bits per dimension, lower = more likely (the paper's Table 1)"
    components.table(columns, rows, caption, numbers=pd.DataFrame(numbers), name="table-1")


def table_2(keys: Sequence[TableKey], setting: Setting, inside: TableKey, outside: TableKey, depth: int) -> None:
    """AUROC, AUPRC and FPR80 of -L^{>k} and LLR^{>k} on one pair of sets, the paper's figures beside them."""
    measures = [(Measure("L", 0), setting)]
    measures += [(Measure("LLR", k), setting) for k in range(1, depth + 1)]
    more = max(
        (s for s in score_measures.settings(keys, inside.slug) if _more_samples(s, setting)), default=None, key=_samples
    )
    if more and score_measures.find(keys, outside.slug, more):
        measures.append((Measure("LLR", 1), more))
    rows, numbers = [], []
    for measure, one in measures:
        a, b = score_measures.find(keys, inside.slug, one), score_measures.find(keys, outside.slug, one)
        assert a is not None and b is not None
        found = loading.summary(a, b, measure.score, measure.k)["equal"]
        paper = published.find(
            model="HVAE", in_data=inside.slug, ood_data=outside.slug, score=measure.score,  # type: ignore[arg-type]
            k=measure.k, samples=one.samples,
        )  # fmt: skip
        first = paper[0] if paper else None
        word = components.mark("wrong way") if found["auroc"].value < 0.45 else ""
        name = measure.symbol + (f" (S = {one.samples})" if one.samples > 1 else "")
        rows.append(
            [name, *(estimate(found[metric]) for metric in ("auroc", "auprc", "fpr80"))]
            + [
                " / ".join(rate(getattr(first, metric)) for metric in ("auroc", "auprc", "fpr80")) if first else "–",
                word,
            ]
        )
        numbers.append({"score": components.plain(name)} | spread(found))
    components.table(
        ["score", "AUROC ↑", "AUPRC ↑", "FPR80 ↓", "paper", ""],
        rows,
        f"{look(outside.slug).title} against {look(inside.slug).title}, {setting} (the paper's Table 2)",
        numbers=pd.DataFrame(numbers),
        name="table-2",
    )


def every_set(inside: TableKey, outside: Mapping[str, TableKey], data: str, depth: int) -> None:
    """AUROC of -L^{>0} and of LLR^{>k} at every k against each OOD set."""
    measures = [Measure("L", 0), *(Measure("LLR", k) for k in range(1, depth + 1))]
    rows, numbers = [], []
    for slug, key in outside.items():
        found = [score_numbers.auroc(inside, key, measure) for measure in measures]
        names = [components.plain(measure.symbol) for measure in measures]
        numbers.append({"ood": slug} | spread(dict(zip(names, found, strict=True))))
        talk = published.find(in_data=data, ood_data=slug, source=published.TALK)
        rows.append(
            [look(slug).title, *(estimate(one) for one in found)]
            + [f"{rate(talk[0].auroc)} ({talk[0].name.replace('>', '&gt;')})" if talk else "–"]
        )
    columns = ["OOD set", *(measure.symbol for measure in measures), "published talk"]
    if depth > MOST_ACROSS:
        columns, *rows = ([str(cell) for cell in column] for column in zip(columns, *rows, strict=True))
        columns[0] = "score"
    caption = "AUROC against every OOD set, with 95 % intervals"
    components.table(columns, rows, caption, numbers=pd.DataFrame(numbers), name="every-set")


def runs_table(found: Sequence[RunEntry]) -> None:
    """Every run with its state and what each layer carries: KL in nats and active units from the learning curve."""
    rows, numbers = [], []
    for run in found:
        state, kept = loading.state(run), best_epoch(run)
        layers = range(1, (run.depth or 0) + 1)
        kl = per_layer([-kept.get(f"log_ratio_{layer}", np.nan) for layer in layers])
        active = per_layer([kept.get(f"active_units_{layer}", np.nan) for layer in layers])
        rows.append(
            [
                components.escape(run.name),
                state_mark(state),
                components.escape(run.config.data.name) if run.config else "–",
                str(run.depth or "–"),
                kl,
                active,
                str(len(loading.tables(run))),
                f'<span class="wrap">{components.escape(state.reason or "")}</span>',
            ]
        )
        numbers.append({"run": run.name, "state": state.state, "problem": state.reason, "path": str(run.path)} | kept)
    components.table(
        ["run", "state", "trained on", "layers", "KL per layer (nats)", "active units per layer", "score tables", ""],
        rows,
        numbers=pd.DataFrame(numbers),
        name="runs",
    )


def _more_samples(one: Setting, than: Setting) -> bool:
    return one.reading == than.reading and one.draws == than.draws and one.samples > than.samples


def _samples(one: Setting) -> int:
    return one.samples
