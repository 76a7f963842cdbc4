"""Score tables: what was written is read to the bit, and whatever else is there is refused by name, in one line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal

from hvae.errors import TableError
from hvae.parquet_files import read_parquet
from hvae.runs import columns, pixel_tables
from hvae.runs.columns import LARGEST_ERROR
from hvae.runs.score_tables import (
    METADATA_KEY,
    TABLE_SCHEMA_VERSION,
    content_hash,
    read_metadata,
    read_table,
    write_table,
)
from hvae.runs.settings import Setting
from tests.hvae.tables import table_of
from tests.synthetic import fingerprint, make_run, make_tables

NAMES = ["β-vae/训练 1.png", "a.b.c.jpg", "", "🙂.png", "naïve.tif"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound table of three layers, 40 images, with standard errors and the names of the files."""
    (path,) = make_tables(make_run(tmp_path, "a_run"), ("mnist",), n=40, draws=(4,))
    table = read_table(path)
    frame = table.frame.copy()
    frame.insert(2, "name", (NAMES * 8))
    return write_table(tmp_path / "a_run", replace(table, frame=frame))


def refused(path: Path) -> str:
    with pytest.raises(TableError) as caught:
        read_table(path)
    said = str(caught.value)
    assert said.startswith(path.name) and "\n" not in said and len(said) < 400
    return said


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table] = lambda content: content, **about: object) -> None:
    """Another content, its hash made to fit, under changed metadata."""
    content = change(read_parquet(path))
    known = json.loads(pq.read_schema(path).metadata[METADATA_KEY])
    stored = json.dumps(known | {"content_sha256": content_hash(content)} | about)
    pq.write_table(content.replace_schema_metadata({METADATA_KEY: stored.encode()}), path)


