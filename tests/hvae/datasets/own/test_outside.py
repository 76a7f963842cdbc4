import gzip
import io
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hvae.datasets.own import outside
from hvae.datasets.own.decoding import FORMATS, decode
from hvae.datasets.own.outside import Named, Picture, Refusal, Treatment, collect, count, shown_name
from hvae.errors import DataError
from tests.hvae.datasets.own.made_files import (
    CENTRAL,
    GOOD,
    LOCAL,
    PIXELS,
    READ,
    REFUSED,
    encode,
    linked,
    patched,
    zipped,
)

HOW = Treatment((1, 8, 8))


def read(*sources: Path | Named, **options: int) -> list[Picture | Refusal]:
    return list(collect(sources, HOW, **options))


def test_the_corpus_is_large_enough():
    assert len(READ) + len(REFUSED) >= 40


@given(st.permutations([*READ.items(), *REFUSED.items()]))
@settings(max_examples=5, derandomize=True, deadline=None)
def test_one_answer_for_each_file_in_any_order(files):
    found = read(*(Named(name, content) for name, content in files))
    assert [one.name for one in found] == [name for name, _ in files]
    for one in found:
        assert isinstance(one, Picture if one.name in READ else Refusal), one
        if isinstance(one, Picture):
            assert one.image.shape == HOW.image_shape and one.image.dtype == np.uint8
        else:
            assert one.reason and "\n" not in one.reason


def test_the_corpus_as_a_zip_and_as_a_folder(tmp_path):
    files = {name.replace("/", "|"): content for name, content in {**READ, **REFUSED}.items()}
    del files["not a zip.zip"]
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    for found, prefix in ((read(Named("all.zip", zipped(files))), "all.zip/"), (read(tmp_path), f"{tmp_path}/")):
        pictures = {one.name for one in found if isinstance(one, Picture)}
        assert pictures == {prefix + name.replace("/", "|") for name in READ}
        assert len(found) == len(files)


# What a member is refused for; None where it is read.
MEMBERS = {
    "../up.png": "leads out",
    "a/../../up.png": "leads out",
    "/etc/up.png": "leads out",
    "\\\\server\\up.png": "leads out",
    "C:\\up.png": "leads out",
    "c:up.png": "leads out",
    "..\\up.png": "leads out",
    "inner.zip": "archive within",
    "inner.TAR.GZ": "archive within",
    "deep/er/fine.png": None,
    "x" * 300 + ".png": None,
    "gp\u202egnp.exe": None,
    "bell\x07\nline.png": None,
    "..png": "hidden",
    ".hidden.png": "hidden",
    "__MACOSX/fine.png": "hidden",
}


def test_names_in_a_zip():
    passed: list[Refusal] = []
    found = list(collect([Named("a.zip", zipped(dict.fromkeys(MEMBERS, GOOD)))], HOW, passed=passed))
    assert [(one.name, one.reason) for one in passed] == [("a.zip/3 hidden", "..png, .hidden.png, __MACOSX/fine.png")]
    seen = {name: reason for name, reason in MEMBERS.items() if reason != "hidden"}
    assert [one.name for one in found] == [shown_name(f"a.zip/{name}") for name in seen]
    for one, reason in zip(found, seen.values(), strict=True):
        assert isinstance(one, Picture) if reason is None else reason in one.reason, one
        assert len(one.name) <= outside.MAX_NAME and one.name.isprintable()


def test_shown_names():
    assert shown_name("") == "(no name)"
    assert shown_name("a\x00b\u202ec\nd\u2028e\ud800") == "a\ufffdb\ufffdc\ufffdd\ufffde\ufffd"
    assert shown_name("plain name.png") == "plain name.png"


