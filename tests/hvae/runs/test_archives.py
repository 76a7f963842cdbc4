"""Archives of runs from outside: whole ones arrive, hostile ones are refused in one line."""

import stat
import struct
import zipfile
from pathlib import Path

import pytest

from hvae.runs.importing import archives, import_archive, members
from tests.hvae.foreign_runs import contents, pack, refused


@pytest.mark.parametrize("top", ["", "packed/"])
def test_an_archive_arrives_whole(source, into, tmp_path, top):
    archive = pack(source, tmp_path / "passed-on.zip", top)
    copy = import_archive(archive, into)
    assert copy.name == (top.rstrip("/") or "passed-on") and contents(copy) == contents(source)


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
