from pathlib import Path

import numpy as np
import pytest

from app.images import steps as image_steps
from app.scores import contrast
from hvae.runs.score_tables import ScoreTable, list_tables, read_table
from tests.app.conftest import sound
from tests.synthetic import make_run, make_tables

SETS = ("fashionmnist", "mnist")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], ScoreTable]:
    """By slug and number of importance samples."""
    run = make_run(tmp_path_factory.mktemp("runs"), "one")
    make_tables(run, SETS, n=50, samples=(1, 8), parts=False)
    return {(key.slug, key.samples): read_table(key.path) for key in list_tables(run)}


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
    assert -steps[labels[-2]].value == table.likelihood_ratio(k)[7]
    np.testing.assert_allclose(steps["+ log r<sub>2</sub>"].band[2], np.median(inside.log_ratio(2)))
    words = image_steps.explanation(table, k)
    assert ("S = 8" in words) == (samples == 8) and "no sum of some of them" in words


def test_the_contrast_says_who_is_fooled_and_who_is_caught() -> None:
    def said(likelihood: float, ratio: float) -> str:
        return contrast.what_to_see("FashionMNIST", "LLR>1", {"mnist": likelihood}, {"mnist": ratio})

    assert "MNIST sits left of FashionMNIST" in said(0.3, 0.9) and said(0.3, 0.9).endswith("moves it to the right")
    assert said(0.3, 0.4).endswith("does not mend it")
    assert "no set sits left" in said(0.6, 0.9)


def test_one_image_on_the_page(scored_runs, visit) -> None:
    app = visit("scores", image="mnist:7", ood=["mnist"])
    text = sound(app)
    assert "MNIST 7: " in text and "middle 90 % of FashionMNIST" in text and "no sum of some of them" in text
    assert "hvae data fetch mnist" in text, "the data set is not on this machine"
    assert "Rebuild it level by level" not in [one.label for one in app.expander]
    app.segmented_control(key="unit").set_value("ln(bits/dim)").run()
    text = sound(app)
    assert "LLR can be negative" in text and "−L<sup>&gt;k</sup>, ln(bits/dim)" in text
    assert "LLR<sup>&gt;k</sup>, bits/dim" in text
    app.segmented_control(key="score").set_value("L").run()
    assert "LLR can be negative" not in sound(app)
    app.button(key="_image1").click().run()
    assert "MNIST 8: " in sound(app)


def test_an_image_is_rebuilt_when_a_person_asks(root: Path, visit) -> None:
    run = make_run(root, "first", depth=2, trained=True)
    make_tables(run, ("fashionmnist", "digits"), n=30, parts=False)
    app = visit("scores", image="digits:5")
    assert 'class="mosaic rebuilt"' not in sound(app)
    app.session_state["rebuild"] = True
    text = sound(app.run())
    assert 'class="mosaic rebuilt"' in text and "Digits (scikit-learn) 5, z₁ from the prior" in text
    assert "those of the score table" in text
    (run / "model.safetensors").write_bytes(b"no weights")
    app.button(key="_image1").click().run()
    assert any("model.safetensors" in one.value for one in app.error) and "Digits (scikit-learn) 6: " in sound(app)
