"""One image taken apart: the steps of its bound and the parts of a score, beside the in-distribution images."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.figures import profile
from app.figures.profile import PERCENTILES, Step
from app.frame import components
from app.looks.palette import look
from app.reading.measures import Measure
from hvae.runs.score_tables import ScoreTable
from hvae.scores import Score
from hvae.scores.base import Explanation
from hvae.stats.arrays import Floats


@dataclass(frozen=True, eq=False)
class Chosen:
    """An image (its name in HTML, its row in the table of its set) beside those of the in-distribution set `own`.

    `values` gives the in-distribution images and all images of the table a score, or raises a TableError. The stamp
    names the image and both tables, for caches. The `reference` part is what scores are fitted to, where they are.
    """

    name: str
    table: ScoreTable
    index: int
    inside: ScoreTable
    own: str
    values: Callable[[Measure], tuple[Floats, Floats]]
    stamp: str
    reference: ScoreTable | None = None


def part_steps(own: Explanation, here: Explanation, score: Score) -> list[Step]:
    """The parts of one image, `here`, added up to its score, beside those of the in-distribution images."""
    found, start = [], 0.0
    for name, values in here.parts.items():
        found.append(
            Step(layers_below(str(name)), start, float(values.iloc[0]), np.percentile(own.parts[name], PERCENTILES))
        )
        start = found[-1].end
    whole = np.percentile(own.parts.sum(axis=1), PERCENTILES)
    return [*found, Step(f"= {score.symbol}", 0.0, start, whole, True)]


def layers_below(text: str) -> str:
    """Plain text with its layers below the line: `log r_1`."""
    return re.sub(r"_(\d[\d-]*|[lk]\b)", r"<sub>\1</sub>", components.escape(text))


def obstacle(tables: tuple[ScoreTable, ...], k: int) -> str | None:
    """Why the bound of some table cannot be taken apart, in one line; None where it can."""
    for table in tables:
        ratios = [f"log_ratio_{layer}" for layer in range(1, table.metadata.depth + 1)]
        if not ratios:
            return "this model has no layers of latents"
        for column in ("elbo", "iw", "log_px", f"L>{k}", *ratios):
            if missing := table.missing(column):
                return f"`{column}`: {missing}"
    return None


def steps(inside: ScoreTable, table: ScoreTable, index: int, k: int) -> list[Step]:
    """The bars of `figures.waterfall` for one image of a table, beside those of the in-distribution images `inside`.

    log p(x|z) + log r_1 + ... + log r_L is the ELBO (Havtorn et al., 2021, eq. 1), exactly, in every table. L_S of
    more than one importance sample lies above it, which is a step of its own. L^{>k} (k from 1) is no partial sum of
    these terms: its lowest layers come from the prior, in a pass of its own. By the definition of the ratio it is L_S
    minus LLR^{>k} (eqs 6 and 10), and so it stands here.
    """
    found, start = [], 0.0
    own = _quantities(inside, k)
    for label, (values, total) in _quantities(table, k).items():
        band = np.percentile(own[label][0], PERCENTILES)
        found.append(Step(label, 0.0 if total else start, float(values[index]), band, total))
        start = found[-1].end
    return found


def explanation(table: ScoreTable, k: int) -> str:
    """How to read the bars, in HTML."""
    about, more = table.metadata, ""
    if about.samples > 1:
        more = (
            f" With S = {about.samples} importance samples the bound L<sub>S</sub> differs from the ELBO, so what they "
            "gain is a step of its own."
        )
    more += f" Every number is a mean over R = {about.draws} draws." if about.draws > 1 else ""
    lowest = "z<sub>1</sub> comes" if k == 1 else f"z<sub>1</sub> to z<sub>{k}</sub> come"
    return (
        "A band shows where a bar would end for the middle 90 % and the middle 50 % of the in-distribution images. "
        "log p(x|z) says how well the image is redrawn; each log r<sub>l</sub> = log p(z<sub>l</sub>|…) − log "
        "q(z<sub>l</sub>|…) is what layer l pays for looking at it. Together they are the ELBO. "
        f"L<sup>&gt;{k}</sup> is no sum of some of them: there {lowest} from the prior, in a pass of its own, and "
        f"LLR<sup>&gt;{k}</sup> is what the bound loses by that.{more}"
    )


def _quantities(table: ScoreTable, k: int) -> dict[str, tuple[Floats, bool]]:
    """Label -> (nats of every image, whether it is the sum so far), in the order they are added."""
    elbo, bound, samples = table.column("elbo"), table.bound(0), table.metadata.samples
    ratios = {f"+ log r<sub>{n}</sub>": (table.log_ratio(n), False) for n in range(1, table.metadata.depth + 1)}
    gain = {f"+ {samples} samples": (bound - elbo, False), f"= L<sub>{samples}</sub>": (bound, True)}
    return {
        "log p(x|z)": (table.column("log_px"), False),
        **ratios,
        "= ELBO": (elbo, True),
        **(gain if samples > 1 else {}),
        f"− LLR<sup>&gt;{k}</sup>": (table.bound(k) - bound, False),
        f"= L<sup>&gt;{k}</sup>": (table.bound(k), True),
    }


def odd_step(steps: list[Step], chosen: Chosen, what: str) -> str:
    """Which step (`what` it is) is unlike those of the in-distribution images, in a sentence."""
    odd = profile.furthest(steps)
    if odd is None:
        return f"{chosen.name}: every {what} lies within the middle 90 % of {look(chosen.own).title}"
    # The ratio itself is easier to say than what it takes away.
    sign = -1 if odd.label.startswith("−") else 1
    value, low, high = map(profile.number, (sign * odd.value, *sorted((sign * odd.band[0], sign * odd.band[-1]))))
    return (
        f"{chosen.name}: the {what} that is most unusual is {odd.label.lstrip('+− ')}, {value} nats; 90 % of "
        f"{look(chosen.own).title} lie between {low} and {high}"
    )
