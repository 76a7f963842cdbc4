import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.inspector import waterfalls as image_steps
from app.scores import figures
from hvae.datasets import load
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import find_run
from hvae.runs.score_tables import ScoreTable
from hvae.scores import find
from tests.app.conftest import digits_of, look_in, sound
from tests.hvae.tables import drawn
from tests.synthetic import make_run, make_tables

SETS = ("fashionmnist", "mnist")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], ScoreTable]:
    """By slug and number of importance samples."""
    run = make_run(tmp_path_factory.mktemp("runs"), "one")
    make_tables(run, SETS, n=50, samples=(1, 8), parts=False)
    found = catalogue(find_run(str(run)))
    return {(entry.slug, entry.setting.samples): found.read(entry) for entry in found.entries}


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("samples", [1, 8])
def test_the_steps_of_an_image_add_up_to_its_bounds(tables, samples: int, k: int) -> None:
    inside, table = (tables[slug, samples] for slug in SETS)
    steps = {one.label: one for one in image_steps.steps(inside, table, 7, k)}
    labels = list(steps)
    assert labels[:5] == ["log p(x|z)", *(f"+ log r<sub>{layer}</sub>" for layer in (1, 2, 3)), "= ELBO"]
    assert labels[-2:] == [f"− LLR<sup>&gt;{k}</sup>", f"= L<sup>&gt;{k}</sup>"]
    assert labels[5:-2] == ([] if samples == 1 else ["+ 8 samples", "= L<sub>8</sub>"])
    before = None
    for one in steps.values():
        if one.total:
            assert before is not None and one.start == 0
            assert one.value == pytest.approx(before.end, abs=1e-3), f"{one.label} is what the steps above add up to"
        elif before is not None:
            assert one.start == before.end
        before = one
    assert steps["= ELBO"].value == table.frame["elbo"][7]
    assert steps[labels[-1]].value == table.bound(k)[7]
    assert -steps[labels[-2]].value == find("llr")(k).of(table)[7]
    np.testing.assert_allclose(steps["+ log r<sub>2</sub>"].band[2], np.median(inside.log_ratio(2)))
    words = image_steps.explanation(table, k)
    assert ("S = 8" in words) == (samples == 8) and "no sum of some of them" in words


def test_the_parts_of_a_score_add_up_to_it_beside_those_of_its_reference() -> None:
    joint, reference, table = find("joint")(), drawn(300, 0), drawn(5, 1, shift=30)
    own, here = joint.explain(reference, reference), joint.explain(table.take(np.array([2])), reference)
    assert own is not None and here is not None
    *parts, whole = image_steps.part_steps(own, here, joint)
    assert [one.label for one in parts] == ["terms of the ELBO", "differences given the terms", "LLR&gt;1"]
    assert [one.start for one in parts] == pytest.approx([0, *np.cumsum([one.value for one in parts])[:-1]])
    assert whole.total and whole.start == 0 and whole.label == "= joint"
    assert whole.value == pytest.approx(joint.of(table, reference)[2], abs=1e-9)
    np.testing.assert_allclose(whole.band[2], np.median(joint.of(reference, reference)))


def test_the_parts_of_one_image_on_the_scores_page(tmp_path, monkeypatch, visit) -> None:
    run = make_run(tmp_path, "many")
    make_tables(run, SETS, n=60)
    look_in(monkeypatch, tmp_path, tmp_path / "nowhere")
    app = visit("scores", run="many", score="joint", image="mnist:7")
    text = sound(app)
    assert "the part of the joint score that is most unusual" in text or "every part of the joint score lies" in text
    text = sound(app.segmented_control(key="aspect").set_value("Statistics").run())
    assert "Its statistics, the most unusual first" in text and "D<sub>k</sub> is the likelihood" in text
    text = sound(visit("scores", run="many", score="llr", image="mnist:7", aspect="Why"))
    assert "part of the joint score" in text, "a score without parts leaves the room to one that has some"


def test_the_contrast_says_who_is_fooled_and_who_is_caught() -> None:
    def said(likelihood: float, ratio: float) -> str:
        return figures.what_to_see("FashionMNIST", "LLR>1", {"mnist": likelihood}, {"mnist": ratio})

    assert "MNIST sits left of FashionMNIST" in said(0.3, 0.9) and said(0.3, 0.9).endswith("moves it to the right")
    assert said(0.3, 0.4).endswith("does not mend it")
    assert "no set sits left" in said(0.6, 0.9)


def links(app: AppTest) -> list[str]:
    return [link.proto.label for link in app.get("page_link")]


