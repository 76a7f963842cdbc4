"""Scored uploads under a budget: verdicts, sentences, tables, and their report."""

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from app import notes
from app.frame.caching import kept
from app.frame.components import escape
from app.images.sources import UPLOADS_SLUG
from app.looks.pictures import data_uri
from app.reading import loading
from app.score_images.asking import counted
from app.server.judgements import JudgedBy, Settings, Stored
from hvae.datasets import content_index
from hvae.errors import TableError
from hvae.runs.catalogue import Catalogue, TableEntry
from hvae.runs.notes import noted
from hvae.scores import computable, find
from hvae.verdicts import power, words
from hvae.verdicts.choice import PIXELS
from hvae.verdicts.rule import Rule, rule


@dataclass(frozen=True, eq=False)
class Judged:
    """Stored results under a budget `alpha`; the frame has the `verdict` on each image and whether it is an `alarm`."""

    stored: Stored
    alpha: float
    frame: pd.DataFrame
    obstacles: tuple[str, ...] = ()
    """Of each run, run A first, why nothing can raise an alarm under it; empty where something can."""


class Reference(NamedTuple):
    """The reference part that images were ranked in, among the tables of the run that judged them."""

    found: Catalogue
    entry: TableEntry


def judged(stored: Stored, alpha: float) -> Judged:
    """Verdicts under a budget."""
    # Jobs of an earlier version have neither.
    frame = stored.frame.assign(**{name: "" for name in ("caveats", "decided_by") if name not in stored.frame})
    p, low, high = (frame[column].to_numpy() for column in ("p", "p_low", "p_high"))
    alarms, n, by_pixels = p <= alpha, stored.settings.n_calibration, frame["decided_by"] == PIXELS
    said = [words.in_words(*one[:4], n, one[4]) for one in zip(alarms, p, low, high, by_pixels, strict=True)]
    every = (stored.settings, *stored.settings.also)
    obstacles = tuple(words.too_few(one.run, one.n_calibration, alpha) for one in every)
    verdicts = [words.NOT_JUDGED] * len(frame) if obstacles[0] else said
    alarms &= not obstacles[0]
    return Judged(stored, alpha, frame.assign(alarm=alarms, verdict=verdicts), obstacles)


def conclusion(found: Judged) -> tuple[str, str]:
    """What to make of all images, and what the rule catches at this budget, in plain sentences."""
    together = words.summary(found.frame["p"].to_numpy(), found.stored.settings.n_calibration, found.alpha)
    doubtful = int(np.count_nonzero(found.frame["caveats"] != ""))
    return words.conclusion(together, doubtful, len(found.stored.refused)), _catches(found).replace(" %", "\xa0%")


def told_of(found: Judged) -> tuple[str, str, str]:
    """The conclusion, what the rule catches, and all images together; why nothing is judged, where nothing is."""
    return (found.obstacles[0], "", "") if found.obstacles[0] else (*conclusion(found), in_words(found))


def judged_by(settings: Settings) -> tuple[Rule, list[power.Measured]] | None:
    """The rule that judged, and what it catches of the sets scored under its run; None where it is gone."""
    if (like := reference(settings)) is None:
        return None
    how = {"score": settings.score, "statistic": settings.statistic, "two_sided": settings.two_sided}
    stamp = [like.found.run.path, settings.setting, *map(loading.stamp, like.found.entries), *how.values()]
    try:
        made = rule(like.found, settings.setting, **how)
        return made, kept("caught", stamp, lambda: power.measured(like.found, made))
    except TableError:
        return None


def _catches(found: Judged) -> str:
    known = judged_by(found.stored.settings)
    return power.catches(known[1], found.alpha) if known else ""


def in_words(found: Judged) -> str:
    """All images together, in sentences."""
    calibration, share = found.stored.settings.n_calibration, f"{100 * found.alpha:g} %"
    together: dict[str, Any] = words.summary(found.frame["p"].to_numpy(), calibration, found.alpha)
    n = counted(together["n"], "image")
    text = (
        f"{together['alarms']:,} of {n} raise an alarm at a budget of {share}. If all were in-distribution, about "
        f"{together['expected']:.1f} would, and between {together['low']:,} and {together['high']:,} in 999 of 1,000 "
        f"such collections. The Benjamini-Hochberg procedure calls {together['discoveries']:,} of them OOD, of which "
        f"at most {share} are expected to be in-distribution."
    )
    if (least := together["least_rejections"]) > 1:
        text += (
            f" The smallest p there can be is 1 in {calibration + 1:,}, so with {n} that procedure can call none "
            f"unless at least {least:,} are as far out as can be measured."
        )
    return text


def paragraphs(found: Judged) -> list[str]:
    """The conclusion, what the rule catches, and all images together, in HTML."""
    said, *more = map(escape, told_of(found))
    return [f'<p class="prose">{one}</p>' for one in (f"<strong>{said}</strong>", *more) if one]


def setting_in_words(settings: Settings) -> str:
    """How the images were scored."""
    fit = ", ".join([settings.fit, *["inverted"] * settings.invert, *settings.steps])
    fit += f", {counted(len(settings.choices), 'file')} otherwise" if settings.choices else ""
    kind = f"judged by {settings.score} ({find(settings.score).title}), statistic {settings.statistic}"
    sides = ", two-sided" * settings.two_sided
    sizes = f"{settings.n_reference:,} images to rank against, {settings.n_calibration:,} to calibrate"
    runs = ", ".join(settings.runs)
    return " · ".join([runs, settings.source, fit, kind + sides, str(settings.setting), sizes])


