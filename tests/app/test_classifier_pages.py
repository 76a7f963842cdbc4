"""Pages of a run that is no density, or no hierarchy: its own scores are offered, and nothing speaks of others."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.frame import parts
from hvae.models.classifier.config import ClassifierConfig
from hvae.runs.score_tables import write_table
from tests.app.conftest import html_of, sound
from tests.hvae.tables import table_of
from tests.synthetic import make_run


@pytest.fixture
def classifier(root: Path) -> Path:
    """A run with made-up tables of its parts and of glyphs, which it is unsure of."""
    run = make_run(root, "clothes", depth=0, model=ClassifierConfig(channels=(4, 4)))
    for slug, split, size in (
        ("fashionmnist", "test", 4.0),
        ("fashionmnist", "reference", 4.0),
        ("fashionmnist", "calibration", 4.0),
        ("glyphs", "all", 1.0),
    ):
        random = np.random.default_rng(int(size) + len(split))
        logits = size * random.normal(size=(60, 10))
        logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        columns = {f"log_p_{label}": logs[:, label - 1] for label in range(1, 11)}
        columns |= {name: random.gamma(4, 5 / size, 60) for name in ("odin", "mahalanobis")}
        about = {"slug": slug, "data": slug, "split": split, "task": "softmax", "dimensions": 784}
        write_table(run, table_of(columns, 0, **about))
    return run


@pytest.mark.parametrize("page", ["overview", "scores", "compare", "runs"])
def test_a_classifier_is_shown(page: str, classifier: Path, visit: Callable[..., AppTest]) -> None:
    said = sound(visit(page, run=classifier.name, data="fashionmnist", ood="glyphs"))
    assert "classifier, and" not in said and "No scores of a model" not in said
    if page == "scores":
        assert "msp" in said and "LLR" not in said
    if page == "runs":
        assert classifier.name in said
        curves = sound(visit(page, run=classifier.name, data="fashionmnist", ood="glyphs", about=parts.LEARNING))
        assert "log p(y|x), higher = better" in curves


@pytest.mark.parametrize(
    ("run", "titles", "first"),
    [
        ("mnist-lite-seed0", ["See the likelihood", "See its scores"], "joint"),
        ("fashionmnist-lite-seed0", ["See the failure", "See the fix"], "llr"),
        ("cifar10-lite-seed2", ["See the failure", "See the fix"], "joint"),
        ("mnist-glow-seed0", ["See the failure", "See its scores"], "typicality"),
        ("fashionmnist-vae8-seed1", ["See the failure", "See its scores"], "llr"),
        ("fashionmnist-vib-seed0", ["See its scores"], "vib"),
    ],
)
def test_every_card_of_the_overview_is_true_and_leads_to_what_the_run_has(
    run: str, titles: list[str], first: str, visit: Callable[..., AppTest]
) -> None:
    app = visit("overview", run=run)
    said = html_of(app)
    assert re.findall(r'card-title">(.*?)</p>', said) == [*titles, "See why", "Score your own"]
    ways = [one.proto.query_string for one in app.get("page_link")]
    assert f"score={first}" in ways[len(titles) - 1]
    for way in ways[: len(titles)]:
        asked = dict(re.findall(r"(score|k)=(\w+)", way))
        assert not visit("scores", run=run, **asked).warning
    beside = {"paper: FashionMNIST" in said, "(the paper's Table" in said, 'scope="col">paper' in said}
    assert beside == {run == "fashionmnist-lite-seed0"}, "the paper's are of binarised pixels and a hierarchy"
    rows = [re.findall("<td>(.*?)</td>", row) for row in re.findall(r"L<sup>&gt;0</sup></a></th>(.*?)</tr>", said)]
    likelier = ["more likely" in cell for cell in rows[0]] if rows else []
    assert any(likelier) == ("See the failure" in titles), "marks are against the same set as the sentence"