def test_one_image_on_the_page(scored_runs, visit) -> None:
    app = visit("scores", image="mnist:7", ood=["mnist"])
    text = sound(app)
    assert "See its reconstructions →" in links(app)
    assert ">MNIST 7</h2>" in text and "called OOD" in text or "passes" in text
    assert "middle 90 % of FashionMNIST" in text and "no sum of some of them" not in text
    aspects = app.segmented_control(key="aspect")
    text = sound(aspects.set_value("Likelihood").run())
    assert "MNIST 7: " in text and "no sum of some of them" in text
    assert "hvae data fetch mnist" in text, "the data set is not on this machine"
    assert not {"Rebuilt", "Where"} & set(aspects.options)
    text = sound(app.segmented_control(key="aspect").set_value("All scores").run())
    assert "MNIST 7: " not in text and "The image under every score" in text, "one at a time"
    app.segmented_control(key="unit").set_value("ln(bits/dim)").run()
    text = sound(app)
    assert "LLR>1 can be negative" in text
    rows = dict(re.findall(r'<th scope="row"><span[^>]*>([^\n]*?)</span></th><td>([^<]*)</td>', text))
    assert rows["−L<sup>&gt;0</sup>"].endswith("ln(bits/dim)") and rows["LLR<sup>&gt;1</sup>"].endswith(" bits/dim")
    assert "nats" not in "".join(rows[symbol] for symbol in rows if "sup" in symbol or "mean" in symbol)
    app.selectbox(key="score-menu").set_value("bound").run()
    assert "can be negative" not in sound(app)
    app.button(key="_image1").click().run()
    text = sound(app)
    assert ">MNIST 8</h2>" in text and "The image under every score" in text, "the choice goes along"
    assert "aspect=All+scores" in text
    text = sound(app.segmented_control(key="aspect").set_value("Why").run())
    assert "MNIST 8: " in text and "The image under every score" not in text


def test_an_image_of_another_set_than_was_scored_is_not_shown(root: Path, visit) -> None:
    run = make_run(root, "first", depth=2, trained=True)
    make_tables(run, ("fashionmnist", "digits"), n=1797, parts=False)
    text = sound(visit("scores", image="digits:5"))
    assert "are not those that first has scored" in text and "Digits (scikit-learn) 5: " in text


def test_an_image_is_rebuilt_when_a_person_asks(root: Path, visit) -> None:
    run = make_run(root, "first", depth=2, trained=True)
    make_tables(run, ("fashionmnist",), n=30, parts=False)
    digits_of(run, load("digits", "all").spread(30))
    app = visit("scores", image="digits:5", aspect="Compared")
    assert 'class="mosaic rebuilt"' not in sound(app) and not app.warning, "what only another page has is no mistake"
    rebuilt = "Rebuilt", "Where"
    assert [one for one in app.segmented_control(key="aspect").options if one in rebuilt] == [*rebuilt]
    text = sound(app.segmented_control(key="aspect").set_value("Rebuilt").run())
    assert "See its reconstructions →" not in links(app), "Reconstructions counts the images of the whole set"
    assert 'class="mosaic rebuilt"' in text and "Digits (scikit-learn) 5, z₁ from the prior" in text
    assert "those of the score table" in text and 'class="mosaic where"' not in text
    text = sound(app.segmented_control(key="aspect").set_value("Where").run())
    assert 'class="mosaic where"' in text and "the image was needed for it" in text
    app.segmented_control(key="aspect").set_value("Rebuilt").run()
    weights = (run / "model.safetensors").rename(root / "elsewhere")
    text = sound(app.run())
    said = "Not rebuilt level by level: first: bundled without its weights, which would have to be first/model.safe"
    assert said in text and str(root) not in text
    assert 'class="mosaic rebuilt"' not in text and ">Digits (scikit-learn) 5</h2>" in text
    weights.rename(run / "model.safetensors").write_bytes(b"no weights")
    text = sound(app.run())
    assert "was made with other weights than the run has now" in text and "has no scores of FashionMNIST yet" in text
    make_tables(run, ("fashionmnist",), n=30, parts=False)
    digits_of(run, load("digits", "all").spread(30))
    sound(app.run())
    app.button(key="_image1").click().run()
    assert any("model.safetensors" in one.value for one in app.error) and ">Digits (scikit-learn) 6</h2>" in sound(app)
    assert "Digits (scikit-learn) 6: " in sound(app.segmented_control(key="aspect").set_value("Why").run())
    (warning,) = visit("scores", image="digits:5", aspect="Dreams").warning
    assert "`Dreams`, which is not available here; showing `Why`" in warning.value


def test_a_table_that_lacks_a_term_of_the_bound_skips_its_steps_only(tables) -> None:
    inside, table = (tables[slug, 1] for slug in SETS)
    assert image_steps.obstacle((inside, table), 1) is None
    lacking = replace(table, frame=table.frame.drop(columns="log_px"))
    said = image_steps.obstacle((inside, lacking), 1)
    assert said is not None and "log_px" in said and "hvae score" in said
    flat = replace(table, metadata=table.metadata.model_copy(update={"depth": 0}))
    assert "no layers" in str(image_steps.obstacle((flat,), 1))
