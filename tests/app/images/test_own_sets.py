"""Pictures of one's own sets: shown while they lie where they were scored, and otherwise where they were."""

import os
from pathlib import Path

import numpy as np
import pytest

from app.images import models
from app.reading import loading
from hvae.datasets import ImageSet, load
from hvae.measuring.measure import score
from hvae.runs.folders import find_run
from hvae.runs.images.sources import remember
from hvae.runs.images.training_set import load_images
from hvae.runs.score_tables import read_table
from hvae.runs.settings import Setting
from tests.app.conftest import judging_run, sound
from tests.synthetic import make_run


@pytest.fixture
def own(root: Path) -> tuple[Path, ImageSet]:
    """A run that has scored a file of one's own."""
    run = judging_run(root, "first")
    path = root.parent / "mine" / "letters.npz"
    path.parent.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (9, 28, 28), np.uint8)
    np.savez(path, images=pixels, names=[f"letter {number}.png" for number in range(9)])
    images = load(f"npz:{path}", "test")
    score(run, images, Setting(seed=0), accelerator="cpu", devices=1)
    remember(run, images)
    return run, images


def test_pictures_of_an_own_set_are_shown_under_its_label(own, visit) -> None:
    _, images = own
    app = visit("scores", image=f"{images.slug}:3", ood=[images.slug])
    text = sound(app)
    assert "mine/letters.npz" in text and "No pictures of" not in text and "cannot be shown" not in text
    assert len(app.get("image")) == 1 and "<p>label 0, letter 3.png</p>" in text
    assert app.text_input(key="image").value == f"{images.slug}:3"


def test_where_an_own_set_has_moved_the_page_says_from_where_and_asks(own, visit) -> None:
    _, images = own
    path = Path(images.name.partition(":")[2])
    os.rename(path, path.with_name("elsewhere.npz"))
    app = visit("scores", image=f"{images.slug}:3", ood=[images.slug])
    sound(app)
    said = f"is no longer at npz:{path}: if they have moved, say so with hvae score first --data npz:NEWPATH"
    assert any(said in one.value.replace("\\", "") for one in app.info)
    os.rename(path.with_name("elsewhere.npz"), path)
    assert not [one for one in app.run().info if "no longer" in one.value]


@pytest.fixture
def trained(root: Path) -> str:
    """The slug of what a run was trained on, a file of one's own."""
    path = root.parent / "mine" / "letters.npz"
    path.parent.mkdir()
    np.savez(path, images=np.random.default_rng(0).integers(0, 256, (60, 28, 28), np.uint8))
    run = make_run(root, "mine", trained=True, data=f"npz:{path}")
    for part in ("reference", "calibration"):
        images = load_images(find_run(str(run)), f"npz:{path}", part)
        score(run, images, Setting(seed=0), accelerator="cpu", devices=1)
    remember(run, images)
    return images.slug


def test_a_run_of_own_images_shows_those_it_was_not_fitted_to(trained: str, visit) -> None:
    app = visit("reconstructions", rows="2", ood=["digits"])
    text = sound(app)
    assert app.text_input(key="start").value == f"{trained}:0"
    assert (
        '<img alt="mine/letters.npz 1, the image"' in text and "This model knows mine/letters.npz" in app.info[0].value
    )
    assert f"image={trained}:1" in text
    assert "letters.npz --split reference --first 0 --count 2" in app.code[0].value
    app.text_input(key="image").set_value(f"{trained}:1").run()
    assert "label 0" in sound(app) and len(app.get("image")) == 1
    app = visit("how_it_works", ood=["digits"])
    text = sound(app)
    assert '<img alt="mine/letters.npz 0, as the model sees it"' in text and "Sample 1 of the model" not in text
    assert "mine/letters.npz 0: the same in the score table" in text


def test_own_training_images_that_moved_are_named_and_others_shown(trained: str, root: Path, visit) -> None:
    (root.parent / "mine" / "letters.npz").unlink()
    app = visit("reconstructions", rows="1", ood=["digits"])
    sound(app)
    assert app.text_input(key="start").value == "digits:0"
    assert any("letters.npz" in one.value and "no longer at" in one.value for one in app.warning)
    assert "Sample 1 of the model" in sound(visit("how_it_works", ood=["digits"]))


def test_an_own_image_is_rebuilt_with_the_noise_that_scored_it(own) -> None:
    run, images = own
    entry = find_run(str(run))
    (path,) = (run / "scores").glob(f"{images.slug}.*.parquet")
    table = read_table(path)
    whole = loading.scored_images(entry, table)
    walked = models.walk(entry, whole.take(np.array([4])), np.array([4]), seed=0, reading="mean")
    stored = table.frame[["elbo", *(f"L>{k}" for k in range(1, walked.depth + 1))]].to_numpy()[4]
    np.testing.assert_allclose(walked.bounds[0, :, 0], stored, rtol=1e-5)
