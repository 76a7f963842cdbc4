"""Robustness cards as tables, and from which strength on a score sees a change. Imports no torch."""

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from hvae import scores as registry
from hvae.datasets.families import FAMILIES, Family
from hvae.report.tables import SETTINGS
from hvae.runs.folders import RunEntry
from hvae.runs.measured.cards import Card, cards
from hvae.scores import Score

SEEN = 0.75
"""AUROC from which on a change is said to be seen: half way from guessing to perfect."""
BASELINE = "best baseline"
"""What the baseline is called that is shown; see `rows_of`."""


def rows_of(card: Card) -> pd.DataFrame:
    """The rows of a card, each family from its weakest strength to its strongest, with what tables say of them.

    Beside the columns of the card: `name` and `unit` of the family, `words` of the strength, `model_free`, and `shown`,
    what the score is called where only three are shown: the two of the model by their labels, and per family
    `BASELINE`, the one with the highest mean AUROC over its strengths. Choosing it sees the changed images, which
    favours it.
    """
    known = {score.label: score for score in registry.everything(card.metadata.depth, task=None)}
    labels, found = list(known), []
    for name, family in FAMILIES.items():
        own = card.frame.query(f"family == {name!r} and score in {labels}").sort_values("strength", kind="stable")
        names, areas = own["score"].to_numpy(), own["auroc"].to_numpy()
        free = [str(label) for label in dict.fromkeys(names) if known[label].model_free]
        best = max(free, key=lambda label: areas[names == label].mean(), default="")  # noqa: B023  # called at once
        shown = {label: label for label in labels if not known[label].model_free} | {best: BASELINE}
        found.append(
            own.assign(
                name=family.title,
                unit=family.unit,
                words=[family.words(strength) for strength in own["strength"]],
                model_free=[known[label].model_free for label in own["score"]],
                shown=[shown.get(label, "") for label in own["score"]],
            )
        )
    return pd.concat(found, ignore_index=True)


def shown_scores(card: Card) -> dict[str, Score | None]:
    """What is shown of a card, by the words of `rows_of` in their order; None where the score depends on the family."""
    known = {score.label: score for score in registry.everything(card.metadata.depth, task=None)}
    present = [label for label in dict.fromkeys(card.frame["score"]) if label in known]
    shown: dict[str, Score | None] = {label: known[label] for label in present if not known[label].model_free}
    return shown | ({BASELINE: None} if len(shown) < len(present) else {})


def limit(family: Family, rows: pd.DataFrame) -> str:
    """In words, which strengths of a family one score does not see, from its rows, one a strength: the weakest first.

    Seen is an AUROC of at least `SEEN`. Such as `below 0.2 not seen`, `seen from 0.02 on`, `not seen up to 0.4`.
    """
    seen = (rows["auroc"] >= SEEN).tolist()
    words = [family.words(strength) for strength in rows["strength"]]
    missed = [word for word, caught in zip(words, seen, strict=True) if not caught]
    if family.names:
        return f"{' and '.join(missed)} not seen" if missed else f"{' and '.join(words)} seen"
    if not missed:
        return f"seen from {words[0]} on"
    if len(missed) == len(words):
        return f"not seen up to {words[-1]}"
    first = seen.index(True)
    return f"below {words[first]} not seen" if all(seen[first:]) else f"not seen at {', '.join(missed)}"


def card_tables(runs: Iterable[RunEntry], readings: Sequence[str] = ()) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The tables `card` and `limits` of the cards of runs, and one line for each that has to be left out.

    `card` has the columns of `rows_of` beside the settings, `n_in`, `n_ood`, `n_calibration` and `budget`; `limits` a
    row a family and score shown, with the `limit` in words. Both are left out where there is no row.
    """
    problems: list[str] = []
    rows: list[pd.DataFrame] = []
    limits: list[dict[str, object]] = []
    for run in runs:
        found, wrong = cards(run)
        problems += wrong
        if not found and not wrong:
            problems.append(f"{run.name} has no robustness card: hvae score {run.name} --card measures it")
        for card in found:
            if not readings or card.metadata.reading in readings:
                frame = _with_settings(run, card)
                rows.append(frame)
                limits += _limits(frame)
    tables = {"card": pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(), "limits": pd.DataFrame(limits)}
    return {name: table for name, table in tables.items() if len(table)}, problems


def _with_settings(run: RunEntry, card: Card) -> pd.DataFrame:
    """The rows of a card behind what they depend on."""
    about, frame = card.metadata, rows_of(card)
    settings: dict[str, object] = {"run": run.name, "in_data": about.slug, **about.setting.fields}
    sizes: dict[str, object] = {"n_in": about.n_unaltered, "n_ood": about.n, "n_calibration": about.n_calibration}
    columns = [*settings, *frame.columns, *sizes, "budget"]
    return frame.assign(**settings, **sizes, budget=about.budget).reindex(columns=columns)


def _limits(frame: pd.DataFrame) -> Iterator[dict[str, object]]:
    """One row a family and score that is shown, of one card."""
    for _, own in frame.query("shown != ''").groupby(["family", "shown"], sort=False):
        first = own.iloc[0]
        kept = first[[*SETTINGS, "family", "name", "unit", "score", "shown"]].to_dict()
        yield kept | {"seen": SEEN, "limit": limit(FAMILIES[first["family"]], own)}
