"""CelebA's published files, downloaded by a stand-in for gdown."""

import hashlib
import io
import shutil
import sys
import threading
import types
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hvae.datasets import available, fetch, info
from hvae.datasets.fetching import download
from hvae.datasets.known import celeba
from hvae.errors import DataError

LIST, ARCHIVE = "list_eval_partition.txt", "img_align_celeba.zip"
PHOTOGRAPHS = {f"img_align_celeba/{number:06}.jpg": b"photograph %d" % number for number in (1, 2, 3)}
LINES = b"000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n"


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


class Drive:
    """Google Drive for two files, and gdown's one function on it: `answer` writes a file or raises."""

    def __init__(self) -> None:
        self.files = {LIST: LINES, ARCHIVE: zipped(PHOTOGRAPHS)}
        self.requests: list[str] = []
        self.answer: Callable[[str, Path], object] = lambda name, path: path.write_bytes(self.files[name])

    def download(self, *, id: str, output: str, quiet: bool, user_agent: str) -> None:
        self.requests.append(id)
        self.answer(id, Path(output))


@pytest.fixture
def drive(monkeypatch) -> Drive:
    """The files' names are their ids; the published checksums are theirs."""
    drive, gdown = Drive(), types.ModuleType("gdown")
    monkeypatch.setattr(gdown, "download", drive.download, raising=False)
    monkeypatch.setitem(sys.modules, "gdown", gdown)
    publish(drive, monkeypatch)
    monkeypatch.setattr(celeba, "PHOTOGRAPHS", len(PHOTOGRAPHS))
    monkeypatch.setattr(celeba, "ROOM", 1)
    return drive


def publish(drive: Drive, monkeypatch) -> None:
    listed = [(name, hashlib.md5(content).hexdigest(), name) for name, content in drive.files.items()]
    monkeypatch.setattr("torchvision.datasets.CelebA.file_list", listed)
    monkeypatch.setattr(celeba, "SIZES", {name: len(content) for name, content in drive.files.items()})


def kept(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root / "celeba").as_posix(): path.read_bytes() for path in files}


WHOLE = PHOTOGRAPHS | {LIST: LINES}


def test_download_and_unpack(tmp_path, drive):
    assert info("celeba32").downloadable
    seen = []
    fetch("celeba32", tmp_path, lambda done, total: seen.append((done, total)))
    assert available("celeba32", tmp_path)
    assert kept(tmp_path) == WHOLE
    assert sorted(path.name for path in (tmp_path / "celeba").iterdir()) == ["img_align_celeba", LIST]
    assert seen == sorted(seen) and seen[-1][0] == seen[-1][1] > len(drive.files[ARCHIVE])
    assert (tmp_path / "celeba" / LIST).stat().st_mode & 0o044 == 0o044
    drive.requests.clear()
    fetch("celeba32", tmp_path)
    assert drive.requests == []


def test_what_is_there_stays(tmp_path, drive):
    (tmp_path / "celeba/img_align_celeba").mkdir(parents=True)
    (tmp_path / "celeba/img_align_celeba/mine.jpg").write_bytes(b"mine")
    fetch("celeba32", tmp_path)
    assert drive.requests == [LIST]
    assert kept(tmp_path) == {"img_align_celeba/mine.jpg": b"mine", LIST: LINES}


def test_files_placed_by_hand_are_used_and_kept(tmp_path, drive):
    (tmp_path / "celeba").mkdir()
    for name, content in drive.files.items():
        (tmp_path / "celeba" / name).write_bytes(content)
    fetch("celeba32", tmp_path)
    assert drive.requests == []
    assert kept(tmp_path) == WHOLE | {ARCHIVE: drive.files[ARCHIVE]}


def test_a_damaged_file_placed_by_hand_is_downloaded(tmp_path, drive):
    (tmp_path / "celeba").mkdir()
    (tmp_path / "celeba" / LIST).write_bytes(LINES)
    (tmp_path / "celeba" / ARCHIVE).write_bytes(drive.files[ARCHIVE][:-1])
    fetch("celeba32", tmp_path)
    assert drive.requests == [ARCHIVE]
    assert kept(tmp_path) == WHOLE | {ARCHIVE: drive.files[ARCHIVE][:-1]}


