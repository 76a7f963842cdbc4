"""Units of two runs that respond most alike, and the images that excite them most. Imports no torch.

One small parquet file beside the correlation table it belongs to, `correlations/units/<same name>`: for each kind of
representation and pair of layers the `MOST_PAIRS` best of the pairs whose mean |r| that table holds.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from hvae.runs.correlations.tables import KINDS, MAXIMUM_DEPTH, Form, Kind, OfTwoRuns

MOST_PAIRS = 12
MOST_IMAGES = 12
FOLDER = "units"
_MAXIMUM_INDEX = 10_000_000

_SCHEMA = pa.schema(
    {"kind": pa.string()}
    | dict.fromkeys(("layer_a", "layer_b", "rank", "unit_a", "unit_b"), pa.int32())
    | dict.fromkeys(("down", "across", "r"), pa.float64())
    | dict.fromkeys(("sign_a", "sign_b"), pa.int32())
    | dict.fromkeys(("median_a", "median_b"), pa.float64())
    | dict.fromkeys(("images_a", "images_b"), pa.list_(pa.int32()))
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
    """Two units that respond alike."""

    rank: int
    """1 for the pair of the greatest |r|."""
    unit_a: int
    """Channel of run A's layer (component of a dense latent), from 0."""
    unit_b: int
    down: float
    """Place of the unit in the feature map as a share of its height, from the top; NaN for dense latents."""
    across: float
    """The same as a share of its width, from the left."""
    r: float
    """Pearson r in [-1, 1], on the half of the images that the matching did not see."""
    sign_a: int
    """1 where exciting is raising A's unit, -1 where it is lowering it: the side on which fewer images lie."""
    sign_b: int
    """The same of run B's unit; `sign_a` where r is positive, else the other."""
    median_a: float
    """Share of all images that excite B's unit more than the median one of `images_a` does: near 0 where A's images
    are at the top of B's unit, about 0.5 by chance. Many images may excite a unit almost equally, so that two units
    alike in everything but those differences share few of `images_a` and `images_b`."""
    median_b: float
    images_a: tuple[int, ...]
    """Numbers of the images in their data set that excite A's unit most, strongest first."""
    images_b: tuple[int, ...]

    @property
    def shared(self) -> frozenset[int]:
        """Images among the most exciting ones of both units."""
        return frozenset(self.images_a) & frozenset(self.images_b)


class UnitPairs(OfTwoRuns):
    """The best matched units of every pair of layers, `COLUMNS` as of `UnitPair`, with the metadata of their table."""

    form = FORM

    def of(self, kind: Kind, layer_a: int, layer_b: int) -> tuple[UnitPair, ...]:
        """Pairs of one pair of layers, the most alike first; empty where a layer does not vary."""
        frame = self.frame
        chosen = (frame["kind"] == kind) & (frame["layer_a"] == layer_a) & (frame["layer_b"] == layer_b)
        rows = frame.loc[chosen, [field.name for field in fields(UnitPair)]].sort_values("rank").to_dict("records")
        lists = ("images_a", "images_b")
        return tuple(UnitPair(**row | {name: tuple(map(int, row[name])) for name in lists}) for row in rows)


def unit_pairs_path(correlations: Path) -> Path:
    """Where the unit pairs of a correlation table lie."""
    return correlations.parent / FOLDER / correlations.name


def write_unit_pairs(run: Path, pairs: UnitPairs) -> Path:
    """Write unit pairs into `run/correlations/units`, see `OfTwoRuns.write`."""
    return pairs.write(unit_pairs_path(run / "correlations" / pairs.metadata.file_name))


read_unit_pairs = UnitPairs.read
