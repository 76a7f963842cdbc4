"""Runs from outside: what is sound arrives whole, what is hostile is refused in one line and leaves nothing behind."""

import json
import os
import shutil
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from hvae.cli import app
from hvae.files import run_lock
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import find_run, find_runs
from hvae.runs.importing import import_archive, import_run
from hvae.runs.importing.bundles import bundle_tables
from hvae.runs.score_tables import METADATA_KEY, content_hash
from hvae.runs.states import run_state
from tests.hvae.foreign_runs import TABLE, contents, pack, refused


def test_a_sound_run_arrives_whole(source, into):
    expected = contents(source)
    (source / "resume.pt").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    (source / "sources.json").write_text("{}")
    (source / ".lock").touch()
    (source / "scores" / ".partial").mkdir()
    (source / "scores" / ".partial" / "chunk.npz").write_bytes(b"0")
    said: list[str] = []
    copy = import_run(source, into, "new", said.append)
    assert copy == into / "new" and contents(copy) == expected
    assert [path.name for path in into.iterdir()] == ["new"]
    assert any("resume.pt was left out" in line for line in said)
    assert any("1 of 2 score tables were made with other weights" in line for line in said)
    assert run_state(find_runs([into])[0]).state == "complete"
    assert "already a run 'new'" in refused(into, source)


@pytest.mark.parametrize("packed", [False, True])
def test_a_run_bundled_without_its_weights_arrives(source, into, tmp_path, packed):
    bundle = tmp_path / "light"
    bundle_tables(find_run(str(source)), bundle, (), (), lambda line: None)
    expected, said = contents(bundle), []
    if packed:
        copy = import_archive(pack(bundle, tmp_path / "light.zip"), into, None, said.append)
    else:
        copy = import_run(bundle, into, None, said.append)
    assert contents(copy) == expected and not any("other weights" in line for line in said)
    assert any("there are no weights" in line for line in said)
    (entry,) = find_runs([into])
    assert run_state(entry).state == "tables only" and catalogue(entry).problems == ()


@pytest.mark.parametrize("name", ["../out", "a/b", "", ".hidden", "x" * 81, "<img src=x>", "new\n", "ö", "C:\\x"])
def test_a_name_no_run_may_have(source, into, name):
    assert "is no name for a run" in refused(into, source, name)


def spoil_config(change):
    def spoil(source: Path) -> None:
        tree = json.loads((source / "config.json").read_text())
        change(tree)
        (source / "config.json").write_text(json.dumps(tree))

    return spoil


def wide(tree: dict) -> None:
    tree["model"]["stages"][0]["blocks"][0]["channels"] = 10**9


def heavy(tree: dict) -> None:
    block = {"channels": 1024, "kernel": 7, "stride": 1}
    tree["model"]["stages"] = [{"blocks": [block] * 16, "latent": {"kind": "conv", "size": 4}}]


def other_model(tree: dict) -> None:
    tree["model"]["stages"][0]["latent"]["size"] = 3


def absurd_offsets(source: Path) -> None:
    path = source / "model.safetensors"
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    next(value for name, value in header.items() if name != "__metadata__")["data_offsets"] = [0, 10**12]
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])


def not_finite(source: Path) -> None:
    data = bytearray((source / "model.safetensors").read_bytes())
    data[-4:] = struct.pack("<f", float("nan"))
    (source / "model.safetensors").write_bytes(data)


def rewrite(change):
    """Spoil a score table, its hash made to fit: `change(arrow table) -> arrow table`."""

    def spoil(source: Path) -> None:
        table = change(pq.read_table(source / TABLE))
        if about := (table.schema.metadata or {}).get(METADATA_KEY):
            about = json.dumps(json.loads(about) | {"content_sha256": content_hash(table)}).encode()
            table = table.replace_schema_metadata({METADATA_KEY: about})
        pq.write_table(table, source / TABLE)

    return spoil


def with_text(table: pa.Table) -> pa.Table:
    return table.set_column(2, "elbo", pa.array(["<script>"] * len(table)))


def with_infinity(table: pa.Table) -> pa.Table:
    return table.set_column(2, "elbo", pa.array(np.full(len(table), np.inf, np.float32)))


def without_metadata(table: pa.Table) -> pa.Table:
    return table.replace_schema_metadata({})


def of_another_set(table: pa.Table) -> pa.Table:
    metadata = json.loads(table.schema.metadata[METADATA_KEY]) | {"slug": "digits"}
    return table.replace_schema_metadata({METADATA_KEY: json.dumps(metadata).encode()})


def many_row_groups(source: Path) -> None:
    table = pq.read_table(source / TABLE)
    pq.write_table(pa.concat_tables([table] * 60), source / TABLE, row_group_size=1)