def test_a_table_comes_back_to_the_bit(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(-300, 100, (5, 4)).astype(np.float32)
    values[0] = [np.finfo(np.float32).max, np.finfo(np.float32).tiny, -0.0, 1e-45]
    table = table_of(dict(zip(("elbo", "iw", "L>1", "L>2"), values.T, strict=True)), seed=7, draws=3)
    table.frame.insert(2, "name", NAMES)
    path = write_table(tmp_path, table)
    assert path == tmp_path / "scores" / table.metadata.file_name
    back = read_table(path, "a run")
    assert list(back.frame) == list(table.frame) and back.run == "a run"
    assert back.frame["name"].tolist() == NAMES
    for name in ("elbo", "iw", "L>1", "L>2"):
        assert_array_equal(back.frame[name].to_numpy().view(np.uint32), table.frame[name].to_numpy().view(np.uint32))
    assert back.metadata.model_copy(update={"content_sha256": ""}) == table.metadata
    assert back.metadata.setting == Setting(seed=7, draws=3)
    assert write_table(tmp_path, back).read_bytes() == path.read_bytes()


ERRORS = [0.0, 6e-8, 1e-3, 0.1, 1.2345, 300.0, 65_504.0, 65_519.9, 65_520.0, 3e38]
"""Standard errors in nats, the last three beyond what half precision holds."""


def test_standard_errors_take_half_the_room_and_never_become_infinite(tmp_path: Path) -> None:
    values = np.linspace(-400, 400, len(ERRORS)).astype(np.float32)
    path = write_table(tmp_path, table_of({"elbo": values, "elbo_se": ERRORS}, draws=3))
    types = {field.name: field.type for field in pq.read_schema(path)}
    assert types["elbo"] == pa.float32() and types["elbo_se"] == pa.float16()
    back = read_table(path)
    assert_array_equal(back.frame["elbo"].to_numpy().view(np.uint32), values.view(np.uint32))
    assert back.frame["elbo_se"].dtype == np.float32, "nobody computes in half precision"
    held = np.minimum(np.array(ERRORS), LARGEST_ERROR)
    assert_array_equal(back.column("elbo_se"), held.astype(np.float16).astype(np.float64))
    np.testing.assert_allclose(back.column("elbo_se"), held, rtol=2**-11, atol=2**-25)
    assert write_table(tmp_path / "again", back).read_bytes() == path.read_bytes()
    for broken in (np.nan, np.inf):
        with pytest.raises(TableError, match=r"1 values of `elbo_se` that are not finite"):
            write_table(tmp_path, table_of({"elbo": [0.0], "elbo_se": [broken]}, draws=3))


def widened(content: pa.Table) -> pa.Table:
    """Standard errors as schema 2 has them."""
    fields = [field.with_type(pa.float32()) if field.type == pa.float16() else field for field in content.schema]
    return content.cast(pa.schema(fields))


def test_a_table_of_the_schema_before_is_read_and_written_as_todays(path: Path, tmp_path: Path) -> None:
    today = read_table(path)
    rewrite(path, widened, schema_version=2)
    before = read_table(path)
    assert before.metadata.schema_version == 2
    pd.testing.assert_frame_equal(before.frame, today.frame, check_exact=True)
    written = write_table(tmp_path / "again", before)
    assert read_table(written).metadata == today.metadata
    assert pq.read_schema(written).field("elbo_se").type == pa.float16()


def test_standard_errors_have_the_type_of_their_schema(path: Path) -> None:
    halves = path.read_bytes()
    rewrite(path, schema_version=2)
    assert "'elbo_se' of type halffloat, it has to be float: score it again" in refused(path)
    path.write_bytes(halves)
    rewrite(path, widened)
    assert "'elbo_se' of type float, it has to be halffloat: score it again" in refused(path)


def page_ends(path: Path) -> list[int]:
    """Where the last bytes of the pages lie, one page a column; in front of each is a header of a hundred bytes."""
    group = pq.read_metadata(path).row_group(0)
    chunks = [group.column(number) for number in range(group.num_columns)]
    return [chunk.data_page_offset + chunk.total_compressed_size for chunk in chunks]


def flipped(path: Path) -> Iterator[bool]:
    """One bit after another flipped: whether it lies among the values of a page, or else maybe in its header."""
    sound, ends, random = path.read_bytes(), page_ends(path), np.random.default_rng(0)
    values = [(True, end - 1 - int(back)) for end in ends for back in random.integers(0, 20, 8)]
    anywhere = [(False, int(at)) for at in random.integers(4, ends[-1], 100)]
    for among_values, position in values + anywhere:
        content = bytearray(sound)
        content[position] ^= 1 << int(random.integers(8))
        path.write_bytes(content)
        # Two writes within a tick of the file system's clock are told apart all the same.
        os.utime(path, ns=(0, position * 1_000_000 + len(content)))
        yield among_values
    path.write_bytes(sound)


def test_no_flipped_bit_of_a_page_changes_a_value_unnoticed(path: Path) -> None:
    sound = read_table(path).frame
    for among_values in flipped(path):
        if among_values:
            assert "score it again" in refused(path)
            continue
        # What a page's header says of its own statistics is nothing that the values depend on.
        with suppress(TableError):
            pd.testing.assert_frame_equal(read_table(path).frame, sound, check_exact=True)
    read_table(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named(path: Path, value: float) -> None:
    table = read_table(path)
    table.frame.loc[[3, 9], "L>2"] = value
    with pytest.raises(TableError, match=r"2 values of `L>2` that are not finite"):
        write_table(path.parents[1], table)

    def spoil(content: pa.Table) -> pa.Table:
        return content.set_column(content.column_names.index("L>2"), "L>2", pa.array(table.frame["L>2"], pa.float32()))

    rewrite(path, spoil)
    said = refused(path)
    # pandas reads a missing value as NaN: what arrow stores is a gap.
    assert "2 values of `L>2` that are not finite" in said or (np.isnan(value) and "gaps in `L>2`" in said)


def test_a_hash_that_does_not_fit_is_noticed(path: Path) -> None:
    rewrite(path, content_sha256="0" * 64)
    assert "not what was written" in refused(path)


def test_another_schema_says_what_to_do(path: Path) -> None:
    rewrite(path, schema_version=TABLE_SCHEMA_VERSION + 1)
    assert refused(path).endswith("is of schema 4, this version of hvae reads 2 and 3: update hvae")
    rewrite(path, schema_version=1)
    assert "older schema 1: hvae runs upgrade a_run converts it without changing a value but standard" in refused(path)
    for nonsense in ("2", None, 2.5, True, [2]):
        rewrite(path, schema_version=nonsense)
        assert "another schema" in refused(path)


def dropped(content: pa.Table) -> pa.Table:
    return content.drop_columns(["example"])


def doubled(content: pa.Table) -> pa.Table:
    return content.append_column("iw", content["iw"])


def of_text(content: pa.Table) -> pa.Table:
    return content.set_column(3, "elbo", pa.array(["<script>"] * len(content)))


def double(content: pa.Table) -> pa.Table:
    return content.set_column(3, "elbo", content["elbo"].cast(pa.float64()))


def fractional(content: pa.Table) -> pa.Table:
    return content.set_column(1, "label", content["label"].cast(pa.float32()))


def with_gap(content: pa.Table) -> pa.Table:
    return content.set_column(0, "example", pa.array([None, *range(1, len(content))], pa.int32()))


def no_text(content: pa.Table) -> pa.Table:
    """Bytes that are no UTF-8, in a column that says it is text."""
    broken = pa.array([b"\xff\xfe"] * len(content), pa.binary())
    return content.set_column(2, "name", pa.StringArray.from_buffers(len(content), *broken.buffers()[1:]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (dropped, "other columns"),
        (doubled, "other columns"),
        (of_text, "'elbo' of type string, it has to be float"),
        (double, "'elbo' of type double"),
        (fractional, "'label' of type float, it has to be int32"),
        (with_gap, "gaps in `example`"),
    ],
)
def test_foreign_columns_are_refused(path: Path, change: Callable[[pa.Table], pa.Table], said: str) -> None:
    rewrite(path, change)
    assert said in refused(path)


def test_names_that_are_no_text_are_refused(path: Path) -> None:
    content = no_text(pq.read_table(path))
    pq.write_table(content.replace_schema_metadata(pq.read_schema(path).metadata), path)
    assert "is damaged" in refused(path)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no table at all" * 9])
def test_what_is_no_table(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert "no readable parquet file" in refused(path)
    pq.write_table(pa.table({"example": [0], "label": [0]}), path)
    assert "no 'hvae' metadata" in refused(path)
    path.unlink()
    with pytest.raises(TableError, match="there is no score table mnist.test"):
        read_metadata(path)


def test_a_table_begins_with_its_keys(tmp_path: Path) -> None:
    table = table_of({"iw": [0.0]})
    with pytest.raises(TableError, match="begins with the columns example, label"):
        write_table(tmp_path, replace(table, frame=table.frame[["iw", "label", "example"]]))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_column_says_which_command_makes_it() -> None:
    table = table_of({"iw": [0.0]}, run="my_run", samples=5)
    with pytest.raises(TableError) as caught:
        table.column("L>1")
    command = "hvae score my_run --data digits --split test --reading mean --samples 5 --draws 1"
    assert str(caught.value).endswith(command)
    assert str(table.missing("ink")).endswith("hvae data measure digits --split test --run my_run")
    assert table.missing("iw") is None
    assert table.missing("unheard_of") == "this version of hvae knows no way to measure it"
    for name in ("L>0", "L>1x", "L>-1", "log_ratio_", "Elbo", "ink_sd"):
        assert columns.find(name) is None, name
    for k in (-1, 3):
        with pytest.raises(TableError, match=r"is outside 0\.\.2"):
            table.bound(k)


def test_statistics_of_pixels_are_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path))
    (path,) = make_tables(make_run(tmp_path, "a_run"), ("mnist",), n=30, pixels=True)
    table = read_table(path)
    stored = pixel_tables.read(fingerprint("mnist", "test", 30))
    assert stored is not None
    assert_array_equal(table.column("input_entropy"), stored["input_entropy"])
    assert table.column("input_entropy").dtype == np.float64 and "input_entropy" not in table.frame
    shorter = replace(table, frame=table.frame.head(20))
    assert "hvae data measure mnist" in str(shorter.missing("input_entropy")), "other images than were measured"


def test_damaged_statistics_of_pixels_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path))
    make_tables(make_run(tmp_path, "a_run"), ("mnist", "notmnist"), n=30, pixels=True)
    images = fingerprint("mnist", "test", 30)
    path, sound = pixel_tables.find(images), pixel_tables.read(images)
    other = pixel_tables.find(fingerprint("notmnist", "test", 30))
    assert path is not None and other is not None
    known = f"{path.name} (is damaged|holds the statistics of other).*hvae data measure"
    assert pixel_tables.read(images) is not None
    for among_values in flipped(path):
        with pytest.raises(TableError, match=known) if among_values else suppress(TableError):
            pd.testing.assert_frame_equal(pixel_tables.read(images), sound, check_exact=True)
    for content in (b"", other.read_bytes()):
        path.write_bytes(content)
        with pytest.raises(TableError, match=known):
            pixel_tables.read(images)
    assert pixel_tables.read("0" * 64) is None and pixel_tables.read("../../etc/passwd") is None


def test_a_large_table_lies_in_a_file_and_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every column is verified as it is read, one in memory at a time; a flipped byte is an error as before."""
    (path,) = make_tables(make_run(tmp_path, "run", depth=2), ("mnist",), n=50, draws=(2,), parts=False)
    small = read_table(path)
    monkeypatch.setattr("hvae.runs.score_tables.LARGE", 0)
    large = read_table(path)
    pd.testing.assert_frame_equal(large.frame, small.frame, check_exact=True)
    assert large.metadata == small.metadata
    held = large.frame["elbo"].to_numpy()
    while not isinstance(held, np.memmap):
        held = held.base
    np.testing.assert_array_equal(large.take(np.array([3, 1])).column("L>1"), small.column("L>1")[[3, 1]])
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(TableError, match="score it again"):
        read_table(path)
