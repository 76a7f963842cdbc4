"""From which strength on a score sees a change, said plainly."""

from __future__ import annotations

import pandas as pd
import pytest

from hvae.datasets.families import FAMILIES
from hvae.report.robustness import limit, rows_of, shown_scores
from hvae.runs.measured.cards import read_card
from tests.synthetic import make_card, make_run


@pytest.mark.parametrize(
    ("name", "areas", "words"),
    [
        ("contrast", (0.75, 0.8, 0.9, 1.0), "seen from 0.25 on"),
        ("contrast", (0.5, 0.7499, 0.75, 1.0), "below 0.75 not seen"),
        ("contrast", (0.5, 0.3, 0.6, 0.74), "not seen up to 0.9"),
        ("contrast", (0.8, 0.7, 0.9, 0.1), "not seen at 0.5, 0.9"),
        ("flip", (0.6, 0.8), "left-right not seen"),
        ("flip", (0.6, 0.7), "left-right and upside down not seen"),
        ("flip", (0.8, 0.8), "left-right and upside down seen"),
    ],
)
def test_limits_in_words(name, areas, words):
    rows = pd.DataFrame({"strength": FAMILIES[name].strengths, "auroc": areas})
    assert limit(FAMILIES[name], rows) == words


def test_the_best_baseline_of_a_family_and_the_scores_that_are_shown(tmp_path):
    card = read_card(make_card(make_run(tmp_path, "made")))
    rows = rows_of(card)
    assert list(shown_scores(card)) == ["joint", "LLR>1", "best baseline"]
    assert list(dict.fromkeys(rows["family"])) == list(FAMILIES), "the unaltered images are no family"
    assert set(rows[rows["shown"] == "best baseline"]["score"]) == {"H"}
    assert (rows[rows["score"] == "zlib"]["shown"] == "").all()
    spoilt = type(card)(card.frame.replace({"score": {"zlib": "<b>new</b>"}}), card.metadata)
    assert set(rows_of(spoilt)["score"]) == {"joint", "LLR>1", "H"}, "a score of another version is not shown"
