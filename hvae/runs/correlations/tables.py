"""Correlation tables as they lie on disk: how alike two runs represent one data set. Imports no torch.

One small parquet file in the first run's folder, `correlations/<other run>.<slug>.<split>.parquet`: one row for each
kind of representation and pair of layers. What the numbers depend on is in the metadata.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, ValidationError

from hvae.config import Frozen, Preprocessing, first_problem
from hvae.errors import TableError, first_line
from hvae.files import write_atomically
from hvae.parquet_files import read_footer, read_parquet, sealed, whole_schema

Kind = Literal["features", "means"]
"""`features`: deterministic features h_l of the inference walk; `means`: means of q(z_l | .)."""

KINDS: tuple[Kind, ...] = get_args(Kind)

CORRELATION_SCHEMA_VERSION = 1
METADATA_KEY = b"hvae-correlation"
MAXIMUM_BYTES = 5_000_000
MAXIMUM_DEPTH = 64
MAXIMUM_UNCOMPRESSED_BYTES = 50_000_000

_FILE = re.compile(r"(?P<other>[A-Za-z0-9_.-]+)\.(?P<slug>[\w-]+)\.(?P<split>[a-z]+)\.parquet")

_SCHEMA = pa.schema(
    dict.fromkeys(("data", "kind"), pa.string())
    | dict.fromkeys(("layer_a", "layer_b"), pa.int32())
    | dict.fromkeys(("mean_abs_r", "null", "cka"), pa.float64())
    | dict.fromkeys(("units", "constant_a", "constant_b", "n"), pa.int32())
)
COLUMNS: tuple[str, ...] = tuple(_SCHEMA.names)
WHOLE_COLUMNS: tuple[str, ...] = tuple(field.name for field in _SCHEMA if pa.types.is_integer(field.type))


@dataclass(frozen=True)
class Form:
    """What a kind of file about two runs must look like."""

    name: str
    """For people."""
    metadata_key: bytes
    schema: pa.Schema
    most_rows: int
    key: tuple[str, ...]
    """Columns no two rows share."""
    entry: str
    """What the key names, for people."""
    ranges: dict[str, tuple[float, float]]
    """Least and greatest value of columns of numbers but the layers, NaN apart."""
    problem: Callable[[pd.DataFrame], str | None] = lambda frame: None
    """What else is wrong with some rows, in words."""


FORM = Form(
    "correlation table",
    METADATA_KEY,
    _SCHEMA,
    len(KINDS) * MAXIMUM_DEPTH**2,
    ("kind", "layer_a", "layer_b"),
    "pair of layers",
    # The debiased estimator of CKA may leave [0, 1] by its sampling error; this only refuses what it never gives.
    {"mean_abs_r": (0, 1), "null": (0, 1), "cka": (-2, 2)},
)


def table_name(run_b: str, slug: str, split: str) -> str:
    """`<run b>.<slug>.<split>.parquet`; characters of the run's name that no file name needs become `-`."""
    other = re.sub(r"[^A-Za-z0-9_.-]+", "-", run_b).strip(".-") or "run"
    return f"{other}.{slug}.{split}.parquet"


class CorrelationMetadata(Frozen):
    """What the numbers of a correlation table depend on."""

    schema_version: Literal[1] = CORRELATION_SCHEMA_VERSION
    run_a: Annotated[str, Field(min_length=1, max_length=200)]
    run_b: Annotated[str, Field(min_length=1, max_length=200)]
    slug: Annotated[str, Field(pattern=r"^[\w-]+$", max_length=100)]
    split: Annotated[str, Field(pattern=r"^[a-z]+$", max_length=40)]
    n: Annotated[int, Field(ge=6)]
    """Images, a random subset of the data set by `seed`."""
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    """Of the images, their binarisation, the places, the halves, the drawn units and the shuffled null."""
    places: Annotated[int, Field(ge=1)]
    """How many places of the feature maps, each with halves of its own, every |r| is the mean of."""
    depth_a: Annotated[int, Field(ge=1, le=MAXIMUM_DEPTH)]
    depth_b: Annotated[int, Field(ge=1, le=MAXIMUM_DEPTH)]
    preprocessing_a: Preprocessing
    preprocessing_b: Preprocessing
    weights_sha256_a: Annotated[str, Field(max_length=64)]
    weights_sha256_b: Annotated[str, Field(max_length=64)]
    data_fingerprint: Annotated[str, Field(max_length=64)]
    version: Annotated[str, Field(max_length=40)]
    """Of this package."""

    @property
    def file_name(self) -> str:
        """`<run b>.<slug>.<split>.parquet`, see `table_name`."""
        return table_name(self.run_b, self.slug, self.split)

    def transposed(self) -> CorrelationMetadata:
        """The same with the runs exchanged."""
        fields = self.model_dump()
        return self.model_copy(update={new: fields[old] for old, new in _exchanged_names(fields).items()})