def huge_claim(source: Path) -> None:
    """A footer that claims 2^40 rows more than there are: thrift's zigzag varint of the rows of file and group."""
    path = source / TABLE
    data = path.read_bytes()
    length = int.from_bytes(data[-8:-4], "little")
    footer = data[-8 - length : -8]
    rows, claim = b"\x16\x28", b"\x16" + bytes([0x80 | 0x28, *[0x80] * 5, 0x08])
    assert rows in footer
    footer = footer.replace(rows, claim)
    path.write_bytes(data[: -8 - length] + footer + len(footer).to_bytes(4, "little") + b"PAR1")


def write(member: str, content: bytes):
    def spoil(source: Path) -> None:
        (source / member).parent.mkdir(exist_ok=True)
        (source / member).write_bytes(content)

    return spoil


def link(source: Path) -> None:
    (source / "history.csv").unlink()
    (source / "history.csv").symlink_to("/etc/passwd")


def link_folder(source: Path) -> None:
    shutil.move(source / "scores", source.parent / "scores")
    (source / "scores").symlink_to(source.parent / "scores")


def pipe(source: Path) -> None:
    (source / "history.csv").unlink()
    os.mkfifo(source / "history.csv")


def cut(member: str):
    return lambda source: (source / member).write_bytes((source / member).read_bytes()[:-100])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda source: (source / "config.json").unlink(), "no config.json"),
        (write("config.json", b" " * (2**20 + 1)), "config.json' is larger"),
        (write("config.json", b"[" * 100_000), "config.json"),
        (spoil_config(wide), "less than or equal to 1024"),
        (spoil_config(heavy), "parameters, 500,000,000 at most"),
        (spoil_config(other_model), "does not fit its config"),
        (spoil_config(lambda tree: tree.update(surprise="<script>")), "surprise"),
        (absurd_offsets, "offsets that do not fit"),
        (cut("model.safetensors"), "cut short"),
        (not_finite, "not finite"),
        (cut(TABLE), "no readable parquet"),
        (rewrite(with_text), "of type string, it has to be float"),
        (rewrite(with_infinity), "not finite"),
        (rewrite(without_metadata), "is no score table"),
        (rewrite(of_another_set), "holds another table"),
        (many_row_groups, "1,000 at most"),
        (huge_claim, "claims"),
        (lambda source: (source / TABLE).rename(source / "scores" / "oh.parquet"), "rename it"),
        (write("scores/oh.parquet", b"PAR1"), "scores/oh.parquet is no readable parquet"),
        (write("correlations/a.b.c.parquet", b"PAR1"), "no readable parquet"),
        (write("history.csv", b"epoch,elbo,<b>\n1,2,3\n"), "'<b>'"),
        (write("history.csv", b"epoch,elbo\n1,nan\n"), "not finite"),
        (write("history.csv", b"," * 10_000), "first line"),
        (write("history.csv", b"epoch,elbo\n" + b"1,2\n" * 5), "5 epochs, its config 4"),
        (write("evil.sh", b"rm"), "'evil.sh' is no file of a run"),
        (write("scores/../x.parquet", b""), "'x.parquet' is no file of a run"),
        (link, "symbolic link"),
        (link_folder, "symbolic link"),
        (pipe, "not a regular file"),
    ],
)
def test_a_hostile_folder(source, into, spoil, said):
    spoil(source)
    text = refused(into, source)
    assert said in text


def test_an_import_cut_short_leaves_nothing(source, into, monkeypatch):
    copied: list[str] = []

    def failing(opened, target, name, left):
        copied.append(name)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(b"half")
        assert find_runs([into]) == [], "what is not checked yet is no run"
        if len(copied) == 2:
            raise KeyboardInterrupt
        return 4

    with monkeypatch.context() as patch:
        patch.setattr("hvae.runs.importing.copy", failing)
        with pytest.raises(KeyboardInterrupt):
            import_run(source, into, "new")
    assert len(copied) == 2 and list(into.iterdir()) == []
    # What a killed process left is neither a run nor in the way of the next import.
    (into / ".importing" / "run").mkdir(parents=True)
    (into / ".importing" / "run" / "config.json").write_text("{}")
    assert find_runs([into]) == []
    assert import_run(source, into, "new").is_dir() and [path.name for path in into.iterdir()] == ["new"]


def test_one_at_a_time_and_none_that_is_being_trained(source, into):
    with run_lock(source):
        assert "being trained right now" in refused(into, source)
    with run_lock(into / ".importing"):
        assert "another import" in refused(into, source)


def test_the_command(source, into, tmp_path):
    invoke = CliRunner().invoke
    result = invoke(app, ["runs", "import", str(pack(source, tmp_path / "zipped.zip"))])
    assert result.exit_code == 0 and result.stdout.strip() == str(into / "zipped"), result.output
    again = invoke(app, ["runs", "import", str(source), "--name", "zipped"])
    assert again.exit_code == 2 and "there is already a run 'zipped'" in again.stderr
    assert pd.read_csv(into / "zipped" / "history.csv").shape[0] == 4
