"""Images in a few large files: read one at a time, named, labelled, and refused as a whole where one is damaged."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from hvae.datasets import load
from hvae.datasets.own.streaming import shards, tables
from hvae.errors import DataError

GREY = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)


def png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def tar(path: Path, members: dict[str, bytes], *odd: tarfile.TarInfo) -> None:
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
        for one in odd:
            archive.addfile(one)


def table(path: Path, images: list, labels: list[int] | None = None, name: str = "image") -> None:
    columns = {name: images} | ({"label": labels} if labels else {})
    pq.write_table(pa.table(columns), path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The six images, two in each kind of shard."""
    place = tmp_path / "photos"
    place.mkdir()
    np.savez(place / "0.npz", images=GREY[:2], labels=[3, 4])
    table(place / "1.parquet", [{"bytes": png(one), "path": f"{at}.png"} for at, one in enumerate(GREY[2:4])], [5, 6])
    tar(place / "2.tar", {f"cats/{at}.png": png(one) for at, one in enumerate(GREY[4:])})
    return place


def test_every_kind_is_read_in_the_order_of_names(folder: Path) -> None:
    found = load(f"shards:{folder}")
    np.testing.assert_array_equal(found.images[:, 0], GREY)
    assert found.labels.tolist() == [3, 4, 5, 6, 0, 0]
    assert found.names == ("0.npz/000000", "0.npz/000001", "0.png", "1.png", "cats/0.png", "cats/1.png")
    assert found.slug == f"photos-{found.fingerprint[:8]}" and not found.unread
    one = load(f"shards:{folder / '2.tar'}")
    np.testing.assert_array_equal(one.images[:, 0], GREY[4:])
    small = load(f"shards:{folder}", image_shape=(3, 8, 8))
    assert small.images.shape == (6, 3, 8, 8) and "resized" in small.note


def test_what_spills_into_a_file_is_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("shards:{}", "folder:{}/plain", "npz:{}/0.npz")
    (folder / "plain" / "b").mkdir(parents=True)
    for at, one in enumerate(GREY):
        (folder / "plain" / ("b" if at % 2 else "") / f"{at}.png").write_bytes(png(one))
    kept = [load(name.format(folder)) for name in names]
    for place, value in (("IN_MEMORY", 900), ("_PORTION", 800), ("_FEW_NAMES", 2)):
        monkeypatch.setattr(f"hvae.datasets.held.{place}", value)
    spilt = [load(name.format(folder)) for name in names]
    for one, other in zip(kept, spilt, strict=True):
        assert isinstance(other.images, np.memmap) and one.fingerprint == other.fingerprint
        assert (one.note, list(one.names), one.labels.tolist()) == (
            other.note,
            list(other.names),
            other.labels.tolist(),
        )
        for rows in ([0, 1], [1], [1, 0]):
            some, same = one.take(np.array(rows)), other.take(np.array(rows))
            assert some.fingerprint == same.fingerprint and list(some.names) == list(same.names)


def test_a_full_temporary_folder_is_a_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hvae.datasets.held.IN_MEMORY", 900)
    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Path("/dev/full").open("wb", 0))  # noqa: SIM115
    with pytest.raises(DataError, match="No space left on device.*TMPDIR"):
        load(f"shards:{folder}")


def refused(path: Path, said: str) -> None:
    with pytest.raises(DataError, match=said) as error:
        load(f"shards:{path}")
    assert "\n" not in str(error.value)


def test_shards_that_are_unlike_or_none_are_refused(tmp_path: Path, folder: Path) -> None:
    refused(tmp_path / "nowhere", "no folder or file")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "holds no shard")
    np.savez(folder / "3.npz", images=GREY[:, :9, :9])
    refused(folder, r"3.npz has images of \(1, 9, 9\), 0.npz of \(1, 28, 28\): shards have to be alike")
    np.savez(folder / "3.npz", images=GREY / 255)
    refused(folder, "3.npz has images as uint8, float64")
    np.savez(folder / "3.npz", images=np.array([{}] * 6, object))
    refused(folder, "3.npz.*pickled Python objects")


def test_arrays_of_several_shards_are_scaled_alike(tmp_path: Path) -> None:
    for name, top in (("a", 1), ("b", 200)):
        np.savez(tmp_path / f"{name}.npz", images=np.full((2, 28, 28), top, np.uint8))
    found = load(f"shards:{tmp_path}")
    assert found.images[0].max() == 1 and found.images[2].max() == 200, "not 0 and 1 taken as black and white"


def test_damaged_shards_are_never_read_in_part(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (folder / "2.tar").read_bytes()
    for content in (whole[:1400], b"\x1f\x8b" + whole[2:], os.urandom(2048)):
        (folder / "2.tar").write_bytes(content)
        refused(folder, "2.tar is damaged")
    (folder / "2.tar").write_bytes(whole)
    whole = (folder / "1.parquet").read_bytes()
    for content in (whole[:-20], b"PAR1", bytes(200)):
        (folder / "1.parquet").write_bytes(content)
        refused(folder, "1.parquet is no sound parquet file")
    table(folder / "1.parquet", ["text"], name="caption")
    refused(folder, "no column `image`")
    table(folder / "1.parquet", [png(GREY[0])])
    for label in (2**40, -(2**40), 2**63):
        column = pa.array([label], pa.uint64() if label > 2**62 else pa.int64())
        pq.write_table(pa.table({"image": [png(GREY[0])], "label": column}), folder / "1.parquet")
        refused(folder, "row 0 has a label beyond 32 bits")
    table(folder / "1.parquet", [png(GREY[0])])
    content = (folder / "1.parquet").read_bytes()
    optional, required = b"\x25\x02\x18\x05image", b"\x25\x00\x18\x05image"
    assert content.count(optional) == 1, "the column as the footer describes it"
    (folder / "1.parquet").write_bytes(content.replace(optional, required))
    refused(folder, "1.parquet is no sound parquet file")
    table(folder / "1.parquet", [png(GREY[0])])
    monkeypatch.setattr(tables, "MAX_GROUP_BYTES", 10)
    refused(folder, "write smaller ones")


def test_a_shard_that_goes_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(path: Path):
        path.unlink()
        yield from tables.read_table(path)

    monkeypatch.setitem(shards._READERS, ".parquet", lambda path, spans, notes: gone(path))
    refused(folder, "1.parquet cannot be read .*put it back and run the same command again")


def test_what_is_no_image_is_named_and_the_rest_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hvae.datasets.own.streaming.tars.MAX_BYTES", 5_000)
    link, device = tarfile.TarInfo("link.png"), tarfile.TarInfo("null.png")
    link.type, link.linkname, device.type = tarfile.SYMTYPE, "/etc/passwd", tarfile.CHRTYPE
    files = {"a.png": png(GREY[0]), "a.cls": b"3", "._a.png": b"x", "b.png": b"no image", "c.png": bytes(5_001)}
    tar(tmp_path / "0.tar", files, link, device)
    table(tmp_path / "1.parquet", [png(GREY[1]), None, b"GIF89a"])
    (tmp_path / "readme.md").write_text("words")
    found = load(f"shards:{tmp_path}")
    assert len(found) == 2 and len(found.unread) == 6
    assert "readme.md (no shard)" in found.note
    assert {line.partition(":")[0] for line in found.unread} == {
        "b.png", "c.png", "link.png", "null.png", "1.parquet/000001", "1.parquet/000002"
    }  # fmt: skip