@dataclass(frozen=True, eq=False)
class OfTwoRuns:
    """Rows about two runs with what they depend on, and how they lie on disk."""

    form: ClassVar[Form]
    frame: pd.DataFrame
    metadata: CorrelationMetadata

    def transposed(self) -> Self:
        """The same with the runs exchanged."""
        columns = list(self.form.schema.names)
        turned = self.frame.rename(columns=_exchanged_names(columns)).reindex(columns=columns)
        return type(self)(turned.sort_values(list(self.form.key), ignore_index=True), self.metadata.transposed())

    def write(self, path: Path) -> Path:
        """Write the rows, checked and atomically; `TableError` for other columns, or values outside their ranges."""
        _check(self.frame, self.metadata, path.name, self.form)
        content = pa.Table.from_pandas(self.frame, self.form.schema, preserve_index=False)
        content = content.replace_schema_metadata({self.form.metadata_key: self.metadata.model_dump_json().encode()})
        held = sealed(content)
        write_atomically(path, lambda part: pq.write_table(held, part, compression="zstd", write_page_checksum=True))
        return path

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the rows; sizes and schema are checked before anything is decoded.

        Raises:
            TableError: no file, damaged, too large, of another schema, or with values outside their ranges.
        """
        form = cls.form
        if not path.is_file():
            raise TableError(f"there is no {form.name} {path.name}")
        if path.stat().st_size > MAXIMUM_BYTES:
            raise TableError(f"{path.name} is larger than any {form.name} ({MAXIMUM_BYTES:,} bytes at most)")
        try:
            metadata = _metadata(read_footer(path), path.name, form)
            frame = read_parquet(path).to_pandas()
        except TableError:
            raise
        # Damaged files surface from the parquet reader as almost any exception (OSError, UnicodeDecodeError, ...).
        except Exception as error:
            raise TableError(
                f"{path.name} is no readable parquet file ({first_line(error)}): correlate again"
            ) from None
        _check(frame, metadata, path.name, form)
        return cls(frame, metadata)


class CorrelationTable(OfTwoRuns):
    """How alike two runs represent the same images, layer by layer.

    `frame` has `COLUMNS`, layers counted from 1 (lowest). `mean_abs_r` (mean |Pearson r| of matched units) and `null`
    (the same with the images of b shuffled) lie in [0, 1] and are NaN where a layer does not vary at all; `cka`
    (debiased linear) is at most about 1.
    """

    form = FORM

    def square(self, kind: Kind, value: str = "mean_abs_r") -> np.ndarray:
        """One column as `(depth_a, depth_b)` float64, lowest layer first; NaN where there is no row."""
        grid = np.full((self.metadata.depth_a, self.metadata.depth_b), np.nan)
        rows = self.frame[self.frame["kind"] == kind]
        grid[np.asarray(rows["layer_a"]) - 1, np.asarray(rows["layer_b"]) - 1] = np.asarray(rows[value])
        return grid

    def kinds(self) -> list[Kind]:
        """Kinds of representation the table holds; a model without skips hands no features on."""
        present = set(self.frame["kind"])
        return [kind for kind in KINDS if kind in present]


@dataclass(frozen=True)
class CorrelationKey:
    """A correlation table named by its file, without opening it."""

    path: Path
    other: str
    slug: str
    split: str


def list_correlations(run: Path) -> list[CorrelationKey]:
    """Correlation tables of a run by file name, sorted; files with other names are passed over."""
    matches = ((path, _FILE.fullmatch(path.name)) for path in sorted((run / "correlations").glob("*.parquet")))
    return [CorrelationKey(path, **match.groupdict()) for path, match in matches if match]


def write_correlations(run: Path, table: CorrelationTable) -> Path:
    """Write a table into `correlations/` of the first run's folder, see `OfTwoRuns.write`."""
    return table.write(run / "correlations" / table.metadata.file_name)


read_correlations = CorrelationTable.read


def _exchanged_names(names: Iterable[str]) -> dict[str, str]:
    """New names of what speaks of one of the two runs, when they change places."""
    return {name: f"{name[:-1]}{'b' if name.endswith('_a') else 'a'}" for name in names if name.endswith(("_a", "_b"))}


def _metadata(file: pq.FileMetaData, name: str, form: Form) -> CorrelationMetadata:
    """Metadata of a parquet file whose claimed size and columns are those of its form."""
    if (rows := file.num_rows) > form.most_rows:
        raise TableError(f"{name} claims {rows:,} rows, {form.most_rows:,} at most")
    if sum(file.row_group(group).total_byte_size for group in range(file.num_row_groups)) > MAXIMUM_UNCOMPRESSED_BYTES:
        raise TableError(f"{name} claims more than {MAXIMUM_UNCOMPRESSED_BYTES:,} bytes when unpacked")
    content = (file.metadata or {}).get(form.metadata_key)
    if content is None:
        raise TableError(f"{name} is no {form.name}: it has no '{form.metadata_key.decode()}' metadata")
    if not whole_schema(file.schema.to_arrow_schema()).equals(form.schema):
        raise TableError(f"{name} has other columns than a {form.name}: correlate again")
    try:
        return CorrelationMetadata.model_validate_json(content)
    except ValidationError as error:
        raise TableError(f"{name} is of another schema ({first_problem(error)}): correlate again") from None


def _check(frame: pd.DataFrame, metadata: CorrelationMetadata, name: str, form: Form) -> None:
    if list(frame.columns) != form.schema.names:
        raise TableError(f"a {form.name} needs the columns {', '.join(form.schema.names)}")
    if problem := form.problem(frame):
        raise TableError(f"{name}: {problem}")
    if not set(frame["kind"]) <= set(KINDS):
        raise TableError(f"{name}: unknown kind of representation; known are {', '.join(KINDS)}")
    if frame.duplicated(list(form.key)).any():
        raise TableError(f"{name}: a {form.entry} appears twice")
    ranges = {"layer_a": (1, metadata.depth_a), "layer_b": (1, metadata.depth_b), **form.ranges}
    for column, (low, high) in ranges.items():
        if not frame[column].dropna().between(low, high).all():
            raise TableError(f"{name}: '{column}' has values outside {low}..{high}")