def reference(settings: Settings) -> Reference | None:
    """The reference part that the images were ranked in; None where it is gone or was made anew."""
    run = next((one for one in loading.runs() if one.name == settings.run), None)
    found = loading.catalogue(run) if run else None
    entry = found.find(found.own or "", settings.setting, ("reference",)) if found else None
    if found is None or entry is None or entry.metadata.weights_sha256 != settings.weights_sha256:
        return None
    table = loading.table(found, entry)
    return None if computable(settings.levels, (table,), table)[1] else Reference(found, entry)


def columns(found: Judged) -> dict[str, tuple[str, str]]:
    """The table of verdicts for people: heading -> (column, how it is written)."""
    levels = found.stored.settings.levels
    at = ("differs at k", "%d") if len(levels) > 1 else ("differs at", "%s")
    differs = {at[0]: ("differs_at", at[1])} if "differs_at" in found.frame else {}
    scores = {f"{one.label}, {one.units[0]}": (one.label, "%.1f") for one in levels}
    told = {"name": ("name", "%s"), "doubts": ("caveats", "%s"), "verdict": ("verdict", "%s"), "p": ("p", "%.4f")}
    return told | differs | scores | {"stands out by": ("decided_by", "%s"), "done to the file": ("changes", "%s")}


def visible(found: Judged, rows: np.ndarray) -> pd.DataFrame:
    """The columns for people of some images, thumbnails first; of doubts the kinds alone, to leave room."""
    frame = _in_full(found, rows)
    return frame.assign(doubts=[", ".join(re.findall(r"(?:^|; )([a-z-]+):", said)) for said in frame["doubts"]])


def _in_full(found: Judged, rows: np.ndarray) -> pd.DataFrame:
    shown = {heading: found.frame[column].iloc[rows].to_numpy() for heading, (column, _) in columns(found).items()}
    return pd.DataFrame({"image": map(data_uri, found.stored.images[rows])} | shown)


def compared(found: Judged) -> tuple[pd.DataFrame, str] | None:
    """`words.side_by_side` of the images that every run has judged, and what it says; None where there is none.

    Nor is there where nothing could raise an alarm under one of the runs.
    """
    frames = (found.stored.frame, *found.stored.others)
    n = min(map(len, frames))
    if len(frames) == 1 or not n or any(found.obstacles):
        return None
    runs = found.stored.settings.runs
    table = words.side_by_side(runs, [frame["p"].to_numpy()[:n] for frame in frames], found.alpha)
    said = f"{words.best_in_words(runs, table)} {words.COMPARABLE}"
    return found.stored.frame[["name"]].iloc[:n].join(table), said


def cells(found: Judged, table: pd.DataFrame) -> pd.DataFrame:
    """The columns for people: name, the run that knows it best, how many raise no alarm, every p with its alarm."""
    runs = found.stored.settings.runs
    calm = [f"{count} of {len(runs)}" for count in table["no_alarm_from"]]
    shown = {"name": table["name"], "knows it best": table["knows_best"], "no alarm from": calm}
    for run in runs:
        shown[f"p, {run}"] = table[f"p {run}"].map("{:.4f}".format) + np.where(table[f"alarm {run}"], " alarm", "")
    return pd.DataFrame(shown)


def report(found: Judged) -> str:
    """Everything about the images as one HTML file, see `hvae.report.judged`."""
    from hvae.report import judged as reports

    settings = found.stored.settings
    facts = _facts(settings) | {"false-alarm budget": found.alpha}
    for number, other in enumerate(settings.also, start=1):
        facts |= {f"further run {number}, {name}": value for name, value in _facts(other).items()}
    said, catches, together = told_of(found)
    frame, shown = with_notes(found), columns(found)
    shown |= {name: (name, "%s") for name in ("tags", "note") if name in frame}
    side_by_side = compared(found)
    return reports.document(
        reports.JudgedImages(
            ", ".join(settings.runs), said, together, catches, frame,
            [reports.thumbnail(image) for image in found.stored.images], shown,
            [name for name in frame if name.startswith(f"{settings.levels[0].label}: ")], facts,
            [f"{by.run}: {by.note}" for by in (settings, *settings.also) if by.note], found.stored.refused,
            (cells(found, side_by_side[0]), side_by_side[1]) if side_by_side else None,
        )
    )  # fmt: skip


def with_notes(found: Judged) -> pd.DataFrame:
    """The frame, with `tags` and `note` where the run has notes on images of this content."""
    run = next((one for one in loading.runs() if one.name == found.stored.settings.run), None)
    written = notes.of(run) if run else {}
    if not written:
        return found.frame
    return noted(found.frame, written, [f"{UPLOADS_SLUG}:{content_index(image)}" for image in found.stored.images])


def _facts(by: JudgedBy) -> dict[str, object]:
    """Everything that is known of a run that judged, or of the whole job."""
    return by.model_dump(exclude={"also", "setting"}) | by.setting.fields
