"""Tables of schema 1 are converted without changing a value."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal

from hvae.errors import TableError
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import find_run
from hvae.runs.score_tables import METADATA_KEY, read_table, upgrade_tables
from tests.synthetic import make_run

OLD = {
    "schema_version": 1, "data": "mnist", "slug": "mnist", "split": "test", "reading": "sample", "samples": 1,
    "draws": 1, "seed": 4, "depth": 2, "dimensions": 784, "preprocessing": "binarise", "precision": "32-true",
    "weights_sha256": "0" * 64, "data_fingerprint": "1" * 64, "data_note": "", "version": "0.1.0",
}  # fmt: skip
STATISTICS = ("elbo", "iw", "L>1", "L>2", "log_px", "log_ratio_1", "log_ratio_2")


def write_old(run: Path, **changes: object) -> tuple[Path, pa.Table]:
    """A table as versions before the checksums wrote it."""
    values = np.random.default_rng(0).normal(-200, 50, (len(STATISTICS), 60)).astype(np.float32)
    content = pa.table(
        {"example": pa.array(range(60), pa.int32()), "label": pa.array([3] * 60, pa.int32())}
        | {name: pa.array(column) for name, column in zip(STATISTICS, values, strict=True)},
        metadata={METADATA_KEY: json.dumps(OLD | changes).encode()},
    )
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
    assert upgrade_tables(run) == [path]
    table = read_table(path)
    assert list(table.frame) == content.column_names
    for name in content.column_names:
        assert_array_equal(table.frame[name].to_numpy().view(np.uint32), content[name].to_numpy().view(np.uint32))
    kept = table.metadata.model_dump()
    assert {field: kept[field] for field in OLD} == OLD | {"schema_version": 2}
    assert len(table.metadata.content_sha256) == 64
    assert catalogue(find_run(str(run))).problems == ()


def test_twice_changes_nothing(run: Path) -> None:
    path, _ = write_old(run)
    upgrade_tables(run)
    before = path.read_bytes()
    assert upgrade_tables(run) == [] and path.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"depth": -1}, "another schema"),
        ({"surprise": 1}, "another schema"),
        ({"schema_version": None}, "is damaged or no score table|another schema"),
        ({"schema_version": 3}, "update hvae"),
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
