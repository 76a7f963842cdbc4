"""One image's bound taken apart: log p(x|z), the log-ratio of every layer, and what is lost without the lowest ones."""

from __future__ import annotations

import numpy as np

from app.figures.profile import PERCENTILES, Step
from hvae.runs.score_tables import ScoreTable
from hvae.stats.arrays import Floats


def obstacle(tables: tuple[ScoreTable, ...], k: int) -> str | None:
    """Why the bound of some table cannot be taken apart, in one line; None where it can."""
    for table in tables:
        depth = table.metadata.depth
        if not depth:
            return "this model has no layers of latents"
        for column in ("elbo", "iw", "log_px", f"L>{k}", *(f"log_ratio_{layer}" for layer in range(1, depth + 1))):
            if (missing := table.missing(column)) is not None:
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
        start = 0.0 if total else start
        found.append(Step(label, start, float(values[index]), np.percentile(own[label][0], PERCENTILES), total))
        start = found[-1].end
    return found


def explanation(table: ScoreTable, k: int) -> str:
    """How to read the bars, in HTML."""
    about = table.metadata
    samples = (
        f" With S = {about.samples} importance samples the bound L<sub>S</sub> differs from the ELBO, so what they "
        "gain is a step of its own."
        if about.samples > 1
        else ""
    )
    means = f" Every number is a mean over R = {about.draws} draws." if about.draws > 1 else ""
    lowest = "z<sub>1</sub> comes" if k == 1 else f"z<sub>1</sub> to z<sub>{k}</sub> come"
    return (
        "A band shows where a bar would end for the middle 90 % and the middle 50 % of the in-distribution images. "
        "log p(x|z) says how well the image is redrawn; each log r<sub>l</sub> = log p(z<sub>l</sub>|…) − log "
        "q(z<sub>l</sub>|…) is what layer l pays for looking at it. Together they are the ELBO. "
        f"L<sup>&gt;{k}</sup> is no sum of some of them: there {lowest} from the prior, in a pass of its own, and "
        f"LLR<sup>&gt;{k}</sup> is what the bound loses by that.{samples}{means}"
    )


def _quantities(table: ScoreTable, k: int) -> dict[str, tuple[Floats, bool]]:
    """Label -> (nats of every image, whether it is the sum so far), in the order they are added."""
    elbo = table.column("elbo")
    terms = {"log p(x|z)": (table.column("log_px"), False)}
    for layer in range(1, table.metadata.depth + 1):
        terms[f"+ log r<sub>{layer}</sub>"] = (table.log_ratio(layer), False)
    terms["= ELBO"] = (elbo, True)
    samples = table.metadata.samples
    if samples > 1:
        terms[f"+ {samples} samples"] = (table.bound(0) - elbo, False)
        terms[f"= L<sub>{samples}</sub>"] = (table.bound(0), True)
    terms[f"− LLR<sup>&gt;{k}</sup>"] = (table.bound(k) - table.bound(0), False)
    terms[f"= L<sup>&gt;{k}</sup>"] = (table.bound(k), True)
    return terms
