"""The six steps on made-up runs of whole pixel values: a question first, then what the tables say."""

from pathlib import Path

import pytest

from app.frame.glossary import TERMS, term
from hvae.datasets import load
from hvae.models.flow.config import FlowConfig, ScaleConfig
from hvae.runs.score_tables import ScoreTable, read_table, write_table
from tests.app.conftest import look_in, sound
from tests.synthetic import make_run, make_tables

SETS = ("fashionmnist", "mnist")
ANSWERS = {
    2: ("It is: unfamiliar ones are likelier.", "2 of 2 kinds of models here find MNIST the likelier set"),
    3: ("It is: the volume.", "Normalising flow: from FashionMNIST to MNIST"),
    5: ("It is: simple ones.", "would mean that they are the same order"),
    6: ("AUROC</dfn> on MNIST: Hierarchical VAE: LLR<sup>&gt;1</sup>", "are of the run `deep`"),
}
GUESSES = {2: "a coin would do as well", 3: "the density of z", 5: "neither decides", 6: "they stay mixed up"}


@pytest.fixture(scope="module")
def densities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A flow, a VAE of whole pixel values and a hierarchy of binary ones; the two first have scored real digits."""
    root, patch = tmp_path_factory.mktemp("densities"), pytest.MonkeyPatch()
    look_in(patch, root, root)
    flow = make_run(root, "glow", whole=True, model=FlowConfig(scales=(ScaleConfig(steps=1, channels=4),)))
    plain = make_run(root, "vae", depth=1, whole=True)
    make_tables(flow, SETS, n=60, pixels=True)
    make_tables(plain, SETS, n=60)
    make_tables(make_run(root, "deep"), SETS, n=60)
    for slug in ("digits", "glyphs"):
        images = load(slug, "all" if slug == "digits" else "test").spread(20)
        for run in (flow, plain):
            path = make_tables(run, (slug,), n=20, parts=False)[0]
            table = read_table(path)
            about = table.metadata.model_copy(update={"data_fingerprint": images.fingerprint})
            write_table(run, ScoreTable(table.frame, about))
    patch.undo()
    return root


@pytest.fixture
def steps(densities: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visit):
    look_in(monkeypatch, densities, tmp_path)
    return lambda **values: visit("paradox", **{"run": "deep", "ood": ["mnist"]} | values)


def test_one_step_after_the_other_and_a_guess_first(steps) -> None:
    app = steps()
    text = sound(app)
    assert not app.warning and "1. Which is likelier?" in text and "Guess first" in text
    assert "Here is an image of Digits (scikit-learn) and one of Glyphs" in text and "know neither" in text
    app.segmented_control(key="guess").set_value("they disagree").run()
    assert "Bits per dimension of these two images" in sound(app)
    next(button for button in app.button if button.label == "Next →").click().run()
    text = sound(app)
    assert "2. All images at once" in text and "Guess first" in text, "the guess was one of another question"
    assert "step=2" in text and "guess=not+yet" in text


@pytest.mark.parametrize("step", ANSWERS)
def test_a_step_says_what_the_tables_say(step: int, steps) -> None:
    app = steps(step=str(step), guess=GUESSES[step])
    text = sound(app)
    assert not app.warning and not app.error
    for part in ANSWERS[step]:
        assert part in text


def test_pixels_of_digits_where_the_sets_are_away(steps) -> None:
    text = sound(steps(step="4", guess="just show me"))
    assert (
        "So Digits (scikit-learn) and Glyphs" in text
        and "`hvae data fetch fashionmnist`" in text
        and "The mean variance of a pixel of Glyphs" in text
    )


def test_an_address_that_asks_for_what_is_not_here(steps) -> None:
    app = steps(step="9", other="svhn", guess="maybe")
    said = " ".join(one.value for one in app.warning)
    assert "`9`" in said and "`svhn`" in said and "`maybe`" in said
    assert "1. Which is likelier?" in sound(app)


def test_no_density_of_whole_pixels(root: Path, visit) -> None:
    make_tables(make_run(root, "binary"), SETS, n=20)
    text = sound(visit("paradox"))
    assert "hvae train fashionmnist-glow" in text and "none is trained and scored" in text


def test_a_term_explains_itself() -> None:
    for name in TERMS:
        assert f'data-means="{TERMS[name][:8]}' in term(name) and 'tabindex="0"' in term(name)
    assert ">so likely</dfn>" in term("likelihood", "so likely")
