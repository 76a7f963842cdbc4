"""Shards of a table: parts that several machines score, and the whole that is made of them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from hvae.errors import ConfigError, TableError
from hvae.runs.score_tables import column_array, read_content, read_table, write_content
from hvae.runs.shards import Shard, merge, shards_of, write_shard
from tests.hvae.commands import fail, succeed
from tests.synthetic import make_run, make_tables

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "many-machines.md"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    make_run(root, "whole", depth=1, trained=True, data="digits")
    return root


@pytest.fixture
def run(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path))
    return Path(shutil.copytree(runs / "whole", tmp_path / "mine"))


@pytest.fixture
def shards(run: Path, tmp_path: Path) -> list[Path]:
    """Three of a made-up table of ten rows."""
    (path,) = make_tables(make_run(tmp_path, "made", depth=1), ("mnist",), n=10)
    about, content = read_content(path)
    parts = [Shard(number, 3) for number in (1, 2, 3)]
    return [write_shard(run, content.take(one.rows(10)), about, one, 10) for one in parts]


@pytest.mark.parametrize("text", ["5/4", "0/4", "1/0", "-1/2", "1", "1/2/3", "a/b", "1/ 2", "", "1/9999999"])
def test_a_shard_that_is_none_is_refused_in_a_line(text: str) -> None:
    with pytest.raises(ConfigError, match="write i/n"):
        Shard.of_text(text)


def test_shards_divide_all_rows() -> None:
    for total, of in ((10, 3), (7, 7), (100, 8)):
        rows = [row for number in range(1, of + 1) for row in Shard(number, of).rows(total)]
        assert rows == list(range(total))
    with pytest.raises(ConfigError, match="only 3 images"):
        Shard.of_text("1/4").rows(3)


def test_shards_scored_apart_are_the_table_scored_at_once(run: Path) -> None:
    asked = ("mine", "--data", "digits", "--limit", 7, "--draws", 2, "--device", "cpu")
    succeed("score", *asked)
    (path,) = (run / "scores").glob("*.parquet")
    whole = read_table(path)
    path.unlink()
    for number in (2, 1):
        succeed("score", *asked, "--shard", f"{number}/2")
    assert list(shards_of(run)) == [path.name] and not path.exists()
    assert "7 images" in succeed("merge", "mine").output
    merged = read_table(path)
    assert merged.metadata == whole.metadata
    pd.testing.assert_frame_equal(merged.frame, whole.frame, check_exact=True)
    assert not shards_of(run)
    assert "5/4" in fail("score", *asked, "--shard", "5/4")
    assert "--also does not apply" in fail("score", *asked, "--shard", "1/2", "--also", "lpath")
    assert "mine has no shards" in fail("merge", "mine")


def test_what_does_not_belong_together_is_refused_in_a_line(
    run: Path, shards: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(paths: list[Path], said: str, weights: str | None = None) -> None:
        with pytest.raises(TableError, match=said) as error:
            merge(run, paths, weights)
        assert "\n" not in str(error.value)

    refused(shards[:2], "lacks 1 of 3 shards: score --shard 3/3")
    refused([*shards, shards[0]], "1-of-3.parquet is there twice")
    refused(shards, "of other weights", "f" * 64)
    refused([tmp_path / "nowhere.parquet"], "there is no score table")
    about, content = read_content(shards[1])
    for field, value in (("weights_sha256", "a" * 64), ("samples", 9), ("data_fingerprint", "b" * 64), ("seed", 3)):
        other = about.model_copy(update={field: value})
        refused([shards[0], write_shard(tmp_path / "other", content, other, Shard(2, 3), 10)], f"another {field}")
    odd = write_shard(tmp_path / "other", content, about, Shard(2, 4), 10)
    refused([shards[0], odd], "one of 4 of 10 rows")
    wrong = content.set_column(0, "example", column_array("example", Shard(1, 3).rows(10)))
    refused(
        [shards[0], write_shard(tmp_path / "other", wrong, about, Shard(2, 3), 10)], "has other rows than shard 2/3"
    )
    fewer = content.drop_columns(["log_px"])
    refused([shards[0], write_shard(tmp_path / "other", fewer, about, Shard(2, 3), 10)], "other columns")
    written = about.model_copy(update={"content_sha256": "c" * 64})
    monkeypatch.setattr("hvae.runs.score_tables.content_hash", lambda _: "c" * 64)
    lying = write_shard(tmp_path / "other", content, written, Shard(2, 3), 10)
    monkeypatch.undo()
    refused([shards[0], lying, shards[2]], "is not what was written")
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(shards[1].read_bytes()[:-40])
    refused([shards[0], damaged], "no readable parquet file")
    (table,) = (tmp_path / "made" / "scores").glob("*.parquet")
    refused([table], "is no shard of a table")
    assert not list((run / "scores").glob("*.parquet"))


@pytest.mark.parametrize("large", [0, 8_000_000], ids=["from files", "in memory"])
def test_columns_added_before_stay(run: Path, shards: list[Path], monkeypatch: pytest.MonkeyPatch, large: int) -> None:
    monkeypatch.setattr("hvae.runs.score_tables.LARGE", large)
    path = merge(run, shards, None)
    about, content = read_content(path)
    write_content(path, content.append_column("path_error", pa.array([1.0] * 10, pa.float32())), about)
    merge(run, shards, None)
    assert (read_table(path).frame["path_error"] == 1).all()


@pytest.mark.slow
def test_the_example_of_the_page_runs_with_two_processes(run: Path) -> None:
    (block,) = re.findall(r"<!-- the suite runs this example -->\n```bash\n(.*?)```", PAGE.read_text(), re.DOTALL)
    hvae = f"{shlex.quote(sys.executable)} -m hvae"
    script = block.replace("hvae ", f"{hvae} ").replace(f"{hvae} score", f"{hvae} score --device cpu")
    subprocess.run(["bash", "-euc", script], cwd=ROOT, check=True, capture_output=True)
    (path,) = (run / "scores").glob("*.parquet")
    assert len(read_table(path)) == 397
