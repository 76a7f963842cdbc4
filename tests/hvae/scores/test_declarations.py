"""What a score declares to take and to cost is what it takes and costs, and what the documentation says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hvae.models.hierarchical_model import HierarchicalModel
from hvae.models.latents import Pass, generator_noise
from hvae.runs.columns import CLASSIFIER_COLUMNS, PAIR_COLUMNS, PIXEL_COLUMNS
from hvae.runs.score_tables import ScoreTable
from hvae.scores import SCORES, at_every_level, find, offered, score
from hvae.scores.prior_knowledge.background import RATES
from tests.hvae.small_models import random_images, small_config
from tests.hvae.tables import drawn

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "readings.md"
OF_PIXELS = [column.name for column in (*PIXEL_COLUMNS, *PAIR_COLUMNS)]
BACKGROUNDS = [f"iw@background{percent}" for percent in ("", *RATES)]
FURTHER = ["L<1", "L<2", *score("lpath", 3).columns(3), "regret"]
OF_RUNS = [*BACKGROUNDS, "log_p_1@seed1", *(f"iw@seed{number}" for number in range(1, 5))]
OF_CLASSIFIERS = [column.name.format(label=1) for column in CLASSIFIER_COLUMNS]


def whole(n: int, seed: int, name: str) -> ScoreTable:
    """A table with every column there is, whose images are taken as a score wants them."""
    random, kind = np.random.default_rng(seed), find(name)
    table = drawn(n, seed, preprocessing=kind.preprocessings[0], task=kind.task)
    columns = {column: random.gamma(5, 20, n) for column in OF_PIXELS + OF_RUNS + FURTHER}
    columns |= {column: -random.gamma(2, 1, n) for column in OF_CLASSIFIERS}
    return replace(table, frame=table.frame.assign(label=random.integers(0, 10, n), **columns))


@pytest.mark.parametrize("name", SCORES)
def test_it_takes_what_it_declares(name):
    table, known = whole(60, 1, name), whole(500, 2, name)
    random, kind = np.random.default_rng(3), find(name)
    others = {column: random.gamma(5, 20, 60) for column in [*OF_PIXELS, *BACKGROUNDS]}
    runs = {column: -random.gamma(5, 20, 60) for column in OF_RUNS}
    for one in at_every_level(name, 3):
        values = one.of(table, known)
        assert (one.obstacle(table) is not None) == kind.needs_reference
        if not kind.needs_reference:
            np.testing.assert_array_equal(one.of(table), values)
        relabelled = replace(table, frame=table.frame.assign(label=random.integers(0, 10, 60)))
        assert np.array_equal(one.of(relabelled, known), values) or "labels" in kind.needs
        # What is known beforehand of images is how their pixels mislead a likelihood; a baseline has no likelihood.
        looked = not np.array_equal(one.of(replace(table, frame=table.frame.assign(**others)), known), values)
        assert looked == (kind.model_free or "prior knowledge" in kind.needs)
        compared = not np.array_equal(one.of(replace(table, frame=table.frame.assign(**runs)), known), values)
        assert compared == ("several runs" in kind.needs)


def test_it_takes_in_words():
    assert [find(name).needed() for name in ("bound", "joint", "complexity", "joint-input")] == [
        "nothing",
        "reference part",
        "prior knowledge",
        "prior knowledge, reference part",
    ]


@pytest.mark.parametrize("samples", [1, 3])
def test_it_costs_what_it_declares(samples, monkeypatch):
    """Passes of a real sweep, counted: what the most expensive score takes, and each cheaper one its share."""
    counted: list[int] = []
    likelihood = Pass.log_likelihood

    def counting(result: Pass, x: torch.Tensor, samples: int = 1) -> torch.Tensor:
        counted.append(samples)
        return likelihood(result, x, samples)

    monkeypatch.setattr(Pass, "log_likelihood", counting)
    torch.manual_seed(0)
    model = HierarchicalModel(small_config())
    with torch.no_grad():
        model.measure(
            random_images(4),
            lambda group: generator_noise(4 * len(group), torch.Generator().manual_seed(0)),
            reading="mean", samples=samples, per_pass=2,
        )  # fmt: skip
    passes = {name: [one.passes(3, samples) for one in at_every_level(name, 3)] for name in SCORES}
    alone = [max(passes[name]) for name in offered()]
    assert sum(counted) == samples + 3 == max(alone)
    assert passes["joint"] == passes["joint-input"] == passes["dose"] == [samples + 3]
    assert passes["bound"] == [samples, 1, 1, 1] and passes["llr"] == 3 * [samples + 1]
    assert passes["typicality"] == passes["entropy-corrected"] == passes["complexity"] == [samples]
    assert passes["batch-typicality"] == 3 * [samples]
    assert passes["complementary"] == [1, 1] and passes["lpath"] == [1] and passes["regret"] == [101]
    labelled = {name: passes[name] for name, kind in SCORES.items() if kind.task}
    assert labelled.pop("odin") == [3] and labelled.pop("ensemble") == [2] and set(map(max, labelled.values())) == {1}
    assert passes["waic"] == [5 * samples] and passes["background-ratio"] == 4 * [2 * samples]
    assert all((found == [0]) == SCORES[name].model_free for name, found in passes.items())
    assert score("joint", 3).passes(3, samples, draws=16) == 16 * (samples + 3)
    assert score("dose", 0).passes(0, samples) == samples


def test_the_documentation_has_every_score_as_it_declares_itself():
    rows = [line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("| `")]
    for name, kind in SCORES.items():
        cost = score(name, 3).passes(3)
        assert f"| `{name}` | {kind.about} | {kind.needed()} | {cost} |" in rows
