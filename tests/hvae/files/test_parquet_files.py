"""Parquet files: what is read is what was written, repeated columns take no room, damaged lists are refused."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hvae.parquet_files import (
    content_hash,
    read_columns,
    read_footer,
    read_parquet,
    spilled,
    spooled,
    whole_schema,
    write_parquet,
)

RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=500).astype(np.float32)
CONTENT = pa.table(
    {
        "example": pa.array(np.arange(500, dtype=np.int32)),
        "elbo": pa.array(VALUES),
        "iw": pa.array(VALUES),
        "ratio": pa.array(VALUES[::-1].copy()),
        "log_px": pa.array(VALUES),
        "label": pa.array(np.arange(500, dtype=np.int32)),
        "wide": pa.array(VALUES.astype(np.float64)),
        "errors": pa.array(np.abs(VALUES).astype(np.float16)),
        "errors_too": pa.array(np.abs(VALUES).astype(np.float16)),
    },
    metadata={b"about": b"this table"},
)


def test_a_table_comes_back_as_it_was(tmp_path: Path) -> None:
    write_parquet(CONTENT, tmp_path / "one", ["label"])
    back = read_parquet(tmp_path / "one")
    assert back.equals(CONTENT, check_metadata=True)
    assert whole_schema(pq.read_schema(tmp_path / "one")).equals(CONTENT.schema, check_metadata=True)


def test_many_rows_are_written_and_read_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hvae.parquet_files._ROWS", 200)
    write_parquet(CONTENT, tmp_path / "one")
    assert pq.ParquetFile(tmp_path / "one").num_row_groups == 3
    assert read_parquet(tmp_path / "one").equals(CONTENT, check_metadata=True)
    found = dict(read_columns(tmp_path / "one"))
    assert content_hash(pa.table(found)) == content_hash(CONTENT)
    frame = spilled(iter(found.items()))
    assert frame["errors"].dtype == np.float32
    np.testing.assert_array_equal(frame.to_numpy(np.float64), CONTENT.to_pandas().to_numpy(np.float64))
    named = CONTENT.append_column("name", pa.array([f"ä{row}" for row in range(500)])).replace_schema_metadata(None)
    lying = spooled((name, named.column(name)) for name in named.column_names)
    assert lying.equals(named) and content_hash(lying) == content_hash(named)
    assert spooled(iter(())).num_columns == 0


def test_a_column_that_repeats_another_is_stored_once(tmp_path: Path) -> None:
    write_parquet(CONTENT, tmp_path / "one")
    # Whole numbers are kept apart: they are small, and rows are found by them.
    assert pq.read_schema(tmp_path / "one").names == ["example", "elbo", "ratio", "label", "wide", "errors"]


def test_zeros_of_either_sign_are_not_the_same(tmp_path: Path) -> None:
    zeros = np.zeros(4, np.float32)
    content = pa.table({"one": pa.array(zeros), "other": pa.array(-zeros)})
    write_parquet(content, tmp_path / "one")
    assert np.signbit(read_parquet(tmp_path / "one").column("other").to_numpy()).all()


@pytest.mark.parametrize(
    "stored",
    [
        [["elbo", "elbo"], ["iw", "absent"]],
        [["elbo", "elbo"], ["ratio", "ratio"], ["example", "example"]],
        [["iw", "elbo"]] * 1000,
        ["elbo"],
        {"elbo": 1},
        7,
        None,
    ],
)
def test_a_damaged_list_of_columns_is_refused(tmp_path: Path, stored: object) -> None:
    content = CONTENT.select(["elbo", "ratio"]).replace_schema_metadata({b"stored": json.dumps(stored).encode()})
    pq.write_table(content, tmp_path / "one")
    with pytest.raises(ValueError):
        read_parquet(tmp_path / "one")


def test_a_flipped_bit_is_noticed_wherever_it_is(tmp_path: Path) -> None:
    path = tmp_path / "one"
    write_parquet(CONTENT, path)
    before = path.read_bytes()
    assert before.count(b"this table") == 1, "beside its copy in base64"
    for flip in (0, before.index(b"this table"), *range(4, len(before), 97)):
        content = bytearray(before)
        content[flip] ^= 1
        path.write_bytes(content)
        try:
            about = whole_schema(read_footer(path).schema.to_arrow_schema()).metadata
            back = read_parquet(path)
        except (pa.ArrowException, OSError, ValueError):
            continue
        assert flip != before.index(b"this table")
        assert about == CONTENT.schema.metadata and back.to_pandas().equals(CONTENT.to_pandas()), flip
