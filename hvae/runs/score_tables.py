"""Score tables as they lie on disk; imports no torch.

A score table is one parquet file: one row an example in data-set order, float32 bounds and log-ratios in nats, and
what they depend on in the metadata. Scores and metrics are derived on reading and never stored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, ValidationError

from hvae.config import Frozen, Preprocessing, first_problem
from hvae.errors import TableError
from hvae.files import write_atomically
from hvae.models.hierarchical_config import hierarchy_statistics
from hvae.models.proposal import Reading

TABLE_SCHEMA_VERSION = 1
METADATA_KEY = b"hvae"
MAXIMUM_ROWS = 5_000_000
MAXIMUM_TABLE_BYTES = 1_000_000_000

_FILE = re.compile(
    r"(?P<slug>[a-z0-9_-]+)\.(?P<split>[a-z]+)\.(?P<reading>[a-z-]+)"
    r"\.S(?P<samples>\d+)\.R(?P<draws>\d+)\.seed(?P<seed>\d+)\.parquet"
)


class TableMetadata(Frozen):
    """What the numbers of a score table depend on."""

    schema_version: Literal[1] = TABLE_SCHEMA_VERSION
    data: str
    """Name of the data set as it was asked for, or the slug of a folder or file."""
    slug: Annotated[str, Field(pattern=r"^[a-z0-9_-]+$")]
    split: Annotated[str, Field(pattern=r"^[a-z]+$")]
    reading: Reading
    samples: Annotated[int, Field(ge=1)]
    """S: importance samples in `iw`."""
    draws: Annotated[int, Field(ge=1)]
    """R: independent repeats (binarisation and posterior sample) that every value is the mean of."""
    seed: Annotated[int, Field(ge=0)]
    depth: Annotated[int, Field(ge=0, le=64)]
    dimensions: Annotated[int, Field(ge=1)]
    preprocessing: Preprocessing
    precision: Literal["32-true", "bf16-mixed"]
    weights_sha256: str
    data_fingerprint: str
    data_note: str = ""
    version: str
    """Of this package."""

    @property
    def file_name(self) -> str:
        """`<slug>.<split>.<reading>.S<samples>.R<draws>.seed<seed>.parquet`."""
        return f"{self.slug}.{self.split}.{self.reading}.S{self.samples}.R{self.draws}.seed{self.seed}.parquet"


@dataclass(frozen=True)
class TableKey:
    """A score table named by its file, without opening it."""

    path: Path
    slug: str
    split: str
    reading: str
    samples: int
    draws: int
    seed: int


@dataclass(frozen=True)
class ScoreTable:
    """Bounds and log-ratios of every example of one data set under one model.

    Attributes:
        frame: columns `example`, `label`, `elbo`, `iw` (L_S), `L>1` ... `L>L`, `log_px`, `log_ratio_1` ...
            `log_ratio_L`, in nats; for R > 1 also `<column>_se`, the standard error over the draws.
        metadata: what they depend on.
    """

    frame: pd.DataFrame
    metadata: TableMetadata

    def bound(self, k: int) -> np.ndarray:
        """L^{>k} of each example in nats, float64; k = 0 is L_S (the ELBO at S = 1).

        Raises:
            TableError: k outside 0..L.
        """
        if not 0 <= k <= self.metadata.depth:
            raise TableError(f"k = {k} is outside 0..{self.metadata.depth}, the layers of this model")
        return self.frame["iw" if k == 0 else f"L>{k}"].to_numpy(np.float64)

    def negative_bound(self, k: int) -> np.ndarray:
        """-L^{>k} as an OOD score in nats, higher = more out-of-distribution."""
        return -self.bound(k)

    def likelihood_ratio(self, k: int) -> np.ndarray:
        """LLR^{>k} = L_S - L^{>k}, Havtorn et al. (2021), eqs 6 and 10, in nats; higher = more out-of-distribution.

        Raises:
            TableError: k outside 1..L.
        """
        if k < 1:
            raise TableError("LLR>0 is zero for every image: choose k from 1")
        return self.bound(0) - self.bound(k)

    def log_ratio(self, layer: int) -> np.ndarray:
        """log r_l of each example in nats, layer from 1; its negative mean is the KL of that layer."""
        return self.frame[f"log_ratio_{layer}"].to_numpy(np.float64)

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.frame)


def columns(depth: int, draws: int) -> list[str]:
    """Column names of a score table of a model with `depth` layers."""
    values = hierarchy_statistics(depth)
    errors = [f"{name}_se" for name in values] if draws > 1 else []
    return ["example", "label", *values, *errors]


def write_table(folder: Path, table: ScoreTable) -> Path:
    """Write a score table into `folder/scores` atomically (float32, byte-stream split, zstd).

    Raises:
        TableError: columns that are not those of `columns`.
    """
    expected = columns(table.metadata.depth, table.metadata.draws)
    if list(table.frame.columns) != expected:
        raise TableError(f"a score table needs the columns {', '.join(expected)}")
    floats = expected[2:]
    arrays = [pa.array(table.frame["example"], pa.int32()), pa.array(table.frame["label"], pa.int32())]
    arrays += [pa.array(table.frame[name].to_numpy(np.float32)) for name in floats]
    content = pa.table(dict(zip(expected, arrays, strict=True)))
    content = content.replace_schema_metadata({METADATA_KEY: table.metadata.model_dump_json().encode()})
    path = folder / "scores" / table.metadata.file_name
    write_atomically(path, lambda part: _write_parquet(content, part, floats))
    return path


def _write_parquet(content: pa.Table, path: Path, floats: list[str]) -> None:
    pq.write_table(
        content,
        path,
        compression="zstd",
        compression_level=12,
        use_dictionary=False,
        use_byte_stream_split=floats,  # type: ignore[arg-type]  # names of columns are allowed
    )


def read_metadata(path: Path) -> TableMetadata:
    """Metadata of a score table, its size and schema checked, without reading its rows.

    Raises:
        TableError: no table, damaged, too large, or of another schema version.
    """
    if not path.is_file():
        raise TableError(f"there is no score table {path.name}")
    if path.stat().st_size > MAXIMUM_TABLE_BYTES:
        raise TableError(f"{path.name} is larger than any score table ({MAXIMUM_TABLE_BYTES} bytes at most)")
    try:
        file = pq.read_metadata(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TableError(f"{path.name} is no readable parquet file ({str(error).splitlines()[0]})") from None
    if file.num_rows > MAXIMUM_ROWS:
        raise TableError(f"{path.name} claims {file.num_rows:,} rows, {MAXIMUM_ROWS:,} at most")
    content = (file.metadata or {}).get(METADATA_KEY)
    if content is None:
        raise TableError(f"{path.name} is no score table: it has no '{METADATA_KEY.decode()}' metadata")
    try:
        metadata = TableMetadata.model_validate_json(content)
    except ValidationError as error:
        raise TableError(f"{path.name} is of another schema ({first_problem(error)}): score it again") from None
    names = file.schema.to_arrow_schema().names
    if names != columns(metadata.depth, metadata.draws):
        raise TableError(f"{path.name} has other columns than a score table of {metadata.depth} layers: score it again")
    return metadata


def read_table(path: Path) -> ScoreTable:
    """Read and check one score table.

    Raises:
        TableError: see `read_metadata`.
    """
    metadata = read_metadata(path)
    try:
        frame = pq.read_table(path).to_pandas()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TableError(f"{path.name} is damaged ({str(error).splitlines()[0]}): score it again") from None
    return ScoreTable(frame, metadata)


def list_tables(run: Path) -> list[TableKey]:
    """Score tables of a run by file name, sorted; files with other names are passed over."""
    found = []
    for path in sorted((run / "scores").glob("*.parquet")):
        if match := _FILE.fullmatch(path.name):
            slug, split, reading, samples, draws, seed = match.groups()
            found.append(TableKey(path, slug, split, reading, int(samples), int(draws), int(seed)))
    return found
