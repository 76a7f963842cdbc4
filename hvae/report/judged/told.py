"""Verdicts on images as the page, the command and the report tell them: in the same words, with the same numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hvae import __version__
from hvae.report.judged.document import JudgedImages
from hvae.report.judged.where import Where
from hvae.runs.notes import Note, noted
from hvae.scores import find
from hvae.verdicts import words
from hvae.verdicts.asked import JudgedBy, Settings
from hvae.verdicts.choice import PIXELS
from hvae.verdicts.judgement import order


@dataclass(frozen=True, eq=False)
class Judged:
    """Images that were judged, under a budget `alpha`; see `under`."""

    settings: Settings
    alpha: float
    frame: pd.DataFrame
    """One row an image: `name`, `changes`, the columns of a `Judge`, its `verdict` and whether it is an `alarm`."""
    obstacles: tuple[str, ...]
    """Of each run, the first one first, why nothing can raise an alarm under it; empty where something can."""
    refused: Sequence[tuple[str, str]] = ()
    """(file, reason) of what could not be read."""
    others: Sequence[pd.DataFrame] = ()
    """What each further run says of the first images."""


def under(settings: Settings, frame: pd.DataFrame, alpha: float) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """(the frame of a `Judge` with `verdict` and `alarm` under a budget, what stands in the way of each run)."""
    # Results of an earlier version have neither.
    frame = frame.assign(**{name: "" for name in ("caveats", "decided_by") if name not in frame})
    p, low, high = (frame[column].to_numpy() for column in ("p", "p_low", "p_high"))
    alarms, n, by_pixels = p <= alpha, settings.n_calibration, frame["decided_by"] == PIXELS
    said = [words.in_words(*one[:4], n, one[4]) for one in zip(alarms, p, low, high, by_pixels, strict=True)]
    obstacles = tuple(words.too_few(one.run, one.n_calibration, alpha) for one in (settings, *settings.also))
    verdicts = [words.NOT_JUDGED] * len(frame) if obstacles[0] else said
    return frame.assign(alarm=alarms & (not obstacles[0]), verdict=verdicts), obstacles


def conclusion(found: Judged) -> str:
    """What to make of all images; why nothing is judged, where nothing is."""
    doubtful = int(np.count_nonzero(found.frame["caveats"] != ""))
    return found.obstacles[0] or words.conclusion(_summary(found), doubtful, len(found.refused))


def together(found: Judged) -> str:
    """All images together, in sentences; empty where nothing is judged."""
    return "" if found.obstacles[0] else words.together(_summary(found), found.settings.n_calibration, found.alpha)


def _threshold(found: Judged) -> str:
    """What an alarm is, for whoever knows neither the rule nor its words."""
    return (
        f"An image raises an alarm where its p is at most {found.alpha:g}. Its p is the share of images of the kind "
        f"that the model knows (in-distribution) that are as far out, measured on {found.settings.n_calibration:,} of "
        "them that were held out of its training. Images of any other kind are called out-of-distribution (OOD)."
    )


def _summary(found: Judged) -> dict[str, object]:
    return words.summary(found.frame["p"].to_numpy(), found.settings.n_calibration, found.alpha)


def columns(found: Judged) -> dict[str, tuple[str, str]]:
    """The table of verdicts for people: heading -> (column, how it is written)."""
    levels = found.settings.levels
    at = ("differs at k", "%d") if len(levels) > 1 else ("differs at", "%s")
    differs = {at[0]: ("differs_at", at[1])} if "differs_at" in found.frame else {}
    scores = {f"{one.label}, {one.units[0]}": (one.label, "%.1f") for one in levels}
    told = {"name": ("name", "%s"), "doubts": ("caveats", "%s"), "verdict": ("verdict", "%s"), "p": ("p", "%.4f")}
    return told | differs | scores | {"stands out by": ("decided_by", "%s"), "done to the file": ("changes", "%s")}


def compared(found: Judged) -> tuple[pd.DataFrame, str] | None:
    """`words.side_by_side` of the images that every run has judged, and what it says; None where there is none.

    Nor is there where nothing could raise an alarm under one of the runs.
    """
    frames = (found.frame, *found.others)
    n = min(map(len, frames))
    if len(frames) == 1 or not n or any(found.obstacles):
        return None
    runs = found.settings.runs
    table = words.side_by_side(runs, [frame["p"].to_numpy()[:n] for frame in frames], found.alpha)
    said = f"{words.best_in_words(runs, table)} {words.COMPARABLE}"
    return found.frame[["name"]].iloc[:n].join(table), said


def cells(found: Judged, table: pd.DataFrame) -> pd.DataFrame:
    """The columns for people: name, the run that knows it best, how many raise no alarm, every p with its alarm."""
    runs = found.settings.runs
    calm = [f"{count} of {len(runs)}" for count in table["no_alarm_from"]]
    shown = {"name": table["name"], "knows it best": table["knows_best"], "no alarm from": calm}
    for run in runs:
        shown[f"p, {run}"] = table[f"p {run}"].map("{:.4f}".format) + np.where(table[f"alarm {run}"], " alarm", "")
    return pd.DataFrame(shown)


def report(
    found: Judged,
    pictures: Sequence[bytes],
    catches: str,
    where: Where,
    notes: dict[str, Note],
    keys: Iterable[str],
) -> JudgedImages:
    """What the report says: of each image its thumbnail, of the run its `notes` on images of these `keys`."""
    settings = found.settings
    frame = noted(found.frame, notes, keys)
    side_by_side = compared(found)
    return JudgedImages(
        run=", ".join(settings.runs),
        conclusion=conclusion(found),
        threshold=[] if found.obstacles[0] else [_threshold(found), together(found)],
        catches="" if found.obstacles[0] else catches,
        frame=frame,
        pictures=pictures,
        shown=columns(found),
        parts=[name for name in frame if name.startswith(f"{settings.levels[0].label}: ")],
        facts=_facts(found),
        notes=[f"{by.run}: {by.note}" for by in (settings, *settings.also) if by.note],
        refused=found.refused,
        beside=(cells(found, _furthest_first(found, side_by_side[0])), side_by_side[1]) if side_by_side else None,
        where=where,
    )


def _furthest_first(found: Judged, table: pd.DataFrame) -> pd.DataFrame:
    """The first images as `compared` has them, in the order of the verdicts."""
    return table.iloc[[row for row in order(found.frame) if row < len(table)]]


def _facts(found: Judged) -> dict[str, object]:
    """How the images were judged: enough to judge them again."""
    settings, by_pixels = found.settings, any(found.frame["decided_by"])
    facts: dict[str, object] = {
        "run": settings.run,
        "images": settings.source,
        "score": settings.score,
        "that is": find(settings.score).title,
        "levels combined by": settings.statistic,
        "alarm where the score is": "high or low" if settings.two_sided else "high",
        "pixels ranked as well": "yes" if by_pixels else "no",
        "false-alarm budget": found.alpha,
        **_of_run(settings),
        "size of an image": " × ".join(map(str, settings.image_shape)),
        "images of another shape": settings.fit,
        "black and white exchanged": "yes" if settings.invert else "no",
        "done to every file": ", ".join(settings.steps) or "nothing else",
        "files treated otherwise": len(settings.choices) or "none",
        "hvae": __version__,
    }
    for number, other in enumerate(settings.also, start=1):
        about = {"run": other.run} | _of_run(other)
        facts |= {f"further run {number}, {name}": value for name, value in about.items()}
    return facts


def _of_run(by: JudgedBy) -> dict[str, object]:
    return {
        "setting": str(by.setting),
        "reference images": f"{by.n_reference:,}",
        "calibration images": f"{by.n_calibration:,}",
        "weights": by.weights_sha256,
        "note": by.note or "none",
    }
