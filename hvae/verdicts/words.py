"""Verdicts in words: on one image, on all of them together, and by several runs side by side. Imports no torch."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from hvae.errors import HvaeError
from hvae.stats import conformal
from hvae.stats.arrays import Floats, between, finite

CONFIDENCE = 0.95
"""Of the interval around the share of in-distribution images that are as far out."""
NONE_KNOWS = "none of them"
COMPARABLE = (
    "A p-value is comparable between runs because each is calibrated on its own training set: it is the share of the "
    "run's own in-distribution images that are as far out. Several runs can all raise no alarm, and then the "
    "larger p says little, as the p-values of images that a run knows are spread evenly from 0 to 1. They can also all "
    "call it unusual: none of them knows it."
)
"""What p-values side by side mean."""


def summary(p: Floats, n: int, alpha: float) -> dict[str, object]:
    """What the rule says about all images together, by their conformal p-values `(m,)` from `n` calibration images.

    `n`; `alarms`, how many have p <= alpha; `expected`, how many would if every image were in-distribution; `low` and
    `high`, the 99.9 % beta-binomial interval of that count; `discoveries`, how many the Benjamini-Hochberg procedure
    calls OOD with a false discovery rate of alpha; `least_rejections`, how many images must be as far out as can be
    measured before that procedure can call any.
    """
    m = len(p)
    low, high = conformal.false_alarm_interval(alpha, n, m)
    return {
        "n": m,
        "alarms": int(np.count_nonzero(p <= alpha)),
        "expected": alpha * m,
        "low": round(low * m),
        "high": round(high * m),
        "discoveries": int(conformal.benjamini_hochberg(p, alpha).sum()),
        "least_rejections": conformal.least_rejections(m, alpha, n),
    }


def conclusion(together: Mapping[str, Any], doubtful: int, refused: int) -> str:
    """What to make of all images, in plain sentences: by their `summary`, how many have caveats or were not read."""
    n, alarms = together["n"], together["alarms"]
    them, they_are = ("it", "it is") if n == 1 else ("them", "they are")
    if not alarms:
        looks = "it does not look" if n == 1 else "none looks"
        said = f"No alarm on {images(n)}: {looks} unlike what the model knows. That is no proof that {they_are} fine."
    elif alarms > together["high"]:
        there = "it is one" if n == 1 else "there are images here"
        said = (
            f"{_raising(alarms, n)}, more than the {together['high']:,} at most that mistakes explain: look at {them}"
            f"{' one by one' * (n != 1)}, {there} that the model does not know."
        )
    else:
        said = (
            f"{_raising(alarms, n)}, no more than mistakes explain ({together['low']:,} to {together['high']:,}): look "
            f"at {them}, but do not conclude that anything is wrong."
        )
    if doubtful:
        said += f" Doubtful before any verdict: {doubtful:,}; read what stands beside them first."
    if refused:
        said += f" Not read, so not judged: {refused:,} file{'s' * (refused != 1)}."
    return said


def images(n: int) -> str:
    """So many images in words."""
    return f"{n:,} image{'s' * (n != 1)}"


def _raising(alarms: int, n: int) -> str:
    return f"{alarms:,} of {images(n)} raise{'s' * (1 in (alarms, n))} an alarm"


def together(said: Mapping[str, Any], n_calibration: int, alpha: float) -> str:
    """All images together, in sentences, by their `summary`."""
    share, n = f"{100 * alpha:g} %", said["n"]
    text = (
        f"{_raising(said['alarms'], n)} at a budget of {share}. If {'it' if n == 1 else 'all'} were in-distribution, "
        f"about {said['expected']:.1f} would, and between {said['low']:,} and {said['high']:,} in 999 of 1,000 such "
        f"collections. The Benjamini-Hochberg procedure calls {said['discoveries']:,} OOD, of which at most {share} "
        "are expected to be in-distribution."
    )
    if (least := said["least_rejections"]) > 1:
        text += (
            f" The smallest p there can be is 1 in {n_calibration + 1:,}, so with {images(n)} that procedure can call "
            f"none{f' unless at least {least:,} are as far out as can be measured' * (least <= n)}."
        )
    return text


def knows_best(p: ArrayLike, alpha: float) -> np.ndarray:
    """Which runs know each image best: those with its largest p-value, unless every run raises an alarm.

    A mask `(m, runs)` as the p-values are, each calibrated on the training set of its run: several in a row are tied,
    none of a row knows the image.

    Raises:
        HvaeError: p-values that are not a finite table, or alpha outside (0, 1).
    """
    p = finite(p, "p-values", 2)
    return (p == p.max(axis=1, keepdims=True)) & (p > between(alpha, "alpha", 0, 1))


def side_by_side(runs: Sequence[str], p: Sequence[Floats], alpha: float) -> pd.DataFrame:
    """The p-values `(m,)` of each of several runs on the same images, and which run knows each best.

    One row an image: `knows_best` in words; `no_alarm_from`, how many runs raise no alarm; for each run `p NAME` and
    `alarm NAME`.

    Raises:
        HvaeError: runs that judged different numbers of images, or alpha outside (0, 1).
    """
    if len({len(one) for one in p}) != 1:
        judged = ", ".join(f"{run} {len(one):,}" for run, one in zip(runs, p, strict=True))
        raise HvaeError(f"runs can be put side by side only on the same images, these judged {judged}")
    table = np.column_stack(list(p))
    words = [_knowing([run for run, best in zip(runs, row, strict=True) if best]) for row in knows_best(table, alpha)]
    frame = pd.DataFrame({"knows_best": words, "no_alarm_from": np.count_nonzero(table > alpha, axis=1)})
    for run, values in zip(runs, p, strict=True):
        frame = frame.assign(**{f"p {run}": values, f"alarm {run}": values <= alpha})
    return frame


def best_in_words(runs: Sequence[str], frame: pd.DataFrame) -> str:
    """How many images each run knows best, in one sentence; `frame` is that of `side_by_side` on these runs."""
    counts = Counter(frame["knows_best"])
    known = [f"{run} knows {counts[run]:,} best" for run in runs]
    none = counts[NONE_KNOWS]
    tied = len(frame) - none - sum(counts[run] for run in runs)
    ties = [f"{tied:,} {'is a tie' if tied == 1 else 'are ties'}"] if tied else []
    counted = ", ".join([*known, *ties, f"and {NONE_KNOWS} knows {none:,}."])
    return f"Of {images(len(frame))}, {counted}"


def _knowing(runs: Sequence[str]) -> str:
    if not runs:
        return NONE_KNOWS
    return runs[0] if len(runs) == 1 else f"tie: {', '.join(runs)}"


def share_interval(reached: Sequence[int] | np.ndarray, n: int) -> tuple[Floats, Floats]:
    """Clopper-Pearson interval of a share of which `reached` of `n` were seen."""
    reached = np.asarray(reached)
    tail = (1 - CONFIDENCE) / 2
    low = np.where(reached > 0, stats.beta.ppf(tail, np.maximum(reached, 1), n - reached + 1), 0.0)
    high = np.where(reached < n, stats.beta.ppf(1 - tail, reached + 1, np.maximum(n - reached, 1)), 1.0)
    return low, high


def too_few(run: str, n: int, alpha: float) -> str:
    """Why no image whatever could raise an alarm at a budget, with `n` calibration images; empty where one could.

    Raises:
        HvaeError: alpha outside (0, 1).
    """
    if n >= (needed := conformal.least_calibration(alpha)):
        return ""
    return (
        f"{run}: with {n:,} calibration image{'s' * (n != 1)} nothing can raise an alarm at alpha {alpha:g}: it takes "
        f"{needed:,} (the calibration part of about {5 * needed:,} training images), or an alpha of at least "
        f"{np.ceil(1e4 / (n + 1)) / 1e4:g}"
    )


NOT_JUDGED = "not judged: nothing could raise an alarm at this budget"
"""The verdict where a calibration part is too small: that there is no alarm would say nothing."""
NO_ALARM = "no alarm"
"""All that may be said of an image that is not far out: it may be of another kind and look as the known ones do."""


def in_words(alarm: bool, p: float, low: float, high: float, n: int, by_pixels: bool = False) -> str:
    """The verdict on one image, from its p-value, the interval of the share as far out, and the calibration size.

    `by_pixels`: whether it stands out by its pixels more than by what the model says.
    """
    if not alarm:
        return NO_ALARM
    pixels = " in its pixels" * by_pixels
    if p * (n + 1) < 1.5:
        return f"unlike anything in the reference{pixels}: none of {n:,} in-distribution images is as far out"
    likely = f"1 in {_rounded(1 / high)} to 1 in {_rounded(1 / low)}"
    return f"unusual{pixels}: 1 in {_rounded(1 / p)} in-distribution images is as far out ({likely})"


def _rounded(number: float) -> str:
    """A count to two digits: no interval is sharper than that."""
    return f"{float(f'{number:.2g}'):,.0f}"