class QuotaExceeded(Exception):
    """What gdown raises, which has no base in common with other errors."""


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ConnectionError("[Errno -2] Name or service not known"), "Name or service not known"),
        (QuotaExceeded("Failed to retrieve file url:\n\n\tToo many users\n\thave viewed"), "url: Too many users have"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (QuotaExceeded(), "QuotaExceeded"),
        (SystemExit("gdown gives up"), "gdown gives up"),
    ],
)
def test_a_failed_download_is_one_line(tmp_path, drive, error, message):
    def refuse(name: str, path: Path) -> None:
        if name == ARCHIVE:
            path.with_suffix(".part").write_bytes(b"half")
            raise error
        path.write_bytes(drive.files[name])

    drive.answer = refuse
    with pytest.raises(DataError, match=message) as raised:
        fetch("celeba32", tmp_path)
    text = str(raised.value)
    assert text.startswith("could not download CelebA: ") and "\n" not in text
    assert f"put {ARCHIVE} and {LIST} from mmlab.ie.cuhk.edu.hk" in text and "HVAE_DATA" in text
    assert kept(tmp_path) == {LIST: LINES}


def test_another_file_is_refused(tmp_path, drive):
    drive.files[LIST] = b"<html>log in first</html>"
    with pytest.raises(DataError, match="not found or corrupted"):
        fetch("celeba32", tmp_path)
    assert kept(tmp_path) == {}


def test_without_gdown(tmp_path, drive, monkeypatch):
    monkeypatch.setitem(sys.modules, "gdown", None)
    with pytest.raises(DataError, match=r"pip install 'hvae\[celeba\]'.*or set HVAE_DATA"):
        fetch("celeba32", tmp_path)
    assert kept(tmp_path) == {}


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"img_align_celeba/../../../escaped.jpg": b"", "/000004.jpg": b"", "other/000004.jpg": b""}, ""),
        ({"img_align_celeba/000004.jpg": b""}, "holds 4 images, not 3"),
        ({"img_align_celeba/000003.jpg": b"x" * 2_000}, "no file of at most 1,000 bytes"),
    ],
    ids=["paths that lead out", "one more", "large"],
)
def test_only_photographs_are_unpacked(tmp_path, drive, monkeypatch, extra, message):
    monkeypatch.setattr(celeba, "_MAX_PHOTOGRAPH_BYTES", 1_000)
    drive.files[ARCHIVE] = zipped(PHOTOGRAPHS | extra)
    publish(drive, monkeypatch)
    root = tmp_path / "a/b"
    if message:
        with pytest.raises(DataError, match=f"{ARCHIVE}: .*{message}"):
            fetch("celeba32", root)
        assert kept(root) == {LIST: LINES}
    else:
        fetch("celeba32", root)
        assert kept(root) == WHOLE
    assert [path.name for path in tmp_path.rglob("*escaped*")] == []


def test_progress_during_a_download_may_cancel_it(tmp_path, drive, monkeypatch):
    monkeypatch.setattr(download, "TICK", 0.01)
    half = len(drive.files[ARCHIVE]) // 2
    over, ended = threading.Event(), threading.Event()

    class Cancelled(Exception):
        pass

    def slow(name: str, path: Path) -> None:
        if name == LIST:
            path.write_bytes(LINES)
            return
        path.with_suffix(".part").write_bytes(drive.files[name][:half])
        over.wait()
        ended.set()

    def cancel(done: int, total: int) -> None:
        if done == len(LINES) + half:
            raise Cancelled

    drive.answer = slow
    with pytest.raises(Cancelled):
        fetch("celeba32", tmp_path, cancel)
    assert kept(tmp_path) == {LIST: LINES}
    over.set()
    assert ended.wait(10)


def test_no_room(tmp_path, drive, monkeypatch):
    monkeypatch.setattr(celeba, "ROOM", shutil.disk_usage(tmp_path).total + 1)
    with pytest.raises(DataError, match="CelebA needs .* free bytes in .*HVAE_DATA"):
        fetch("celeba32", tmp_path)
    assert drive.requests == []


def test_unwritable_folder(tmp_path, drive):
    (tmp_path / "celeba").write_text("a file where the folder should be")
    with pytest.raises(DataError, match="cannot write below .* set HVAE_DATA to another folder"):
        fetch("celeba32", tmp_path)


def test_torchvision_offers_the_files():
    from torchvision.datasets import CelebA

    assert set(celeba.SIZES) <= {name for _, _, name in CelebA.file_list}
