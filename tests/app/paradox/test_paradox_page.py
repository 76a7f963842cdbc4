"""The six steps on made-up runs of whole pixel values: a question first, then what the tables say."""

import json
import math
import re
from pathlib import Path

import pytest

from app.frame import glossary
from hvae.datasets import load
from hvae.models.flow.config import FlowConfig, ScaleConfig
from hvae.runs.score_tables import ScoreTable, read_table, write_table
from tests.app.conftest import explains, look_in, sound
from tests.synthetic import make_landscape, make_run, make_tables

SETS = ("fashionmnist", "mnist")
ANSWERS = {
    2: ("It is: unfamiliar ones are likelier.", "2 of 2 kinds of models here find MNIST the likelier set"),
    3: ("It is: the volume.", "Normalising flow: from FashionMNIST to MNIST"),
    5: ("It is: simple ones.", "would mean that they are the same order"),
    6: ("AUROC on MNIST: Hierarchical VAE: LLR<sup>&gt;1</sup>", "are those of the run `deep`"),
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


def test_both_images_open_in_the_inspector_and_a_mark_does(steps) -> None:
    app = steps()
    both = re.findall(
        r'<a class="leads" href="/paradox[?][^"]*image=(digits|glyphs):11" title="[^"]* 11, label', sound(app)
    )
    assert both == ["digits", "glyphs"]
    app.text_input(key="image").set_value("digits:11").run()
    assert len(app.get("image")) == 1 and '<h2 class="inspected" title="Digits (scikit-learn) 11">' in sound(app)
    charts = [one.proto for one in steps(step="3", guess="just show me").get("plotly_chart")]
    assert charts and all(one.selection_mode for one in charts)


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


@pytest.mark.parametrize("step", range(1, 7))
def test_every_step_explains_the_terms_it_uses(step: int, steps) -> None:
    explains(steps(step=str(step), guess="just show me"))


def test_a_term_explains_itself_where_it_first_stands_and_only_there() -> None:
    glossary.begin()
    first = '<a title="nats">nats</a> of a likelihood, Likelihoods and &lt;nats'
    said = glossary.explained(first)
    assert said.count("<dfn") == 2 and said.startswith(
        '<a title="nats"><dfn class="gloss" tabindex="0" data-means="The'
    )
    assert ">likelihood</dfn>, Likelihoods and" in said and said.endswith("&lt;nats")
    assert glossary.explained("another likelihood, the unlikely prior’s").count("<dfn") == 1
    assert glossary.explained(first) == said, "a part that is drawn again"
    glossary.begin()
    assert "<dfn" in glossary.explained("another likelihood")
    assert glossary.terms_in("an <b title='prior'>ELBO</b> in bits per dimension of typical sets") == {
        "ELBO", "bits/dim", "typical set",
    }  # fmt: skip


def test_the_terms_of_the_expansion_and_the_contrast_of_an_image(steps, densities: Path) -> None:
    digits = load("digits", "test")
    for name, other in (("glow", "mnist"), ("vae", "mnist")):
        make_landscape(densities / name, other, pictures=[digits])
    text = sound(steps(step="4", guess="just show me"))
    assert "The argument in numbers" in text and "has the sign of what is observed for 2 of 2" in text
    assert "102.5 ± 2.5<br>" in text and "+0.189" in text
    assert "likelier under 2 of 2 kinds of models" in text and "digits:0" in text
    (figure,) = [one for one in steps(step="4", guess="just show me").get("plotly_chart") if "frames" in one.proto.spec]
    drawn = json.loads(figure.proto.spec)
    assert len(drawn["frames"]) == len(drawn["layout"]["sliders"][0]["steps"]) == 21
    marks = drawn["frames"][5]["data"][1]
    assert marks["x"] == [0.5, 0.5] and marks["y"] == pytest.approx([950 / 784 / math.log(2)] * 2, rel=1e-6)
    assert drawn["frames"][0]["data"][0]["source"] != drawn["frames"][10]["data"][0]["source"]


def test_without_a_landscape_the_command_is_said(steps) -> None:
    said = sound(steps(step="4", guess="just show me", other="digits"))
    assert "is not expanded towards Digits (scikit-learn): hvae score glow --landscape --data digits" in said
    assert "The argument in numbers" not in said
