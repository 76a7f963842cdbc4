"""What follows from a budget of false alarms: alarms a day, misses a day, and what both cost. No Streamlit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hvae.stats.conformal import least_calibration
from hvae.verdicts.power import Measured

BUDGETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)


@dataclass(frozen=True)
class Costs:
    """What is expected of a day and what mistakes cost, in any unit."""

    volume: int
    """Images a day."""
    unusual: float
    """Share of them that is of another kind, in [0, 1]."""
    miss: float
    """Of an unusual image without an alarm."""
    false_alarm: float
    """Of an alarm on an ordinary image."""


def promised(alpha: float, calibration: int) -> float:
    """Share of ordinary images that raise a false alarm, the mean over calibration parts of that size."""
    return math.floor(alpha * (calibration + 1) * (1 + 1e-12)) / (calibration + 1)


def table(sets: Sequence[Measured], calibration: int, costs: Costs) -> pd.DataFrame:
    """One row a budget at which alarms are possible, with what is expected of a day.

    Ordinary images raise false alarms as often as is `promised`; unusual ones are caught as often as those of the other
    sets that the run has scored, all sets weighing the same, None where there is none.
    """
    others = [one for one in sets if not one.own]
    rows = []
    for alpha in BUDGETS:
        if calibration < least_calibration(alpha):
            continue
        rate = promised(alpha, calibration)
        caught = sum(one.share(alpha) for one in others) / len(others) if others else None
        strange = costs.volume * costs.unusual
        wrong = costs.volume * (1 - costs.unusual) * rate
        row = {"budget": alpha, "false_alarms": wrong, "caught_share": caught}
        if caught is not None:
            missed = strange * (1 - caught)
            row |= {"caught": strange * caught, "missed": missed, "alarms": wrong + strange * caught}
            row["cost"] = missed * costs.miss + wrong * costs.false_alarm
        rows.append(row)
    return pd.DataFrame(rows)


def cheapest(found: pd.DataFrame) -> int | None:
    """The row that costs least; None where no cost is known, or all are the same."""
    costs = found["cost"].to_numpy() if "cost" in found else []
    return None if not len(costs) or (len(costs) > 1 and max(costs) == min(costs)) else int(np.argmin(costs))


def in_words(found: pd.DataFrame, costs: Costs) -> str:
    """What to choose, in sentences."""
    if "cost" not in found:
        return (
            "This run has scored no other image set. So it is not known what a threshold would catch, only how "
            "many false alarms it raises."
        )
    day = f"With {costs.volume:,} images a day, {100 * costs.unusual:g} % of them of another kind,"
    if (place := cheapest(found)) is None:
        same = f"{found['cost'].iloc[0]:,.0f} a day"
        return f"{day} every budget costs the same, {same}. Say what a miss and a false alarm cost."
    best = found.iloc[place]
    return (
        f"{day} a budget of {100 * best['budget']:g} % costs least. Expect {best['alarms']:,.1f} alarms a day, "
        f"{best['false_alarms']:,.1f} of them false, and {best['missed']:,.1f} unusual images missed. This assumes "
        "that unusual images are as easy to catch as those of the other sets scored under this run, and that "
        "ordinary ones are like the images it was trained on."
    )


def reckoned(sets: Sequence[Measured], calibration: int, alpha: float) -> str:
    """How often false alarms are reckoned with, and how often test images raise one."""
    rate = 100 * promised(alpha, calibration)
    seen = [f"{one.label}) {100 * one.share(alpha):.1f} % did" for one in sets if one.own]
    own = f"; of the run's test images ({seen[0]}" if seen else ""
    said = f"At a budget of {100 * alpha:g} % false alarms are reckoned at {rate:.1f} % of ordinary images"
    return f"{said}, which is how many raise one on average{own}."
