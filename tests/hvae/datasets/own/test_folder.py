import re

import numpy as np
import pytest
from PIL import Image

from hvae.datasets import available, fetch, info, load
from hvae.errors import DataError


@pytest.fixture
def mixed(tmp_path):
    """A folder as people have them."""
    generator = np.random.default_rng(0)

    def noise(*shape, high=256, dtype=np.uint8):
        return Image.fromarray(generator.integers(0, high, shape, dtype=dtype))

    folder = tmp_path / "mixed"
    (folder / "cats").mkdir(parents=True)
    (folder / "dogs" / "small").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    noise(28, 28).save(folder / "cats" / "fits.png")
    noise(40, 20, 3).save(folder / "cats" / "colour.JPG")
    noise(30, 30, high=65_536, dtype=np.uint16).save(folder / "cats" / "deep.png")
    noise(28, 28, 4).convert("P").save(folder / "dogs" / "palette.png", transparency=0)
    noise(30, 50, 3).save(folder / "dogs" / "small" / "turned.jpeg", exif=exif)
    (folder / "dogs" / "page.png").write_text("<html>not found</html>")
    (folder / "dogs" / "empty.png").touch()
    Image.new("1", (12_000, 12_000)).save(folder / "dogs" / "bomb.png")
    (folder / "notes.txt").write_text("no image")
    noise(28, 28).save(folder / ".hidden" / "secret.png")
    return folder


def test_mixed_folder(mixed):
    images = load(f"folder:{mixed}")
    assert images.images.shape == (5, 1, 28, 28)
    assert images.labels.tolist() == [0, 0, 0, 1, 1]
    assert images.names[0] == "cats/colour.JPG" and images.names[4] == "dogs/small/turned.jpeg"
    np.testing.assert_array_equal(images.images[2, 0], np.asarray(Image.open(mixed / "cats" / "fits.png")))
    for part in (
        "5 images",
        "3 converted to grey",
        "1 rescaled to 8 bits",
        "1 rotated by EXIF",
        "1 alpha composited on black",
        "3 resized to 28x28",
        "4 skipped",
        "notes.txt: not an image in a format",
        "left out: 1 hidden (.hidden)",
        "dogs/bomb.png: claims 12,000 x 12,000 pixels",
        "dogs/empty.png: the file is empty",
        "dogs/page.png: not an image in a format",
    ):
        assert part in images.note
    assert images.slug == f"mixed-{images.fingerprint[:8]}"


def test_scan_names_files_classes_and_reasons(mixed):
    images = load(f"folder:{mixed}", image_shape=(3, 32, 32))
    assert images.images.shape == (5, 3, 32, 32)
    assert images.labels.tolist() == [0, 0, 0, 1, 1]
    assert images.names == (
        "cats/colour.JPG",
        "cats/deep.png",
        "cats/fits.png",
        "dogs/palette.png",
        "dogs/small/turned.jpeg",
    )
    skipped = re.search(r"4 skipped \((.*)\)$", images.note)[1].split("; ")
    assert [one.split(": ")[0] for one in skipped] == ["dogs/bomb.png", "dogs/empty.png", "dogs/page.png", "notes.txt"]
    assert images.unread == tuple(skipped)


def test_images_without_sub_folders_have_one_label(mixed):
    assert set(load(f"folder:{mixed / 'cats'}").labels) == {0}


def test_order_and_fingerprint_repeat(mixed):
    assert load(f"folder:{mixed}").fingerprint == load(f"folder:{mixed}", "all").fingerprint


def test_folder_without_readable_images(tmp_path):
    with pytest.raises(DataError, match="no readable image in"):
        load(f"folder:{tmp_path}")
    (tmp_path / "page.png").write_text("<html>")
    with pytest.raises(DataError, match="no readable image in .*page.png: not an image"):
        load(f"folder:{tmp_path}")


def test_missing_folder(tmp_path):
    name = f"folder:{tmp_path / 'none'}"
    assert not available(name)
    assert available(f"folder:{tmp_path}")
    with pytest.raises(DataError, match="there is no folder"):
        load(name)
    with pytest.raises(DataError, match="nothing to download"):
        fetch(name)
    assert info(name).splits == ("test", "all")


def test_links_out_of_the_folder_are_passed_over(tmp_path, mixed):
    outside = tmp_path / "outside"
    outside.mkdir()
    Image.new("L", (28, 28), 7).save(outside / "secret.png")
    (mixed / "cats" / "link.png").symlink_to(outside / "secret.png")
    (mixed / "linked").symlink_to(outside)
    (mixed / "cats" / "inside.png").symlink_to(mixed / "cats" / "fits.png")
    images = load(f"folder:{mixed}")
    assert "cats/inside.png" in images.names
    assert len(images.names) == 6
    unread = " ".join(images.unread)
    assert "cats/link.png: a link that leads out" in unread and "linked: a link that leads out" in unread


def test_number_of_files_is_bounded(mixed, monkeypatch):
    monkeypatch.setattr("hvae.datasets.own.entry.MAX_FILES", 3)
    with pytest.raises(DataError, match="more than the 3 images"):
        load(f"folder:{mixed}")


def test_long_list_of_skipped_files_is_cut(tmp_path):
    Image.new("L", (28, 28)).save(tmp_path / "good.png")
    for number in range(9):
        (tmp_path / f"bad{number}.png").touch()
    note = load(f"folder:{tmp_path}").note
    assert "9 skipped" in note
    assert "bad4.png" in note
    assert "bad5.png" not in note
    assert "and 4 more" in note
