"""Nothing below a folder is passed over in silence: links, loops, odd names and files without a suffix."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hvae.datasets import load
from hvae.datasets.own.names import cut
from hvae.datasets.own.naming import prepared_name
from hvae.datasets.own.outside import Picture, Refusal, Treatment, collect
from hvae.runs.images.sources import locate, read_sources, remember

HOW = Treatment((1, 8, 8))


def save(path: Path, value: int = 7) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), value).save(path, "PNG")
    return path


def found(*sources: Path) -> tuple[list[str], dict[str, str], dict[str, str]]:
    """Names of the pictures, reasons of the refusals and of what was left out."""
    passed: list[Refusal] = []
    one = list(collect(sources, HOW, passed=passed))
    pictures = [each.name for each in one if isinstance(each, Picture)]
    refused = {each.name: each.reason for each in one if isinstance(each, Refusal)}
    return pictures, refused, {each.name: each.reason for each in passed}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_names_are_as_typed_with_their_folder():
    save(Path("a/000.png"))
    save(Path("b/000.png"))
    assert found(Path("a"), Path("b"), Path("b/000.png"))[0] == ["a/000.png", "b/000.png", "b/000.png"]
    assert found(Path("./a/"))[0] == ["a/000.png"]


def test_images_are_known_by_their_content():
    names = ["x.jfif", "x.jpe", "x.dib", "plain", "UPPER.PNG", "x.png.txt", "data.bin"]
    for name in names:
        save(Path("mixed") / name)
    Path("mixed/x.txt").write_text("words")
    pictures, refused, passed = found(Path("mixed"))
    assert sorted(pictures) == sorted(f"mixed/{name}" for name in names)
    assert list(refused) == ["mixed/x.txt"] and passed == {}
    images = load("folder:mixed", image_shape=(1, 8, 8))
    assert sorted(images.names) == sorted(names) and images.unread[0].startswith("x.txt: not an image")


def test_what_other_files_are_is_said():
    for name, content in {"a.gif": b"GIF89a", "b.pdf": b"%PDF-1.4", "c.heic": bytes(4) + b"ftypheic"}.items():
        save(Path("odd/fine.png")).with_name(name).write_bytes(content)
    np.savez("odd/d.npz", x=1)
    _, refused, _ = found(Path("odd"))
    for name, said in {"a.gif": "a GIF", "b.pdf": "a PDF", "c.heic": "a HEIC", "d.npz": "named itself"}.items():
        assert said in refused[f"odd/{name}"]


def test_links_to_files_inside_are_followed():
    save(Path("set/.store/1"))
    Path("set/cats").mkdir()
    Path("set/cats/one.png").symlink_to("../.store/1")
    Path("set/dogs").symlink_to(".store")
    pictures, refused, passed = found(Path("set"))
    assert pictures == ["set/cats/one.png", "set/dogs/1"] and refused == {}
    assert passed == {"set/1 hidden": ".store"}


def test_a_link_to_the_folder_itself_is_the_folder():
    save(Path("set/one.png"))
    Path("named").symlink_to("set")
    assert found(Path("named"))[0] == ["named/one.png"]
    assert load("folder:named", image_shape=(1, 8, 8)).names == ("one.png",)


def hub() -> Path:
    """The cache of a model hub: a snapshot of links to files without suffix."""
    root = Path("datasets--somebody--things")
    for number in range(3):
        blob = save(root / "blobs" / f"{number:040d}", number)
        link = root / "snapshots" / "abc" / "train" / f"{number}.png"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(Path("../../..") / "blobs" / blob.name)
    (root / "refs").mkdir()
    return root


def test_a_snapshot_in_the_cache_of_a_model_hub_is_read():
    snapshot = hub() / "snapshots" / "abc"
    pictures, refused, _ = found(snapshot)
    assert pictures == [f"{snapshot}/train/{number}.png" for number in range(3)] and refused == {}
    images = load(f"folder:{snapshot}", image_shape=(1, 8, 8))
    assert images.images[:, 0, 0, 0].tolist() == [0, 1, 2] and images.unread == ()


def test_the_whole_cache_is_read_once():
    root = hub()
    pictures, refused, passed = found(root)
    assert len(pictures) == 3 and all("/snapshots/" in name for name in pictures) and refused == {}
    assert "snapshots lead to" in passed[f"{root}/blobs"]


def test_a_linked_folder_is_read_once():
    save(Path("set/cats/one.png"))
    Path("set/again").symlink_to("cats")
    pictures, refused, passed = found(Path("set"))
    assert pictures == ["set/cats/one.png"] and refused == {}
    assert passed == {"set/again": "the same folder as cats, which is read once"}


def test_two_loops_of_links_end_in_a_line_each():
    save(Path("set/a/one.png"))
    Path("set/b").mkdir()
    Path("set/a/up").symlink_to("..")
    Path("set/a/across").symlink_to("../b")
    Path("set/b/across").symlink_to("../a")
    Path("set/self").symlink_to("self")
    Path("set/ping").symlink_to("pong")
    Path("set/pong").symlink_to("ping")
    pictures, refused, passed = found(Path("set"))
    assert pictures == ["set/a/one.png"]
    assert refused == {f"set/{name}": "a link in a circle" for name in ("ping", "pong", "self")}
    assert set(passed) == {"set/a/up", "set/a/across", "set/b/across"}
    assert len(load("folder:set", image_shape=(1, 8, 8)).unread) == 3


def test_links_that_lead_out_are_refused_with_a_reason():
    save(Path("secret/one.png"))
    save(Path("set/fine.png"))
    Path("set/file.png").symlink_to("../secret/one.png")
    Path("set/folder").symlink_to("../secret")
    Path("set/nowhere.png").symlink_to("none.png")
    _, refused, _ = found(Path("set"))
    assert all("out of the folder" in refused[f"set/{name}"] for name in ("file.png", "folder"))
    assert "leads nowhere" in refused["set/nowhere.png"]


def test_hidden_files_and_litter_are_counted():
    save(Path("set/fine.png"))
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", ".git/x.png", "__MACOSX/x.png"):
        save(Path("set") / name)
    pictures, refused, passed = found(Path("set"))
    assert pictures == ["set/fine.png"] and refused == {}
    assert passed == {"set/5 hidden": ".DS_Store, .git, Thumbs.db, __MACOSX, desktop.ini"}
    assert "left out: 5 hidden" in load("folder:set", image_shape=(1, 8, 8)).note


def test_a_folder_that_cannot_be_opened_is_said(monkeypatch):
    save(Path("set/fine.png"))
    save(Path("set/locked/one.png"))
    real = os.scandir

    # Not by its mode: root may open any folder.
    def scandir(place: str):
        if place.endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return real(place)

    monkeypatch.setattr("hvae.datasets.own.folders.os.scandir", scandir)
    pictures, refused, _ = found(Path("set"))
    assert pictures == ["set/fine.png"]
    assert refused == {"set/locked": "a folder that cannot be opened (Permission denied)"}


def test_bytes_that_are_no_text_are_shown():
    for name in (b"\xff.png", b"caf\xe9.png", b"\xff"):
        save(Path(os.fsdecode(b"set/" + name)))
    pictures, refused, _ = found(Path("set"), Path(os.fsdecode(b"set/\xff.png")))
    assert refused == {} and all(name.encode().isascii() for name in pictures)
    assert sorted(pictures) == ["set/\\xff", "set/\\xff.png", "set/\\xff.png", "set/caf\\xe9.png"]
    assert load("folder:set", image_shape=(1, 8, 8)).names == ("\\xff", "\\xff.png", "caf\\xe9.png")


def test_a_path_that_is_no_text_is_remembered_as_one():
    odd = os.fsdecode(b"set\xff")
    save(Path(odd, "one.png"))
    for name in (f"folder:{odd}", "folder:set\\xff"):
        images = load(name, image_shape=(1, 8, 8))
        assert images.name == "folder:set\\xff" and images.names == ("one.png",)
    run = Path("run")
    run.mkdir()
    remember(run, images, f"folder:{odd}")
    (source,) = read_sources(run).values()
    assert source.place == f"folder:{Path.cwd()}/set\\xff" and locate(run, images.slug) == source
    assert load(source.place, image_shape=(1, 8, 8)).fingerprint == source.fingerprint


def test_names_are_cut_for_display_alone():
    long = Path("set", *["n" * 200] * 3)
    save(long / "first.png")
    save(long / "other.png")
    pictures = found(Path("set"))[0]
    assert len(set(pictures)) == 2 and all(len(name) > 600 for name in pictures)
    assert len(cut(pictures[0])) == 120 and cut(pictures[0]).endswith("first.png") and cut("short") == "short"


def test_how_images_are_prepared_is_a_part_of_the_name():
    random = np.random.default_rng(0)
    Path("set").mkdir()
    for number in range(3):
        Image.fromarray(random.integers(0, 256, (10, 6, 3), dtype=np.uint8)).save(f"set/{number}.png")
    for how in (
        HOW,
        Treatment((1, 8, 8), "crop"),
        Treatment((1, 8, 8), invert=True),
        Treatment((1, 8, 8), "squash", True),
    ):
        named = load(prepared_name("folder:set", how), image_shape=(1, 8, 8))
        alone = [one.image for one in collect([Path("set")], how) if isinstance(one, Picture)]
        np.testing.assert_array_equal(named.images, alone)
    assert prepared_name("folder:set#invert", HOW) == "folder:set"
    assert prepared_name("folder:set", Treatment((1, 8, 8), "crop", True)) == "folder:set#fit=crop,invert"
    Path("set").rename("set#invert")
    assert len(load("folder:set#invert", image_shape=(1, 8, 8))) == 3, "a folder that is called so is itself"
