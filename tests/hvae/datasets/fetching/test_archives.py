"""Archives with what is wanted or not."""

import gzip
import hashlib
import io
import stat
import tarfile
import zipfile

import pytest

from hvae.datasets.fetching.archives import tar_members, unpack_gzip, zip_members
from hvae.errors import DataError


def tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def file(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member, b""


def test_named_members_and_nothing_else():
    archive = tar(file("../../escaped", b"1"), file("a/one", b"2"), file("/etc/two", b"3"), file("a/three", b"4"))
    assert tar_members(archive, ["a/one", "a/three"], 10) == {"a/one": b"2", "a/three": b"4"}


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (tar(link("a", "/etc/passwd")), "a in the archive is no file"),
        (tar(file("a", b"x" * 11)), "no file of at most 10 bytes"),
        (tar(file("b", b"")), "lacks a"),
        (tar(file("a", b"x" * 9))[:-20], "damaged"),
        (gzip.compress(b"<html>" * 200), "damaged"),
        (b"", "damaged"),
    ],
    ids=["link", "large", "absent", "cut", "gzip of a page", "empty"],
)
def test_other_archives_are_refused(archive, message):
    with pytest.raises(DataError, match=message):
        tar_members(archive, ["a"], 10)


def zipped(*members: tuple[str, bytes], mode: int = stat.S_IFREG) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members:
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            archive.writestr(member, content)
    return stream.getvalue()


def test_members_of_the_form_and_nothing_else():
    archive = zipped(("../a/one", b"1"), ("a/one", b"2"), ("a/../two", b"3"), ("a/two", b"4"), ("a/", b""))
    assert dict(zip_members(archive, "a/[a-z]+", 2, 10)) == {"a/one": b"2", "a/two": b"4"}


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (zipped(("a", b"/etc/passwd"), mode=stat.S_IFLNK), "a in the archive is no file"),
        (zipped(("a", b"x" * 21)), "no file of at most 20 bytes"),
        (zipped(("b", b"")), "holds 0 images, not 1"),
        (zipped(("a", b"x" * 9))[:-9], "damaged"),
        (zipped(("a", b"x" * 9)).replace(b"xxx", b"yyy"), "damaged .*CRC"),
        (b"<html>", "damaged"),
    ],
    ids=["link", "large", "absent", "cut", "altered", "page"],
)
def test_other_zip_archives_are_refused(archive, message):
    with pytest.raises(DataError, match=message):
        dict(zip_members(archive, "a", 1, 20))


def test_a_long_archive_is_read_from_its_file(tmp_path):
    (tmp_path / "archive.zip").write_bytes(zipped(("a", b"1")))
    assert dict(zip_members(tmp_path / "archive.zip", "a", 1, 10)) == {"a": b"1"}
    with pytest.raises(DataError, match="damaged"):
        dict(zip_members(tmp_path / "missing.zip", "a", 1, 10))


def test_gzip_archive_of_other_content_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"before")
    content = hashlib.sha256(b"expected").hexdigest()
    with pytest.raises(DataError, match="does not hold the expected file .its SHA-256 differs"):
        unpack_gzip(tmp_path / "file", gzip.compress(b"other"), content)
    assert (tmp_path / "file").read_bytes() == b"before"
    unpack_gzip(tmp_path / "file", gzip.compress(b"expected"), content)
    assert (tmp_path / "file").read_bytes() == b"expected"


def test_gzip_archive_becomes_one_file(tmp_path):
    unpack_gzip(tmp_path / "folder/file", gzip.compress(b"content"))
    assert (tmp_path / "folder/file").read_bytes() == b"content"
    assert len(list((tmp_path / "folder").iterdir())) == 1