def test_names_that_zipfile_stumbles_over():
    plain = zipped({"x": GOOD}, zipfile.ZIP_STORED)
    empty = plain.replace(b"x" + GOOD, GOOD)
    shift = len(plain) - len(empty)
    at = empty.index(CENTRAL)
    # A name of no letters: its length is 0 in both headers, and the table of contents is one byte shorter and earlier.
    empty = patched(
        empty[: at + 46] + empty[at + 47 :],
        (LOCAL, 26, b"\0"),
        (CENTRAL, 28, b"\0"),
        (b"PK\5\6", 12, struct.pack("<II", 46, at)),
    )
    assert shift == 1 and zipfile.ZipFile(io.BytesIO(empty)).infolist()[0].filename == ""
    cut = patched(zipped({"ab.png": GOOD}), (LOCAL, 30, b"a\0"), (CENTRAL, 46, b"a\0"))
    for archive in (empty, cut):
        found = read(Named("a.zip", archive), Named("good.png", GOOD))
        assert len(found) == 2 and isinstance(found[1], Picture)


DAMAGED = {
    "encrypted": (patched(zipped({"x.png": GOOD}), (LOCAL, 6, b"\1"), (CENTRAL, 8, b"\1")), "encrypted"),
    "link": (zipped([(linked("x.png"), b"/etc/passwd")]), "a link"),
    "bzip2": (zipped({"x.png": bytes(10_000)}, zipfile.ZIP_BZIP2), "another method"),
    "lzma": (zipped({"x.png": bytes(10_000)}, zipfile.ZIP_LZMA), "another method"),
    "unknown method": (patched(zipped({"x.png": GOOD}), (LOCAL, 8, b"\x63"), (CENTRAL, 10, b"\x63")), "another method"),
    "claims 1 GiB": (patched(zipped({"x.png": bytes(9)}), (CENTRAL, 24, struct.pack("<I", 2**30))), "claims 1,073,741"),
    "claims less": (patched(zipped({"x.png": GOOD}), (CENTRAL, 24, struct.pack("<I", 9))), "damaged in the archive"),
    "checksum": (patched(zipped({"x.png": GOOD}), (LOCAL, 14, bytes(4)), (CENTRAL, 16, bytes(4))), "CRC"),
    "other name inside": (patched(zipped({"x.png": GOOD}), (LOCAL, 30, b"\x1b\n")), "damaged in the archive"),
    "patched data": (patched(zipped({"x.png": GOOD}), (LOCAL, 21 + 30, b"\xff" * 9)), "damaged in the archive"),
    "beyond the end": (patched(zipped({"x.png": GOOD}), (CENTRAL, 42, struct.pack("<I", 2**31))), "damaged in the"),
}


