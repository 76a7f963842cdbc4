"""The robustness card of a run: how strongly its own test images must be changed until its scores see it."""

import shlex

import pandas as pd
import streamlit as st

from app.figures import robustness
from app.frame import components, controls
from app.frame.caching import kept
from app.looks.palette import Look, look
from hvae.datasets.families import FAMILIES, Family
from hvae.datasets.looks import BLUE, GREEN, VERMILION
from hvae.report.robustness import BASELINE, SEEN, limit, rows_of, shown_scores
from hvae.runs.folders import RunEntry
from hvae.runs.measured.cards import UNALTERED, Card, cards

ACROSS = 2
"""Figures side by side."""
STYLES = ((BLUE, "solid", "circle"), (VERMILION, "dash", "square"), (GREEN, "dot", "diamond"))


def section(run: RunEntry) -> None:
    """The section with the card, or the command that measures it."""
    components.section(
        "Robustness",
        "The run's own test images are changed step by step and scored against unchanged ones: how strong must a "
        f"change be before a score sees it? “Not seen” means an AUROC below {SEEN:g}.",
    )
    found, problems = cards(run)
    for line in problems:
        components.problem(line)
    command = f"hvae score {shlex.quote(run.name)} --card"
    if not found:
        components.missing(f"{run.name} has no robustness card yet.", command)
        return
    by_name = {str(card.metadata.setting): card for card in found}
    card = by_name[controls.choose("Measured with", "card", list(by_name)) if len(by_name) > 1 else next(iter(by_name))]
    about, rows, stem = card.metadata, rows_of(card), f"{run.name}-{card.metadata.file_name.removesuffix('.parquet')}"
    st.caption(
        f"{about.n:,} changed and {about.n_unaltered:,} other test images of {look(about.slug).title}, "
        f"{about.setting}. Bands are 95 % intervals (DeLong). The best baseline, which needs no model, is chosen "
        "separately for each change by the AUROCs shown here, which favours it."
    )
    _limits(rows, card, f"limits-{stem}")
    families = list(rows.groupby("family", sort=False))
    # A row at a time, so that they keep their order where columns stand below one another.
    for first in range(0, len(families), ACROSS):
        row = zip(st.columns(ACROSS, gap="medium"), families[first : first + ACROSS], strict=False)
        for column, (name, own) in row:
            with column:
                _family(FAMILIES[str(name)], own, card, f"{name}-{stem}")
    st.caption("Measure it again and print it")
    components.code(f"{command} {about.setting.options}\nhvae report {shlex.quote(run.name)} --card")


def _limits(rows: pd.DataFrame, card: Card, name: str) -> None:
    """One row a family, one column a score."""
    shown = shown_scores(card)
    table = [
        {"change": own["name"].iloc[0], "unit": own["unit"].iloc[0]} | {one: _limit(own, one) for one in shown}
        for _, own in rows.groupby("family", sort=False)
    ]
    cells = [[_of_unit(row["change"], row["unit"]), *(row[one] for one in shown)] for row in table]
    heads = ["change", *(score.symbol if score else label for label, score in shown.items())]
    caption = "Limits of near-OOD detection: which changes a score does not see"
    components.table(heads, cells, caption, numbers=pd.DataFrame(table), name=name)


def _of_unit(change: str, unit: str) -> str:
    return f"{change} ({unit})" if unit else change


def _limit(own: pd.DataFrame, shown: str) -> str:
    """The limit of one score in a family; the baseline by its name."""
    mine = own.query(f"shown == {shown!r}")
    if mine.empty:
        return "–"
    words = limit(FAMILIES[str(mine["family"].iloc[0])], mine)
    return f"{words} ({mine['score'].iloc[0]})" if shown == BASELINE else words


def _family(family: Family, own: pd.DataFrame, card: Card, name: str) -> None:
    """One family: a curve a score that is shown, from what the unaltered images give at strength 0."""
    scores, lines = shown_scores(card), {}
    for (shown, score), style in zip(scores.items(), STYLES, strict=False):
        mine = own.query(f"shown == {shown!r}")
        if len(mine):
            label = mine["score"].iloc[0]
            start = card.frame.query(f"family == {UNALTERED!r} and score == {label!r}")
            title = score.symbol if score else f"{BASELINE} ({label})"
            lines[Look(title, *style)] = mine if family.names else pd.concat([start, mine])
    said = f"{family.title}: {_limit(own, next(iter(scores)))} by {next(iter(lines)).title}"
    figure = kept("card", (card.metadata, family.name), lambda: robustness.curves(family, lines, SEEN, said))
    table = own.drop(columns=["family", "words", "model_free"])
    components.chart(figure, table, name, key=f"card-{family.name}")
