"""Scored uploads under a budget: verdicts, sentences, tables, and their report."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from app import notes
from app.frame.caching import kept
from app.frame.components import escape
from app.frame.components import printed as table_in_latex
from app.looks.pictures import data_uri
from app.reading import loading
from app.score_images.asking import counted
from app.server.judgements import Stored
from hvae.datasets.own.caveats import out_of_words
from hvae.errors import TableError
from hvae.report.judged import told
from hvae.runs.catalogue import Catalogue, TableEntry
from hvae.runs.folders import RunEntry
from hvae.runs.notes import Note, note_key, noted
from hvae.runs.score_tables import ScoreTable
from hvae.scores import Score, computable, find
from hvae.verdicts import power
from hvae.verdicts.asked import JudgedBy, Settings
from hvae.verdicts.rule import Rule, rule


@dataclass(frozen=True, eq=False)
class Judged(told.Judged):
    """Stored results under a budget, with the images as the model takes them."""

    images: np.ndarray = field(kw_only=True)


class Reference(NamedTuple):
    """The reference part that images were ranked in, among the tables of the run that judged them."""

    found: Catalogue
    entry: TableEntry


def judged(stored: Stored, alpha: float) -> Judged:
    """Verdicts under a budget."""
    frame, obstacles = told.under(stored.settings, stored.frame, alpha)
    return Judged(stored.settings, alpha, frame, obstacles, stored.refused, stored.others, images=stored.images)


def judged_by(settings: Settings) -> tuple[Rule, list[power.Measured]] | None:
    """The rule that judged, and what it catches of the sets scored under its run; None where it is gone."""
    if (like := reference(settings)) is None:
        return None
    how = {"score": settings.score, "statistic": settings.statistic, "two_sided": settings.two_sided}
    stamp = [like.found.run.path, settings.setting, *map(loading.stamp, like.found.entries), *how.values()]

    def measured() -> tuple[Rule, list[power.Measured]]:
        made = rule(like.found, settings.setting, **how)
        return made, power.measured(like.found, made)

    try:
        return kept("caught", stamp, measured)
    except TableError:
        return None


def _catches(found: Judged) -> str:
    known = judged_by(found.settings)
    return power.catches(known[1], found.alpha) if known else ""


def paragraphs(found: Judged) -> list[str]:
    """The conclusion, what the rule catches, and all images together, in HTML; why nothing is judged, where so."""
    more = [] if found.obstacles[0] else [_catches(found), told.together(found)]
    said, *more = [escape(one).replace(" %", "\xa0%") for one in (told.conclusion(found), *more)]
    return [f'<p class="prose">{one}</p>' for one in (f"<strong>{said}</strong>", *more) if one]


def setting_in_words(settings: Settings) -> str:
    """How the images were scored."""
    fit = ", ".join([settings.fit, *["inverted"] * settings.invert, *settings.steps])
    fit += f", {counted(len(settings.choices), 'file')} otherwise" if settings.choices else ""
    kind = f"judged by {find(settings.score).title}, statistic {settings.statistic}"
    sides = ", two-sided" * settings.two_sided
    sizes = f"{settings.n_reference:,} images to rank against, {settings.n_calibration:,} to calibrate"
    runs = ", ".join(settings.runs)
    return " · ".join([runs, settings.source, fit, kind + sides, str(settings.setting), sizes])


def reference(settings: Settings) -> Reference | None:
    """The reference part that the images were ranked in; None where it is gone or was made anew."""
    run = _run(settings)
    found = loading.catalogue(run) if run else None
    entry = found.find(found.own or "", settings.setting, ("reference",)) if found else None
    if found is None or entry is None or entry.metadata.weights_sha256 != settings.weights_sha256:
        return None
    stamp = loading.stamp(entry), settings.levels
    lacking = kept("lacking", stamp, lambda: _lacking(loading.table(found, entry), settings.levels))
    return None if lacking else Reference(found, entry)


def _lacking(table: ScoreTable, levels: Sequence[Score]) -> list[str]:
    return computable(levels, (table,), table)[1]


def visible(found: Judged, rows: np.ndarray) -> pd.DataFrame:
    """The columns for people of some images, thumbnails first; of doubts the kinds alone, to leave room."""
    frame = _for_people(found, found.frame, rows)
    frame.insert(0, "image", list(map(data_uri, found.images[rows])))
    return frame


def printed(found: Judged, rows: np.ndarray, order: str) -> str:
    """What the page shows of some images, in this order, as LaTeX; with tags and notes where there are any."""
    frame = _for_people(found, whole := with_notes(found), rows)
    for heading, (_, form) in told.columns(found).items():
        if form != "%s":
            frame[heading] = frame[heading].map(lambda value, form=form: form % value)
    for name in ("tags", "note"):
        if name in whole:
            frame[name] = whole[name].to_numpy()[rows]
    about = f"Verdicts of {found.settings.run} on {counted(len(rows), 'image')}, {order}"
    return table_in_latex(frame, f"{about}; an alarm is a p of at most {found.alpha:g}")


def _for_people(found: Judged, frame: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    shown = {heading: frame[column].to_numpy()[rows] for heading, (column, _) in told.columns(found).items()}
    return pd.DataFrame(shown).assign(
        doubts=[", ".join(one.kind for one in out_of_words(said)) for said in shown["doubts"]]
    )


def report(found: Judged) -> str:
    """Everything about the images as one HTML file, see `hvae.report.judged`."""
    from hvae.report.judged.document import document, most_unusual, thumbnail
    from hvae.report.judged.where import where

    run = _run(found.settings)
    lost = where(run, found.settings, {row: found.images[row] for row in most_unusual(found.frame)}, loading.checkpoint)
    pictures = [thumbnail(image) for image in found.images]
    return document(told.report(found, pictures, _catches(found), lost, *_notes(found)))


def with_notes(found: Judged) -> pd.DataFrame:
    """The frame, with `tags` and `note` where the run has notes on images of this content."""
    return noted(found.frame, *_notes(found))


def _notes(found: Judged) -> tuple[dict[str, Note], list[str]]:
    """What is noted of the run's images, and the names of these among them."""
    run = _run(found.settings)
    written = notes.of(run) if run else {}
    return written, [note_key(image) for image in found.images] if written else []


def _run(by: JudgedBy) -> RunEntry | None:
    return next((one for one in loading.runs() if one.name == by.run), None)
