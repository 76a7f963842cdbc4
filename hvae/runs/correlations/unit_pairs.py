"""Units of two runs that respond most alike, and the images that excite them most. Imports no torch.

One small parquet file beside the correlation table it belongs to, `correlations/units/<same name>`: for each kind of
representation and pair of layers the `MOST_PAIRS` best of the pairs whose mean |r| that table holds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from hvae.runs.correlations.tables import (
    KINDS,
    MAXIMUM_DEPTH,
    CorrelationMetadata,
    Form,
    Kind,
    exchanged,
    read_frame,
    write_frame,
)

MOST_PAIRS = 12
MOST_IMAGES = 12
FOLDER = "units"
_MAXIMUM_INDEX = 10_000_000

_SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("layer_a", pa.int32()),
        ("layer_b", pa.int32()),
        ("rank", pa.int32()),
        ("unit_a", pa.int32()),
        ("unit_b", pa.int32()),
        ("down", pa.float64()),
        ("across", pa.float64()),
        ("r", pa.float64()),
        ("sign_a", pa.int32()),
        ("sign_b", pa.int32()),
        ("median_a", pa.float64()),
        ("median_b", pa.float64()),
        ("images_a", pa.list_(pa.int32())),
        ("images_b", pa.list_(pa.int32())),
    ]
)
COLUMNS: tuple[str, ...] = tuple(_SCHEMA.names)


def _problem(frame: pd.DataFrame) -> str | None:
    if frame.drop(columns=["down", "across"]).isna().any(axis=None):
        return "values are missing; correlate again"
    for images in (*frame["images_a"], *frame["images_b"]):
        listed = np.asarray(images)
        if not 1 <= len(listed) <= MOST_IMAGES or not np.all((listed >= 0) & (listed < _MAXIMUM_INDEX)):
            return f"the images of a unit are not 1 to {MOST_IMAGES} numbers of images"
    return None


FORM = Form(
    "table of unit pairs",
    b"hvae-units",
    _SCHEMA,
    len(KINDS) * MAXIMUM_DEPTH**2 * MOST_PAIRS,
    ("kind", "layer_a", "layer_b", "rank"),
    "rank",
    {
        "rank": (1, MOST_PAIRS),
        **dict.fromkeys(("unit_a", "unit_b"), (0, _MAXIMUM_INDEX)),
        **dict.fromkeys(("down", "across", "median_a", "median_b"), (0, 1)),
        **dict.fromkeys(("r", "sign_a", "sign_b"), (-1, 1)),
    },
    _problem,
)


@dataclass(frozen=True)
class UnitPair:
    """Two units that respond alike.

    Attributes:
        rank: 1 for the pair of the greatest |r|.
        unit_a: channel of run A's layer (component of a dense latent), from 0.
        unit_b: the same of run B.
        down: place of the unit in the feature map as a share of its height, from the top; NaN for dense latents.
        across: the same as a share of its width, from the left.
        r: Pearson r in [-1, 1], on the half of the images that the matching did not see.
        sign_a: 1 where exciting is raising A's unit, -1 where it is lowering it: the side on which fewer images lie.
        sign_b: the same of run B's unit; `sign_a` where r is positive, else the other.
        median_a: share of all images that excite B's unit more than the median one of `images_a` does: near 0 where
            A's images are at the top of B's unit, about 0.5 by chance. Many images may excite a unit almost equally,
            so that two units alike in everything but those differences share few of `images_a` and `images_b`.
        median_b: the same of `images_b` and A's unit.
        images_a: numbers of the images in their data set that excite A's unit most, strongest first.
        images_b: the same of run B.
    """

    rank: int
    unit_a: int
    unit_b: int
    down: float
    across: float
    r: float
    sign_a: int
    sign_b: int
    median_a: float
    median_b: float
    images_a: tuple[int, ...]
    images_b: tuple[int, ...]

    @property
    def shared(self) -> frozenset[int]:
        """Images among the most exciting ones of both units."""
        return frozenset(self.images_a) & frozenset(self.images_b)


@dataclass(frozen=True, eq=False)
class UnitPairs:
    """The best matched units of every pair of layers.

    Attributes:
        frame: `COLUMNS`, see `UnitPair`.
        metadata: those of the correlation table they belong to.
    """

    frame: pd.DataFrame
    metadata: CorrelationMetadata

    def of(self, kind: Kind, layer_a: int, layer_b: int) -> tuple[UnitPair, ...]:
        """Pairs of one pair of layers, the most alike first; empty where a layer does not vary."""
        frame = self.frame
        chosen = (frame["kind"] == kind) & (frame["layer_a"] == layer_a) & (frame["layer_b"] == layer_b)
        rows = frame.loc[chosen, [field.name for field in fields(UnitPair)]].sort_values("rank").to_dict("records")
        lists = ("images_a", "images_b")
        return tuple(UnitPair(**row | {name: tuple(map(int, row[name])) for name in lists}) for row in rows)

    def transposed(self) -> UnitPairs:
        """The same pairs with the runs exchanged."""
        return UnitPairs(exchanged(self.frame, FORM), self.metadata.transposed())


def unit_pairs_path(correlations: Path) -> Path:
    """Where the unit pairs of a correlation table lie."""
    return correlations.parent / FOLDER / correlations.name


def write_unit_pairs(run: Path, pairs: UnitPairs) -> Path:
    """Write unit pairs into `run/correlations/units` atomically.

    Raises:
        TableError: other columns, or values outside their ranges.
    """
    path = unit_pairs_path(run / "correlations" / pairs.metadata.file_name)
    write_frame(path, pairs.frame, pairs.metadata, FORM)
    return path


def read_unit_pairs(path: Path) -> UnitPairs:
    """Read unit pairs; size, schema and values are checked, the sizes before anything is decoded.

    Raises:
        TableError: no table, damaged, too large, of another schema, or with values outside their ranges.
    """
    return UnitPairs(*read_frame(path, FORM))
