"""All scores in one table, and the best of each group in words."""

from collections.abc import Hashable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app.baselines.choosing import Rivals
from app.frame import components, controls, state
from app.frame.caching import kept
from app.looks.palette import look
from app.looks.wording import rate
from app.reading.view import RESAMPLES
from hvae.report.rivals import GROUPS, Column
from hvae.scores import SCORES

WORDS = {
    "labels or OOD data": "have seen labels or OOD images",
    "prior knowledge": "use prior knowledge",
    "neither": "need neither",
}
"""Group -> what its scores do."""
ALL = "anything"
MOST_ROWS = 18
"""Rows that the table shows without scrolling in it."""


def choose_group() -> str:
    """Which scores the table shows, by what they take; all of them unasked."""
    return controls.choose("Scores that need", "takes", (ALL, *GROUPS), select=True, width=190)


def best(frame: pd.DataFrame) -> None:
    """The best score of each group, and of those that need no model, in one sentence."""
    # The best of each group comes first. Many images together are another question than one.
    rows = [row for row in frame.to_dict("records") if not pd.isna(row["auroc"]) and row["per_image"]]
    parts = {
        f"of those that {WORDS[group]}": [one for one in rows if one["group"] == group and not one["model_free"]]
        for group in GROUPS
    }
    parts["without any model"] = [one for one in rows if one["model_free"]]
    said = [f"{words}, {_named(own[0])}" for words, own in parts.items() if own]
    st.html(f'<p class="prose"><strong>Best here:</strong> {"; ".join(said)}.</p>')


def _named(row: dict[Hashable, Any]) -> str:
    run = f" of {components.escape(row['run'])}" if row["run"] else ""
    return f"{components.escape(_called(row))}{run} ({rate(row['auroc'])})"


def table(shown: Rivals, frame: pd.DataFrame, against: Column | None, group: str) -> None:
    """Every score of a group, or of all in their order; the CSV has all that is known of each.

    What a phone shows without scrolling sideways comes first.
    """
    own, other = (look(slug).title for slug in shown.sets)
    n_in, n_ood = (len(shown.rows[slug]) for slug in shown.sets)
    title = f"Every score on the same images: {n_in:,} of {own} against {n_ood:,} of {other}, with 95 % intervals"
    components.titled(title)
    # Every link says what was chosen on all pages, which one of them tells.
    stamp = shown.stamp, [one.name for one in shown.columns], against and against.name, group, state.href("scores")
    view = kept("rival rows", stamp, lambda: _rows(_of_group(frame, group), shown.slug))
    numbers = {name: st.column_config.NumberColumn(format="%.3f") for name in ("AUROC", "AUPRC", "FPR80", "FPR95")}
    rival = f"AUROC minus that of {against.title}, on the same images" if against else None
    numbers |= {"difference": st.column_config.NumberColumn(format="%+.3f", help=rival)}
    numbers["published"] = st.column_config.NumberColumn(
        format="%.3f", help="AUROC that was published for a model like this; the last columns say where"
    )
    numbers["passes"] = st.column_config.NumberColumn(help="How often an image has to go through a model")
    wide = {
        "interval": st.column_config.TextColumn(width=112),
        "interval of the difference": st.column_config.TextColumn(width=165),
    }
    wide["score"] = st.column_config.TextColumn(pinned=True)
    wide["opens"] = st.column_config.LinkColumn(display_text="Scores ↗", help="That score of that run, in a new tab")
    height = 36 + 35 * min(len(view), MOST_ROWS)
    config = numbers | wide
    st.dataframe(view, hide_index=True, height=height, column_config=config, key="rivals", placeholder="", alt=title)
    # Whoever saves it waits for the intervals of all metrics.
    whole = partial(shown.table, against, RESAMPLES)
    components.save(lambda: _of_group(whole(), group), f"rivals-{shown.slug}", key="rivals-csv")
    said = f" The difference is from {components.escape(against.title)}." if against else ""
    components.prose(
        "Click a heading to sort. Higher AUROC and AUPRC are better, and so are lower FPR80 and FPR95: the false "
        f"alarms where 80 or 95 % of the OOD images are caught.{said} Rows without an AUROC stand for published "
        "figures that no run here has. What others got later is under “re-run”."
    )


def _rows(frame: pd.DataFrame, slug: str) -> pd.DataFrame:
    """What the table shows of the scores of a frame, under its headings."""
    offered = frame.assign(run=[_whose(row) for row in frame.to_dict("records")])
    # What was only published would fill the first screen with empty cells.
    offered = offered.sort_values("auroc", key=pd.isna, kind="stable")
    view = pd.DataFrame(
        {
            "score": [_called(row) for row in offered.to_dict("records")],
            "AUROC": offered["auroc"],
            "interval": _intervals(offered, "auroc"),
            "run": offered["run"],
            "opens": [_view(row, slug) for row in offered.to_dict("records")],
            "takes": offered["group"] + np.where(offered["needs"].str.contains("a batch"), ", a batch", ""),
            "published": offered["published_auroc"],
            "re-run": offered["rerun"],
            "difference": offered["difference"],
            "interval of the difference": _intervals(offered, "difference", "{:+.3f}"),
            "FPR80": offered["fpr80"],
            "FPR95": offered["fpr95"],
            "AUPRC": offered["auprc"],
            "passes": offered["passes"],
            "source": offered["published_source"],
            "about the source": offered["published_note"],
        }
    )
    return view if any(offered["rerun"]) else view.drop(columns="re-run")


def _of_group(frame: pd.DataFrame, group: str) -> pd.DataFrame:
    return frame if group == ALL else frame.query("group == @group")


def _view(row: dict[Hashable, Any], slug: str) -> str | None:
    """Where the Scores page shows a row; nothing where no run here has it, or not one run alone."""
    if pd.isna(row["auroc"]) or not row["run"] or not SCORES[row["name"]].of_one_table():
        return None
    level = None if pd.isna(row["k"]) else int(row["k"])
    return state.href("scores", run=row["run"], ood=[slug], score=row["name"], k=level, image=None)


def _called(row: dict[Hashable, Any]) -> str:
    """The score of a row as people call it, with its symbol where it has levels; a published one as its paper does."""
    if row["name"] not in SCORES or pd.isna(row["auroc"]):
        return str(row["score"])
    return SCORES[row["name"]](None if pd.isna(row["k"]) else int(row["k"])).called


def _whose(row: dict[Hashable, Any]) -> str:
    """The run of a row, or what stands for it."""
    if row["model_free"]:
        return "no model"
    return str(row["run"]) or f"published: {row['model']}"


def _intervals(frame: pd.DataFrame, name: str, form: str = "{:.3f}") -> list[str]:
    ends = zip(frame[f"{name}_low"], frame[f"{name}_high"], strict=True)
    return ["" if pd.isna(low) else f"[{form.format(low)}, {form.format(high)}]" for low, high in ends]
