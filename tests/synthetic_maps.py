"""Maps with made-up places, for run folders of `tests.synthetic`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hvae.config import RunFile
from hvae.runs.catalogue import weights_hash
from hvae.runs.measured.maps import LatentMap, MapLevel, MapMetadata, MapPart, Separation, write_map
from tests.synthetic import WHOLE


def make_map(
    run: Path, sets: Sequence[str] = ("fashionmnist", "mnist"), n: int = 100, weights: str | None = None
) -> Path:
    """Write a map of made-up places: the own set (the first) around 0, the others beside it, less so with each level.

    It names the weights that the run has, or others.
    """
    config = RunFile.from_json((run / "config.json").read_text()).config
    levels, random = range(1, config.model.depth + 1), np.random.default_rng(0)
    named = [(sets[0], "reference"), *((slug, WHOLE.get(slug, "test")) for slug in sets)]
    frame = {
        "part": np.repeat(np.arange(len(named)), n),
        "example": np.tile(np.arange(n), len(named)),
        "label": np.tile(np.arange(n) % 10, len(named)),
    }
    shift = np.repeat([0, *range(len(sets))], n)
    for level in levels:
        for axis in "xy":
            frame[f"pca_{level}_{axis}"] = random.normal(3 * shift / level, 1)
        frame |= {
            f"near_{level}_1": frame["example"][::-1].copy(),
            f"distance_{level}_1": random.gamma(3, 1, len(shift)),
        }
    apart = tuple(Separation(value=0.9, low=0.8, high=0.95) for _ in levels)
    metadata = MapMetadata(
        parts=tuple(
            MapPart(slug=slug, split=split, n=n, fingerprint="", separation=apart if place > 1 else ())
            for place, (slug, split) in enumerate(named)
        ),
        levels=tuple(MapLevel(units=4, explained=(0.5, 0.2)) for _ in levels),
        neighbours=1, seed=0, weights_sha256=weights or weights_hash(run) or "0" * 64, version="0",
    )  # fmt: skip
    return write_map(run, LatentMap(pd.DataFrame(frame), metadata))
