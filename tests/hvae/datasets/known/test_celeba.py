"""CelebA's photographs and their list."""

import io

import numpy as np
import pytest
from PIL import Image

from hvae.datasets import available, load
from hvae.datasets.known import celeba
from hvae.errors import DataError


def jpg(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def face(colour: tuple[int, int, int]) -> np.ndarray:
    """One colour within the central 148x148 pixels, white around them."""
    pixels = np.full((218, 178, 3), 255, np.uint8)
    pixels[35:183, 15:163] = colour
    return pixels


COLOURS = {"000001.jpg": (200, 0, 0), "000002.jpg": (0, 200, 0), "000003.jpg": (0, 0, 200), "000004.jpg": (90, 90, 90)}


@pytest.fixture
def folder(tmp_path):
    celeba._read.cache_clear()
    (tmp_path / "celeba/img_align_celeba").mkdir(parents=True)
    for name, colour in COLOURS.items():
        (tmp_path / "celeba/img_align_celeba" / name).write_bytes(jpg(face(colour)))
    (tmp_path / "celeba/list_eval_partition.txt").write_text("000001.jpg 0\n000002.jpg 2\n000003.jpg 1\n000004.jpg 2\n")
    return tmp_path / "celeba"


def test_the_centre_of_the_listed_photographs(tmp_path, folder):
    assert available("celeba32", tmp_path)
    images = load("celeba32", "test", tmp_path, (3, 32, 32))
    assert images.labels.tolist() == [0, 0]
    for image, colour in zip(images.images, [(0, 200, 0), (90, 90, 90)], strict=True):
        # The white border would show in the outermost pixels; JPEG smears it over a part of them.
        np.testing.assert_allclose(image[:, 1:-1, 1:-1], np.full((3, 30, 30), np.array(colour)[:, None, None]), atol=4)
        assert image.mean(axis=(1, 2)) == pytest.approx(colour, abs=6)
    assert "148x148" in images.note
    assert len(load("celeba32", "valid", tmp_path)) == 1


def test_missing_files(tmp_path, folder):
    (folder / "img_align_celeba/000004.jpg").unlink()
    with pytest.raises(DataError, match=r"000004.jpg: .*unpack img_align_celeba.zip again"):
        load("celeba32", "test", tmp_path)
    assert len(load("celeba32", "train", tmp_path)) == 1
    (folder / "list_eval_partition.txt").unlink()
    assert not available("celeba32", tmp_path)
    with pytest.raises(
        DataError, match="hvae data fetch celeba32.*list_eval_partition.txt from mmlab.ie.cuhk.*HVAE_DATA"
    ):
        load("celeba32", "train", tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (jpg(face((1, 2, 3)))[:-200], "000002.jpg: "),
        (jpg(face((1, 2, 3))[:100]), "no aligned colour photograph of 178x218"),
        (jpg(face((1, 2, 3))[..., 0]), "no aligned colour photograph"),
        (b"<html>", "not an image"),
    ],
)
def test_other_photographs(tmp_path, folder, content, message):
    (folder / "img_align_celeba/000002.jpg").write_bytes(content)
    with pytest.raises(DataError, match=message):
        load("celeba32", "test", tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("000001.jpg 0\n../../secret.jpg 2\n", "line 2: needed is"),
        ("000001.jpg 3\n", "line 1: needed is"),
        ("000001.jpg\n", "line 1"),
        ("000001.jpg 0\n", "lists no image of split 2"),
        ("\xff", "cannot read"),
    ],
)
def test_other_lists(tmp_path, folder, text, message):
    (folder / "list_eval_partition.txt").write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=message):
        load("celeba32", "test", tmp_path)
