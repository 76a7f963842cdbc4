"""Maps of latent space: where every level of a run puts its own images and others, in two dimensions. No torch.

One parquet file a run, `map/levels.parquet`, a row an image. Pages carry checksums, the content has a hash and the
metadata names the weights and the images.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, ValidationError, model_validator

from hvae.config import Frozen, first_problem
from hvae.errors import TableError, first_line
from hvae.files import write_atomically
from hvae.parquet_files import read_footer, read_parquet, whole_schema, write_parquet
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import content_hash
from hvae.stats.arrays import Floats, Indices

PATH = Path("map", "levels.parquet")
"""Below the folder of a run."""
MAXIMUM_BYTES = 50_000_000
MAXIMUM_ROWS = 500_000
MOST_NEIGHBOURS = 10
_METADATA_KEY = b"hvae-map"
_KEYS = ("part", "example", "label")

View = Literal["pca", "umap"]
"""How the means are brought to two dimensions."""
_Share = Annotated[float, Field(ge=0, le=1)]


class Separation(Frozen):
    """AUROC of the distance to the fifth nearest reference image, with its 95 % interval."""

    value: _Share
    low: _Share
    high: _Share


class MapPart(Frozen):
    """One image set of a map: `n` images spread evenly over a split.

    `separation` has, for a set that is not the run's own, how each level tells it from the own images, lowest first.
    """

    slug: Annotated[str, Field(pattern=r"^[\w-]+$", max_length=120)]
    split: Annotated[str, Field(pattern=r"^[a-z]+$", max_length=40)]
    n: Annotated[int, Field(ge=1)]
    fingerprint: Annotated[str, Field(max_length=64)]
    """Of the whole split."""
    separation: Annotated[tuple[Separation, ...], Field(max_length=64)] = ()


class MapLevel(Frozen):
    """What is known of one level: units of its posterior mean, and the shares of their variance on the two axes."""

    units: Annotated[int, Field(ge=1)]
    explained: tuple[_Share, _Share]
    """Of the variance of the reference images."""


class MapMetadata(Frozen):
    """What a map depends on; its first part is the reference part of the run's own set, its second other own images."""

    schema_version: Literal[1] = 1
    parts: Annotated[tuple[MapPart, ...], Field(min_length=2, max_length=64)]
    levels: Annotated[tuple[MapLevel, ...], Field(min_length=1, max_length=64)]
    views: Annotated[tuple[View, ...], Field(min_length=1, max_length=2)] = ("pca",)
    neighbours: Annotated[int, Field(ge=0, le=MOST_NEIGHBOURS)] = 0
    """Nearest reference images that are stored of each image and level."""
    seed: Annotated[int, Field(ge=0)]
    """Of the binarisation and of what is drawn at random."""
    weights_sha256: Annotated[str, Field(max_length=64)]
    content_sha256: Annotated[str, Field(max_length=64)] = ""
    version: Annotated[str, Field(max_length=40)]

    @model_validator(mode="after")
    def _as_many(self) -> MapMetadata:
        if any(len(part.separation) not in (0, len(self.levels)) for part in self.parts):
            raise ValueError("a set needs a separation for every level, or none")
        return self

    @property
    def depth(self) -> int:
        """Number of latent layers L."""
        return len(self.levels)


@dataclass(frozen=True, eq=False)
class LatentMap:
    """A map in memory.

    `frame` has a row an image: `part` (its place in the metadata), `example` (its position in the split), `label`, for
    each view and level `pca_1_x` and `pca_1_y`, and for each level and neighbour `near_1_1` (position in the reference
    part) and `distance_1_1` (Euclidean, between posterior means).
    """

    frame: pd.DataFrame
    metadata: MapMetadata

    @property
    def weights_sha256(self) -> str:
        """Of the weights it was measured with."""
        return self.metadata.weights_sha256

    def points(self, view: View, level: int) -> Floats:
        """Coordinates of every image at a level (from 1), `(n, 2)`."""
        return self.frame[_axes(view, level)].to_numpy(np.float64)

    def rows(self, slug: str) -> Indices:
        """Rows of an image set, without those of the reference part."""
        wanted = [place for place, part in enumerate(self.metadata.parts) if place and part.slug == slug]
        return np.flatnonzero(self.frame["part"].isin(wanted))

    def nearest(self, slug: str, example: int, level: int) -> list[tuple[int, float]]:
        """(position in the reference part, distance) of the neighbours of an image, nearest first.

        Empty where the map has none of them.
        """
        rows = self.rows(slug)
        found = rows[self.frame["example"].to_numpy()[rows] == example]
        if not len(found):
            return []
        row = self.frame.iloc[found[0]]
        numbers = range(1, self.metadata.neighbours + 1)
        return [(int(row[f"near_{level}_{one}"]), float(row[f"distance_{level}_{one}"])) for one in numbers]


