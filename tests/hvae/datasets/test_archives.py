import gzip
import io
import tarfile

import pytest

from hvae.datasets.archives import tar_members
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
)
def test_other_archives_are_refused(archive, message):
    with pytest.raises(DataError, match=message):
        tar_members(archive, ["a"], 10)
