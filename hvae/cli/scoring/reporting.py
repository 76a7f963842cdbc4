"""The report of `hvae score RUN --images --report FILE`: what it shows is kept while images pass, and written once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hvae.cli.terminal import warn
from hvae.datasets.own.outside import Refusal
from hvae.datasets.own.preparing import Treatment
from hvae.errors import DataError
from hvae.files import write_text
from hvae.report.judged import told
from hvae.report.judged.document import MOST_ALARMS, document, thumbnail
from hvae.report.judged.where import where
from hvae.runs.folders import RunEntry
from hvae.runs.notes import note_key, read_notes
from hvae.verdicts.asked import JudgedBy, Settings
from hvae.verdicts.judgement import order
from hvae.verdicts.rule import Rule


class Kept:
    """Of every image its thumbnail and name in notes, of the most unusual alarms the pixels: memory stays small."""

    def __init__(self) -> None:
        self.pictures: list[bytes] = []
        self.keys: list[str] = []
        self._furthest = pd.DataFrame()
        self._alarms: dict[int, np.ndarray] = {}

    def add(self, images: Sequence[np.ndarray], frame: pd.DataFrame) -> None:
        """A batch of images `(channel, height, width)` uint8, and what was said of them."""
        first, rows = len(self.pictures), np.flatnonzero(frame["ood"])
        self._alarms |= {first + row: images[row] for row in rows.tolist()}
        self.pictures += map(thumbnail, images)
        self.keys += map(note_key, images)
        far = {name: frame[name].to_numpy()[rows] for name in ("T", "p") if name in frame}
        furthest = pd.concat([self._furthest, pd.DataFrame(far, index=first + rows)])
        self._furthest = furthest.iloc[order(furthest)[:MOST_ALARMS]] if len(furthest) else furthest
        self._alarms = {row: self._alarms[row] for row in self._furthest.index}

    def alarms(self) -> dict[int, np.ndarray]:
        """The most unusual alarms by their row."""
        return self._alarms


def write_report(
    out: Path,
    runs: Sequence[RunEntry],
    rules: Sequence[Rule],
    frames: Sequence[pd.DataFrame],
    kept: Kept,
    how: Treatment,
    alpha: float,
    sources: Sequence[Path],
    catches: str,
    refused: Sequence[Refusal],
) -> None:
    """What the first run says, and the others beside it; the path is said on stderr, since stdout may be JSON."""
    first, *others = [_judged_by(run, rule) for run, rule in zip(runs, rules, strict=True)]
    settings = Settings(
        **first.model_dump(exclude={"setting"}),
        setting=first.setting,
        source=", ".join(path.resolve().name for path in sources),
        **vars(how),
        score=rules[0].score,
        depth=runs[0].depth or 0,
        statistic=rules[0].statistic,
        two_sided=rules[0].two_sided,
        also=tuple(others),
    )
    frame, obstacles = told.under(settings, frames[0].rename(columns={"image": "name"}), alpha)
    unread = [(one.name, one.reason) for one in refused]
    found = told.Judged(settings, alpha, frame, obstacles, unread, frames[1:])
    try:
        notes = read_notes(runs[0].path)
    except DataError as error:
        warn(f"without its notes: {error}")
        notes = {}
    lost = where(runs[0], settings, kept.alarms())
    write_text(out, document(told.report(found, kept.pictures, catches, lost, notes, kept.keys)))
    warn(f"the report is {out}")


def _judged_by(run: RunEntry, rule: Rule) -> JudgedBy:
    return JudgedBy(
        run=run.name,
        setting=rule.setting,
        weights_sha256=rule.weights_sha256,
        n_reference=len(rule.reference),
        n_calibration=len(rule.calibration),
        note=rule.note,
    )