@pytest.mark.parametrize(("archive", "reason"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_members(archive, reason):
    refused, good = read(Named("a.zip", archive), Named("good.png", GOOD))
    assert refused.name == "a.zip/x.png" and reason in refused.reason and refused.reason.isprintable()
    assert isinstance(good, Picture)


def test_a_real_bomb_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(outside, "MAX_UNPACKED_BYTES", 3 * 2**20)
    bomb = zipped([("bomb.png", bytes(33 * 2**20)), *[(f"{n}.png", bytes(2**20)) for n in range(5)], ("x.png", GOOD)])
    found = read(Named("a.zip", bomb))
    assert [one.reason.split()[0] for one in found if isinstance(one, Refusal)] == [
        "claims",
        *3 * ["not"],
        *3 * ["the"],
    ]
    # The small one at the end no longer fits either: what was unpacked and thrown away counts.
    assert "unpacks to more than" in found[-1].reason


def test_what_fails_its_checksum_counts_as_unpacked(monkeypatch):
    monkeypatch.setattr(outside, "MAX_UNPACKED_BYTES", 1_000)
    archive = zipped([("0.png", bytes(900)), ("1.png", bytes(900))])
    archive = bytearray(archive)
    first = archive.index(CENTRAL)
    archive[first + 16 : first + 20] = bytes(4)
    found = read(Named("a.zip", bytes(archive)))
    assert "CRC" in found[0].reason and "unpacks to more" in found[1].reason
    assert read(Named("a.zip", bytes(archive)), only=range(1, 2)) == found[1:], "whichever are asked for"


def test_overlapping_members_are_bounded():
    archive = bytearray(zipped([("0.png", GOOD), ("1.png", GOOD)]))
    second = archive.rindex(CENTRAL)
    archive[second + 42 : second + 46] = bytes(4)
    found = read(Named("a.zip", bytes(archive)))
    assert [one.name for one in found] == ["a.zip/0.png", "a.zip/1.png"]
    assert "damaged in the archive" in found[1].reason


def test_odd_archives(monkeypatch):
    both = zipped([("x.png", GOOD), ("x.png", GOOD), ("folder/", b""), ("bad.png", b"bad")])
    found = read(Named("a.zip", both))
    assert [one.name for one in found] == ["a.zip/x.png", "a.zip/x.png", "a.zip/bad.png"]
    assert [isinstance(one, Picture) for one in found] == [True, True, False]
    assert read(Named("empty.zip", zipped({}))) == []
    # An archive behind an image is opened under a zip's name, and read as the image under an image's.
    assert [one.name for one in read(Named("p.zip", GOOD + zipped({"x.png": GOOD})))] == ["p.zip/x.png"]
    for end in (10, 30, 60):
        assert isinstance(read(Named("cut.zip", both[:-end]))[0], Refusal)
    for size in (2**24, 2**31):
        claim = patched(both + bytes(20), (b"PK\5\6", 12, struct.pack("<I", size)))[:-20]
        (refused,) = read(Named("a.zip", claim))
        assert isinstance(refused, Refusal) and "damaged archive" in refused.reason
    monkeypatch.setattr(outside, "MAX_DIRECTORY_BYTES", 100)
    assert "table of contents takes" in read(Named("a.zip", both))[0].reason
    monkeypatch.setattr(outside, "MAX_ARCHIVE_BYTES", 100)
    assert "of an archive" in read(Named("a.zip", both))[0].reason


def test_an_archive_in_several_parts(tmp_path):
    """zipfile raises where it is only asked whether it is one."""
    end = struct.pack("<4s4H2LH", b"PK\5\6", *[0] * 7)
    parts = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 9) + end
    (tmp_path / "a.zip").write_bytes(bytes(100) + parts)
    for source in (tmp_path / "a.zip", Named("a.zip", bytes(100) + parts)):
        refused, good = read(source, Named("good.png", GOOD))
        assert isinstance(refused, Refusal) and "multiple disks" in refused.reason
        assert isinstance(good, Picture)


@pytest.mark.parametrize("form", ["files", "folder", "zip"])
def test_too_many_files(form, tmp_path):
    for number in range(5):
        (tmp_path / f"{number}.png").write_bytes(GOOD)
    files = sorted(tmp_path.iterdir())
    archive = Named("a.zip", zipped({path.name: GOOD for path in files}))
    found = read(*{"files": files, "folder": [tmp_path], "zip": [archive]}[form], max_files=3)
    assert [isinstance(one, Picture) for one in found] == [True, True, True, False]
    assert found[-1].name == "all further files" and "more than 3 files" in found[-1].reason
    assert len(read(tmp_path, max_files=5)) == 5


def test_files_are_counted_unread(tmp_path, monkeypatch):
    files = {name.replace("/", "|"): content for name, content in {**READ, **REFUSED}.items()}
    array = tmp_path / "array.npz"
    np.savez_compressed(array, x_train=np.zeros((30, 4, 4)), x_test=np.zeros((10, 4, 4, 3)), y_train=np.zeros(9))
    packed, cut, empty = (tmp_path / name for name in ("a.npy.gz", "cut.npy", "empty.npy"))
    np.save(cut, np.zeros((30, 4, 4)))
    packed.write_bytes(gzip.compress(cut.read_bytes()))
    cut.write_bytes(cut.read_bytes()[:-200])
    np.save(empty, np.zeros((0, 4, 4)))
    sources = [Named("all.zip", zipped(files)), packed, cut, empty, Named("a.png", GOOD), tmp_path / "none.png"]
    assert count(sources, 1000) == len(read(*sources)) == len(files) + 30 + 4
    assert count(sources, 12) == 12
    monkeypatch.setattr(outside, "read_arrays", None)
    monkeypatch.setattr(outside, "decode", None)
    assert count([Named("b.npz", array), array], 1000) == 80


def test_folders_with_what_is_no_file(tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(GOOD)
    folder = tmp_path / "folder"
    (folder / "directory.png").mkdir(parents=True)
    (folder / "directory.png" / "inside.png").write_bytes(GOOD)
    (folder / ".hidden.png").write_bytes(GOOD)
    (folder / "out.png").symlink_to(secret)
    (folder / "up.png").symlink_to("../secret.png")
    (folder / "in.png").symlink_to("directory.png/inside.png")
    (folder / "nowhere.png").symlink_to("none.png")
    (folder / "circle.png").symlink_to("circle.png")
    (folder / "elsewhere").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.png")
    os.mkfifo(folder / "pipe.zip")
    passed: list[Refusal] = []
    found = {
        one.name.removeprefix(f"{folder}/"): getattr(one, "reason", None)
        for one in collect([folder], HOW, passed=passed)
    }
    assert {name for name, reason in found.items() if reason is None} == {"in.png", "directory.png/inside.png"}
    assert "out of the folder" in found["out.png"] and "out of the folder" in found["up.png"]
    assert {"circle.png", "nowhere.png"} <= set(found) and "out of the folder" in found["elsewhere"]
    assert [(one.name, one.reason) for one in passed] == [(f"{folder}/1 hidden", ".hidden.png")]
    assert found["pipe.png"] == found["pipe.zip"] == "not a regular file"
    # Named one by one, they are not waited for either.
    for path in (folder / "pipe.zip", folder / "none.png", tmp_path / ("x" * 300)):
        assert isinstance(read(path)[0], Refusal)


def test_archives_and_files_of_the_machine(tmp_path):
    archive, large = tmp_path / "a.zip", tmp_path / "large.png"
    archive.write_bytes(zipped({"x.png": GOOD}))
    with large.open("wb") as file:
        file.truncate(33 * 2**20)
    with large.open("rb") as stream:
        found = read(archive, large, Named("stream.png", io.BytesIO(GOOD)), Named("large.png", stream))
    assert [isinstance(one, Picture) for one in found] == [True, False, True, False]
    assert "bytes, more than" in found[1].reason and "bytes, more than" in found[3].reason


SMALL = [encode(PIXELS, kind) for kind in FORMATS] + [READ["palette.png"], READ["progressive.jpg"], READ["float.tif"]]


@given(st.sampled_from(SMALL), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8), st.data())
@settings(max_examples=300, derandomize=True, deadline=None)
def test_changed_bytes_are_read_or_refused(original, changes, data):
    damaged = bytearray(original)
    for position, value in changes:
        damaged[position % len(damaged)] = value
    end = data.draw(st.integers(0, len(damaged)))
    try:
        decoded = decode(bytes(damaged[:end] if end % 4 == 0 else damaged))
    except DataError as error:
        assert str(error)
    else:
        assert decoded.pixels.dtype == np.uint8 and decoded.pixels.ndim == 3 and decoded.pixels.shape[2] in (1, 3)


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6))
@settings(max_examples=150, derandomize=True, deadline=None)
def test_changed_archives_are_read_or_refused(changes):
    damaged = bytearray(zipped({"x.png": GOOD, "y.png": GOOD}))
    for position, value in changes:
        damaged[position % len(damaged)] = value
    *_, last = read(Named("a.zip", bytes(damaged)), Named("good.png", GOOD))
    assert isinstance(last, Picture) and last.name == "good.png"