def columns(about: MapMetadata) -> dict[str, pa.DataType]:
    """Type of every column of a map, in order."""
    levels = range(1, about.depth + 1)
    found = dict.fromkeys(_KEYS, pa.int32())
    found |= dict.fromkeys(
        (name for view in about.views for level in levels for name in _axes(view, level)), pa.float16()
    )
    for level in levels:
        for one in range(1, about.neighbours + 1):
            found |= {f"near_{level}_{one}": pa.int32(), f"distance_{level}_{one}": pa.float16()}
    return found


def write_map(run: Path, found: LatentMap) -> Path:
    """Store a map in a run's folder, atomically; `TableError` for values that no map has."""
    if (wrong := _problem(found.frame, found.metadata)) is not None:
        raise TableError(f"{PATH.name} {wrong}")
    kinds = columns(found.metadata)
    content = pa.table(
        {name: pa.array(found.frame[name].to_numpy(kind.to_pandas_dtype())) for name, kind in kinds.items()}
    )
    metadata = found.metadata.model_copy(update={"content_sha256": content_hash(content)})
    content = content.replace_schema_metadata({_METADATA_KEY: metadata.model_dump_json().encode()})
    # Coordinates are rounded, so they have few values, too.
    few = [name for name in kinds if name in _KEYS or kinds[name] == pa.float16() and not name.startswith("distance")]
    few.remove("example")
    write_atomically(run / PATH, lambda part: write_parquet(content, part, few))
    return run / PATH


def read_map(path: Path) -> LatentMap:
    """Read and verify a map; sizes and schema are checked before anything is decoded.

    Raises:
        TableError: no map, damaged, too large, of another schema, or with values that no map has.
    """
    again = "measure it again with hvae map RUN"
    if not path.is_file() or path.stat().st_size > MAXIMUM_BYTES:
        raise TableError(f"{path.name} is no map ({MAXIMUM_BYTES:,} bytes at most): {again}")
    try:
        about = read_footer(path)
        metadata = MapMetadata.model_validate_json((about.metadata or {}).get(_METADATA_KEY, b""))
        schema = whole_schema(about.schema.to_arrow_schema())
        if dict(zip(schema.names, schema.types, strict=True)) != columns(metadata) or not _is_bounded(about):
            raise TableError(f"{path.name} has other rows or columns than a map: {again}")
        content = read_parquet(path)
        frame = content.to_pandas()
    except ValidationError as error:
        raise TableError(f"{path.name} is no map ({first_problem(error)}): {again}") from None
    except TableError:
        raise
    # Damaged files surface from the parquet reader as almost any exception (OSError, UnicodeDecodeError, ...).
    except Exception as error:
        raise TableError(f"{path.name} is damaged ({first_line(error)}): {again}") from None
    wrong = _problem(frame, metadata)
    if wrong is None and content_hash(content) != metadata.content_sha256:
        wrong = "is not what was written: its values have another hash"
    if wrong is not None:
        raise TableError(f"{path.name} {wrong}: {again}")
    return LatentMap(frame, metadata)


def latent_map(run: RunEntry) -> LatentMap | None:
    """The map of a run, None where it has none.

    Raises:
        TableError: it is damaged, or of other weights than the run has now, or than its tables name.
    """
    return usable_map(run) if (run.path / PATH).is_file() else None


def usable_map(run: RunEntry) -> LatentMap:
    """`latent_map` of a run that has one."""
    try:
        found = read_map(run.path / PATH)
    except TableError as error:
        raise TableError(f"{run.name}: {str(error).replace('map RUN', f'map {run.name}')}") from None
    if catalogue(run).weights not in (None, found.metadata.weights_sha256) or found.metadata.depth != run.depth:
        raise TableError(f"{run.name}: {PATH} was made with other weights than the run has now: hvae map {run.name}")
    return found


def umap_installed() -> bool:
    """Whether `umap-learn` is here; it is not imported."""
    return find_spec("umap") is not None


def _axes(view: View, level: int) -> list[str]:
    return [f"{view}_{level}_{axis}" for axis in "xy"]


def _is_bounded(about: pq.FileMetaData) -> bool:
    groups = [about.row_group(number) for number in range(min(about.num_row_groups, 9))]
    unpacked = sum(group.total_byte_size for group in groups)
    return len(groups) < 9 and about.num_rows <= MAXIMUM_ROWS and 0 <= unpacked <= MAXIMUM_BYTES


def _problem(frame: pd.DataFrame, about: MapMetadata) -> str | None:
    """What is wrong with the rows of a map, None where nothing is."""
    if frame.isna().to_numpy().any() or not np.isfinite(frame.to_numpy(np.float64)).all():
        return "has gaps"
    wanted = np.repeat(np.arange(len(about.parts)), [part.n for part in about.parts])
    if not np.array_equal(frame["part"].to_numpy(), wanted):
        return "has other images than it names"
    if (frame["example"].to_numpy() < 0).any() or frame.duplicated(["part", "example"]).to_numpy().any():
        return "has an image twice, or at no place"
    return None
