"""Runs from outside: what is sound arrives whole, what is hostile is refused in one line and leaves nothing behind."""

import json
import os
import shutil
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from hvae.cli import app
from hvae.errors import HvaeError
from hvae.files import run_lock
from hvae.runs.checkpoints import read_config, read_weights, save_weights
from hvae.runs.folders import find_runs
from hvae.runs.importing import archives, import_archive, import_run, members
from hvae.runs.score_tables import METADATA_KEY, content_hash
from hvae.runs.states import run_state
from tests.synthetic import make_run, make_tables

TABLE = "scores/mnist.test.mean.S1.R1.seed0.parquet"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = make_run(tmp_path_factory.mktemp("elsewhere"), "original", depth=2, trained=True)
    make_tables(run, ("fashionmnist",), n=20, parts=False)
    save_weights(
        run, {name: value + 1 for name, value in read_weights(run, read_config(run)).items()}, read_config(run)
    )
    make_tables(run, ("mnist",), n=20, parts=False)
    return run


@pytest.fixture
def source(original: Path, tmp_path: Path) -> Path:
    """A sound run, to be spoilt."""
    return shutil.copytree(original, tmp_path / "elsewhere" / "source")


@pytest.fixture
def into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path / "runs"))
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


def refused(into: Path, source: Path, name: str | None = "new", **more) -> str:
    """The one line that a run is refused with; nothing of it is left."""
    bring = import_archive if source.is_file() else import_run
    before = sorted(into.rglob("*"))
    with pytest.raises(HvaeError) as error:
        bring(source, into, name, **more)
    assert sorted(into.rglob("*")) == before, "nothing may be left behind"
    text = str(error.value)
    assert "\n" not in text and ".importing" not in text and len(text) < 400
    return text


def pack(source: Path, archive: Path, top: str = "") -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(source.rglob("*")):
            file.write(path, top + path.relative_to(source).as_posix())
    return archive


def contents(run: Path) -> dict[str, bytes]:
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("*") if path.is_file()}


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


@pytest.mark.parametrize("top", ["", "packed/"])
def test_an_archive_arrives_whole(source, into, tmp_path, top):
    archive = pack(source, tmp_path / "passed-on.zip", top)
    copy = import_archive(archive, into)
    assert copy.name == (top.rstrip("/") or "passed-on") and contents(copy) == contents(source)


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
        (rewrite(with_text), "is of type string"),
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
        (pipe, "no regular file"),
    ],
)
def test_a_hostile_folder(source, into, spoil, said):
    spoil(source)
    text = refused(into, source)
    assert said in text


def member(name: str, content: bytes = b"{}", **attributes) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, content


LINK = (stat.S_IFLNK | 0o777) << 16


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (member("../config.json"), "leaves its folder"),
        (member("run/../../x"), "leaves its folder"),
        (member("/etc/passwd"), "absolute or foreign"),
        (member("C:/x"), "absolute or foreign"),
        (member("scores\\x.parquet"), "absolute or foreign"),
        (member("a/b/c/config.json"), "no file of a run"),
        (member("history.csv", b"/etc/passwd", external_attr=LINK), "symbolic link"),
        (member("history.csv", b"x", external_attr=(stat.S_IFIFO | 0o600) << 16), "no regular file"),
        (member("history.csv", bytes(40 * 2**20), compress_type=zipfile.ZIP_DEFLATED), "grow"),
        (member("history.csv", b"x" * 100, compress_type=zipfile.ZIP_BZIP2), "another method"),
        (member("<img src=x onerror=alert(1)>.csv"), "no file of a run"),
        (member("config.json"), "twice"),
    ],
)
def test_a_hostile_archive(into, tmp_path, extra, said):
    archive = tmp_path / "hostile.zip"
    with zipfile.ZipFile(archive, "w") as file:
        if said != "twice":
            file.writestr("config.json", "{}")
            file.writestr(*extra)
        else:
            with pytest.warns(UserWarning):
                file.writestr("config.json", "{}")
                file.writestr(*extra)
    assert said in refused(into, archive)


def test_a_member_of_no_name(source, into, tmp_path):
    """zipfile stumbles over it when asked whether it is a folder."""
    data = pack(source, tmp_path / "sound.zip").read_bytes()
    at, end = data.index(b"PK\1\2"), data.rindex(b"PK\5\6")
    length, size = struct.unpack_from("<H", data, at + 28)[0], struct.unpack_from("<I", data, end + 12)[0]
    entry = data[at : at + 28] + bytes(2) + data[at + 30 : at + 46] + data[at + 46 + length : end]
    tail = data[end : end + 12] + struct.pack("<I", size - length) + data[end + 16 :]
    (tmp_path / "nameless.zip").write_bytes(data[:at] + entry + tail)
    assert "leaves its folder, ''" in refused(into, tmp_path / "nameless.zip")


def test_archives_that_lie(source, into, tmp_path, monkeypatch):
    archive = pack(source, tmp_path / "sound.zip")
    data = archive.read_bytes()

    def lying(old: bytes, new: bytes, count: int = -1) -> Path:
        assert old in data
        (tmp_path / "lying.zip").write_bytes(data.replace(old, new, count))
        return tmp_path / "lying.zip"

    central = data.index(b"PK\x01\x02")
    encrypted = bytearray(data)
    encrypted[central + 8] |= 1
    (tmp_path / "encrypted.zip").write_bytes(encrypted)
    assert "encrypted" in refused(into, tmp_path / "encrypted.zip")
    (tmp_path / "cut.zip").write_bytes(data[:-200])
    assert "no zip archive" in refused(into, tmp_path / "cut.zip")
    (tmp_path / "text.zip").write_bytes(b"no archive at all")
    assert "no zip archive" in refused(into, tmp_path / "text.zip")
    end = data.rindex(b"PK\x05\x06")
    assert "far more than a run" in refused(into, lying(data[end + 8 : end + 12], struct.pack("<2H", 9, 60_000)))
    assert "zip64" in refused(into, lying(b"PK\x05\x06", b"PK\x06\x07" + bytes(16) + b"PK\x05\x06"))
    broken = bytearray(data)
    broken[data.index(b"model.safetensors") + 200] ^= 0xFF
    (tmp_path / "broken.zip").write_bytes(broken)
    assert "damaged" in refused(into, tmp_path / "broken.zip")
    assert "bytes unpacked, 1,000 at most" in refused(into, archive, most=1000)
    monkeypatch.setattr(members, "MAXIMUM_FILES", 3)
    assert "too many for a run" in refused(into, archive)
    monkeypatch.setattr(archives, "MAXIMUM_ENTRIES", 3)
    assert "far more than a run" in refused(into, archive)


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
