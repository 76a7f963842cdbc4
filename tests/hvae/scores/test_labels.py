"""Scores of classifiers: numbers of pytorch-ood, their sign on a toy, and what they say of other models."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytorch_ood.detector import Entropy, MaxSoftmax

from hvae.errors import TableError
from hvae.runs.score_tables import ScoreTable
from hvae.scores import SCORES, everything, score
from tests.hvae.tables import table_of

OF_CLASSIFIERS = [name for name, kind in SCORES.items() if kind.task]
LOGITS = torch.randn(200, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 6


def classified(logits: torch.Tensor, **more: object) -> ScoreTable:
    logs = logits.log_softmax(1).numpy()
    columns = {f"log_p_{label}": logs[:, label - 1] for label in range(1, logits.shape[1] + 1)}
    return table_of(columns | more, depth=0, task="softmax", preprocessing="grey")


def test_msp_and_entropy_are_those_of_pytorch_ood():
    table = classified(LOGITS)
    msp, entropy = (score(name, 0).of(table) for name in ("msp", "entropy"))
    np.testing.assert_allclose(-np.exp(-msp), MaxSoftmax.score(LOGITS), rtol=1e-12)
    # There probabilities are cut at 1e-7.
    np.testing.assert_allclose(entropy, Entropy.score(LOGITS), atol=1e-5)


def test_an_ensemble_averages_probabilities():
    other = {f"log_p_{label}@seed1": LOGITS.flip(0).log_softmax(1).numpy()[:, label - 1] for label in range(1, 6)}
    mean = (LOGITS.softmax(1) + LOGITS.flip(0).softmax(1)) / 2
    table = classified(LOGITS, **other)
    np.testing.assert_allclose(score("ensemble", 0).of(table), -mean.amax(1).log(), rtol=1e-9, atol=1e-12)
    again = {f"{name}@seed1": table.column(name) for name in (f"log_p_{label}" for label in range(1, 6))}
    alike = classified(LOGITS, **again)
    np.testing.assert_allclose(score("ensemble", 0).of(alike), score("msp", 0).of(alike), rtol=1e-9, atol=1e-12)
    three = classified(LOGITS, **again, **{name.replace("@seed1", "@seed2"): one for name, one in again.items()})
    for given, runs in ((alike, 2), (three, 3)):
        assert score("ensemble", 0).passes(0, draws=2, taken=score("ensemble", 0).taken(given)) == 2 * runs
    assert "log_p_1@seed1" in str(score("ensemble", 0).obstacle(classified(LOGITS)))


@pytest.mark.parametrize("name", OF_CLASSIFIERS)
def test_what_is_unsure_or_far_is_out_of_distribution(name):
    sure, unsure = torch.tensor([[9.0, 0, 0, 0, 0], [0.5, 0, 0, 0, 0]]).log_softmax(1).double().numpy()
    columns = {
        f"log_p_{label}{of}": [sure[label - 1], unsure[label - 1]] for label in range(1, 6) for of in ("", "@seed1")
    }
    columns |= {name: [-0.01, -2.0] for name in ("known_log_p", "exposed_log_p", "calibrated_log_p")}
    columns |= {name: [1.0, 20.0] for name in ("odin", "mahalanobis", "rate", "outlier_logit")}
    known, strange = score(name, 0).of(table_of(columns, depth=0, task=SCORES[name].task, preprocessing="grey"))
    assert known < strange


@pytest.mark.parametrize("name", OF_CLASSIFIERS)
def test_a_density_has_none(name):
    flat = table_of({"iw": [-1.0, -2.0]}, depth=0, run="flow")
    with pytest.raises(
        TableError, match="of a classifier with the head .*, and flow is a model of log p.*: hvae train fashionmnist-"
    ):
        score(name, 0).of(flat)
    assert score(name, 0).label not in {one.label for one in everything(0)}
    offered = {one.label for one in everything(0, "grey", task=SCORES[name].task)}
    assert (score(name, 0).label in offered) == (name != "ensemble"), "of one run alone"
    assert {one.label for one in everything(0, task="softmax")}.isdisjoint({"-L>0", "typicality", "DoSE"})


def test_the_first_to_judge_is_one_that_the_head_gives():
    from hvae.verdicts.choice import usual_score

    binary = table_of({"outlier_logit": [0.0, 1.0]}, depth=0, task="binary", preprocessing="grey")
    assert usual_score(binary, binary) == ("binary", "")
    assert usual_score(classified(LOGITS), classified(LOGITS)) == ("msp", "")
