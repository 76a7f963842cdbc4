"""Pages of a run that is no density: nothing speaks of bits per dimension, and its own scores are offered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.frame import parts
from hvae.models.classifier.config import ClassifierConfig
from hvae.runs.score_tables import write_table
from tests.app.conftest import sound
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
