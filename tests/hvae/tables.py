"""Score tables made of the numbers that a test needs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hvae.runs.score_tables import ScoreTable, TableMetadata

KL = (20.0, 8.0, 5.0)
"""Mean divergence of each level of a made-up hierarchy, in nats."""


def metadata(depth: int = 2, **changes: Any) -> TableMetadata:
    """Of a table of grey images of 4 pixels, binarised."""
    facts = dict(
        data="digits", slug="digits", split="test", reading="mean", samples=1, draws=1, seed=0, depth=depth,
        dimensions=4, preprocessing="binarise", precision="32-true", weights_sha256="0" * 64,
        data_fingerprint="", version="0",
    )  # fmt: skip
    return TableMetadata(**(facts | changes))


def table_of(columns: dict[str, Any], depth: int = 2, run: str = "RUN", **changes: Any) -> ScoreTable:
    """A table in memory with these columns of statistics.

    Args:
        columns: by name, `(n,)` each.
        depth: L.
        run: that the table is of.
        changes: of the metadata.
    """
    n = len(next(iter(columns.values())))
    frame = pd.DataFrame({"example": np.arange(n), "label": np.zeros(n, int)} | columns)
    return ScoreTable(frame, metadata(depth, **changes), run)


def ratio_table(ratios: np.ndarray) -> ScoreTable:
    """A table whose LLR^{>k} are these, `(n, K)`, to the bit; L_S is zero."""
    n, depth = ratios.shape
    return table_of({"iw": np.zeros(n)} | {f"L>{k + 1}": -ratios[:, k] for k in range(depth)}, depth)


def drawn(n: int, seed: int, kl: tuple[float, ...] = KL, shift: float = 0.0, **changes: object) -> ScoreTable:
    """Statistics as a hierarchy gives them: terms of an ELBO and bounds that fall with k, all correlated."""
    random, depth = np.random.default_rng(seed), len(kl)
    common = random.normal(size=n)
    log_px = -200 + 30 * common + 5 * random.normal(size=n)
    ratios = [-one - 0.2 * one * (common + random.normal(size=n)) for one in kl]
    elbo = log_px + sum(ratios)
    bounds, lost = [], elbo
    for one in kl:
        lost = lost - one * random.gamma(4, 0.5, size=n) - shift
        bounds.append(lost)
    columns = {"iw": elbo, "log_px": log_px, "input_entropy": 100 + 20 * random.normal(size=n)}
    columns |= {f"log_ratio_{level}": ratio for level, ratio in enumerate(ratios, start=1)}
    columns |= {f"L>{k}": bound for k, bound in enumerate(bounds, start=1)}
    return table_of({name: np.float32(values) for name, values in columns.items()}, depth, **changes)


def the_row(frame: pd.DataFrame, **wanted: object) -> pd.Series:
    mask = np.logical_and.reduce([frame[name] == value for name, value in wanted.items()])
    assert mask.sum() == 1
    return frame[mask].iloc[0]
