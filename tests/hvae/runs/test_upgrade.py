"""Tables of older schemas are converted; nothing but standard errors is rounded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal

from hvae.errors import TableError
from hvae.parquet_files import write_parquet
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import find_run
from hvae.runs.score_tables import METADATA_KEY, content_hash, read_table
from hvae.runs.upgrading import upgrade_tables
from tests.synthetic import make_run

OLD = {
    "schema_version": 1, "data": "mnist", "slug": "mnist", "split": "test", "reading": "sample", "samples": 1,
    "draws": 1, "seed": 4, "depth": 2, "dimensions": 784, "preprocessing": "binarise", "precision": "32-true",
    "weights_sha256": "0" * 64, "data_fingerprint": "1" * 64, "data_note": "", "version": "0.1.0",
}  # fmt: skip
STATISTICS = ("elbo", "iw", "L>1", "L>2", "log_px", "log_ratio_1", "log_ratio_2")


ERRORS = tuple(f"{name}_se" for name in STATISTICS)


def columns(draws: int) -> dict[str, pa.Array]:
    """Columns of a table with float32 standard errors where there are several draws."""
    random = np.random.default_rng(0)
    values = dict(zip(STATISTICS, random.normal(-200, 50, (len(STATISTICS), 60)).astype(np.float32), strict=True))
    if draws > 1:
        values |= dict(zip(ERRORS, random.gamma(4, 0.5, (len(ERRORS), 60)).astype(np.float32), strict=True))
    keys = {"example": pa.array(range(60), pa.int32()), "label": pa.array([3] * 60, pa.int32())}
    return keys | {name: pa.array(column) for name, column in values.items()}


def write_old(run: Path, **changes: object) -> tuple[Path, pa.Table]:
    """A table as versions before the checksums wrote it."""
    content = pa.table(columns(1), metadata={METADATA_KEY: json.dumps(OLD | changes).encode()})
    path = run / "scores" / "mnist.test.sample.S1.R1.seed4.parquet"
    path.parent.mkdir(exist_ok=True)
    pq.write_table(
        content, path, compression="zstd", compression_level=12, use_dictionary=False,
        use_byte_stream_split=list(STATISTICS),
    )  # fmt: skip
    return path, content


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path, "old", depth=2)


def test_equal_bits_under_a_hash(run: Path) -> None:
    path, content = write_old(run)
    (problem,) = catalogue(find_run(str(run))).problems
    assert "hvae runs upgrade old" in problem
    assert upgrade_tables(run) == {path: 0}
    table = read_table(path)
    assert list(table.frame) == content.column_names
    for name in content.column_names:
        assert_array_equal(table.frame[name].to_numpy().view(np.uint32), content[name].to_numpy().view(np.uint32))
    kept = table.metadata.model_dump()
    assert {field: kept[field] for field in OLD} == OLD | {"schema_version": 3}
    assert len(table.metadata.content_sha256) == 64
    assert catalogue(find_run(str(run))).problems == ()


def test_twice_changes_nothing(run: Path) -> None:
    path, _ = write_old(run)
    upgrade_tables(run)
    before = path.read_bytes()
    assert upgrade_tables(run) == {} and path.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"depth": -1}, "another schema"),
        ({"surprise": 1}, "another schema"),
        ({"schema_version": None}, "is damaged or no score table|another schema"),
        ({"schema_version": 4}, "update hvae"),
    ],
)
def test_what_cannot_be_converted_stays_as_it_is(run: Path, changes: dict[str, object], said: str) -> None:
    path, _ = write_old(run, **changes)
    before = path.read_bytes()
    with pytest.raises(TableError, match=said) as caught:
        upgrade_tables(run)
    assert str(caught.value).startswith(path.name) and "\n" not in str(caught.value)
    assert path.read_bytes() == before


def test_a_value_that_is_not_finite_stays_refused(run: Path) -> None:
    path, content = write_old(run)
    spoilt = content.set_column(2, "elbo", pa.array(np.full(60, np.nan, np.float32)))
    pq.write_table(spoilt, path)
    upgrade_tables(run)
    with pytest.raises(TableError, match="60 values of `elbo` that are not finite"):
        read_table(path)


def write_second(run: Path, version: int = 2, **replaced: np.ndarray) -> tuple[Path, pa.Table]:
    """A table of three draws as schema 2 has it, or 1, with the values of some columns replaced."""
    content = pa.table(columns(3) | {name: pa.array(column, pa.float32()) for name, column in replaced.items()})
    about = OLD | {"schema_version": version, "draws": 3}
    about |= {"content_sha256": content_hash(content)} if version == 2 else {}
    path = run / "scores" / "mnist.test.sample.S1.R3.seed4.parquet"
    path.parent.mkdir(exist_ok=True)
    pq.write_table(
        content.replace_schema_metadata({METADATA_KEY: json.dumps(about).encode()}), path,
        use_dictionary=False, write_page_checksum=True,
    )  # fmt: skip
    return path, content


@pytest.mark.parametrize("version", [1, 2])
def test_standard_errors_alone_are_rounded(run: Path, version: int) -> None:
    path, content = write_second(run, version)
    old = content.to_pandas()
    if version == 2:
        pd.testing.assert_frame_equal(read_table(path).frame, old, check_exact=True)
    assert upgrade_tables(run) == {path: 0}
    new = read_table(path)
    assert new.metadata.schema_version == 3 and list(new.frame) == list(old)
    for name in ("example", "label", *STATISTICS):
        assert_array_equal(new.frame[name].to_numpy().view(np.uint32), old[name].to_numpy().view(np.uint32))
    for name in ERRORS:
        assert pq.read_schema(path).field(name).type == pa.float16()
        assert_array_equal(new.frame[name], old[name].to_numpy().astype(np.float16).astype(np.float32))
    assert upgrade_tables(run) == {}


def test_a_column_that_is_stored_once_for_two_stays_two(run: Path) -> None:
    path, content = write_second(run, iw=columns(3)["elbo"].to_numpy())
    write_parquet(content.replace_schema_metadata(pq.read_schema(path).metadata), path)
    assert "iw" not in pq.read_schema(path).names
    assert upgrade_tables(run) == {path: 0}
    new = read_table(path).frame
    assert list(new) == content.column_names
    assert_array_equal(new["iw"], content["elbo"].to_numpy())


def test_errors_beyond_half_precision_are_cut_and_counted(run: Path) -> None:
    errors = np.linspace(0, 60_000, 60, dtype=np.float32)
    errors[[5, 17]] = 65_520, 3e38
    path, _ = write_second(run, elbo_se=errors)
    assert upgrade_tables(run) == {path: 2}
    stored = read_table(path).column("elbo_se")
    assert stored[5] == stored[17] == 65_504 and (np.delete(stored, [5, 17]) <= 60_000).all()


def test_what_is_damaged_gets_no_new_hash(run: Path) -> None:
    path, content = write_second(run)
    end = pq.read_metadata(path).row_group(0).column(content.column_names.index("elbo_se"))
    spoilt = bytearray(path.read_bytes())
    spoilt[end.data_page_offset + end.total_compressed_size - 3] ^= 1
    path.write_bytes(spoilt)
    with pytest.raises(TableError, match=f"^{path.name} is damaged"):
        upgrade_tables(run)
    assert path.read_bytes() == spoilt
