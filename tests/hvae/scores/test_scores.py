"""Scores: what each computes, that higher is more out-of-distribution, and what is said where one cannot be had."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hvae.datasets import load
from hvae.errors import ConfigError, TableError
from hvae.measuring.pixels import pixel_statistics
from hvae.runs.catalogue import catalogue
from hvae.runs.columns import CLASSIFIER_COLUMNS
from hvae.runs.folders import find_run
from hvae.runs.score_tables import ScoreTable
from hvae.scores import SCORES, at_every_level, computable, everything, find, in_unit, score
from hvae.scores.companions import with_companions
from hvae.scores.prior_knowledge.background import RATES
from hvae.stats import auroc
from tests.hvae.tables import table_of
from tests.synthetic import make_run, make_tables

TABLE = table_of(
    {
        "elbo": [-100.0, -50.0, -80.0],
        "iw": [-98.0, -50.0, -79.0],
        "L>1": [-110.0, -49.0, -80.0],
        "L>2": [-130.0, -90.0, -100.0],
        "input_entropy": [60.0, 0.0, 30.0],
    }
)
REFERENCE = table_of({"iw": [-70.0, -90.0]}, split="reference")
CLOSED = {
    "-L>0": [98, 50, 79],
    "-L>1": [110, 49, 80],
    "-L>2": [130, 90, 100],
    "LLR>1": [12, -1, 1],
    "LLR>2": [32, 40, 21],
    "typicality": [18, 30, 1],
    "-(L+H)": [38, 50, 49],
}
"""Of the images of `TABLE`; the mean of L_S over the reference is -80 nats."""
FURTHER = [
    column
    for name in ("complementary", "lpath", "regret")
    for one in at_every_level(name, 3)
    for column in one.columns(3)
]
"""What is measured only where it is asked for."""
OF_CLASSIFIERS = [column.name.format(label=1) for column in CLASSIFIER_COLUMNS]
FITTED = ("joint", "joint-input", "DoSE")
"""What three images say nothing of: see test_joint and test_dose."""
BASELINES = ("H", "grey", "zlib", "PNG", "PPCA", "pixels")
"""What no model is needed for: see test_baselines."""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ScoreTable, ScoreTable]:
    """A table and its reference, statistics of pixels beside them."""
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path))
    make_tables(make_run(tmp_path, "run"), ("fashionmnist", "mnist"), n=50, pixels=True)
    found = catalogue(find_run("run"))
    table, reference = (
        found.find(slug, found.rule_settings()[0], (split,))
        for slug, split in (("mnist", "test"), ("fashionmnist", "reference"))
    )
    assert table is not None and reference is not None
    return found.read(table), found.read(reference)


def beside(table: ScoreTable) -> ScoreTable:
    """A table with columns of other runs, as scores of several need them."""
    further = np.random.default_rng(0).gamma(5, 20, (len(table), len(FURTHER)))
    table = replace(table, frame=table.frame.assign(**dict(zip(FURTHER, further.T, strict=True))))
    table = replace(table, frame=table.frame.assign(**{name: -further[:, 0] for name in OF_CLASSIFIERS}))
    other = replace(table, frame=table.frame.assign(iw=table.frame["iw"].to_numpy()[::-1]))
    backgrounds = {f"background{percent}": other for percent in ("", *RATES)}
    return with_companions(table, {"seed": [other, table, other, other]} | backgrounds)


def test_closed_forms():
    scores = everything(2, "binarise")
    assert [one.label for one in scores if one.label not in FITTED + BASELINES] == list(CLOSED)
    for one in (one for one in scores if one.label in CLOSED):
        values = one.of(TABLE, REFERENCE)
        assert values.dtype == np.float64
        np.testing.assert_array_equal(values, CLOSED[one.label])


def test_entropy_of_the_binarisation_is_what_no_model_can_foresee():
    """A model that knows every grey value exactly has -H nats on average: corrected, its images score 0."""
    images = load("digits").images[:20]
    statistics = pixel_statistics(images)
    random, grey = np.random.default_rng(0), images / 255
    draws = [random.random(grey.shape) < grey for _ in range(400)]
    log_p = np.mean([np.log(np.where(draw, grey, 1 - grey)).sum(axis=(1, 2, 3)) for draw in draws], axis=0)
    table = table_of({"iw": log_p, "input_entropy": statistics["input_entropy"]})
    np.testing.assert_allclose(score("entropy-corrected", 2).of(table), 0, atol=1.5)
    assert statistics["input_entropy"].min() > 20


@pytest.mark.parametrize("name", SCORES)
def test_every_score_keeps_the_contract(name, made):
    """Finite, one number an image in float64, and of each image alone: order and company change nothing.

    What is declared to be of batches has one number a batch.
    """
    # As taken by runs that the score has something to say of; the numbers stay.
    about = {"preprocessing": find(name).preprocessings[0], "task": find(name).task}
    table, reference = (replace(beside(one), metadata=one.metadata.model_copy(update=about)) for one in made)
    order = np.random.default_rng(0).permutation(len(table))

    for one in at_every_level(name, table.metadata.depth):
        values = one.of(table, reference)
        count = len(table) if one.per_image else len(table) // (one.k or 1)
        assert values.shape == (count,) and values.dtype == np.float64 and np.isfinite(values).all()
        if not one.per_image:
            continue
        np.testing.assert_array_equal(one.of(table.take(order), reference), values[order])
        for part in (slice(0, 1), slice(1, 20), slice(20, 50)):
            np.testing.assert_array_equal(one.of(table.take(np.arange(len(table))[part]), reference), values[part])


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("depth", [0, 1, 3, 10])
def test_every_score_says_what_it_is(name, depth):
    kind = find(name)
    assert kind.name == name and kind.title and kind.about.endswith("?") and kind.source
    assert kind.units[0] == "nats"
    levels = kind.levels(depth)
    if not levels:
        assert kind.usual_level(depth) is None and at_every_level(name, depth) == []
        return
    assert score(name, depth).k == kind.usual_level(depth) and kind.usual_level(depth) in levels
    assert len({one.label for one in at_every_level(name, depth)}) == len(levels)
    for k in levels:
        assert score(name, depth, k) == kind(k)
        assert all(column and (k is None or k > 0 or column == "iw") for column in kind(k).columns(depth))


@pytest.mark.parametrize(
    ("name", "k", "label", "symbol", "latex"),
    [
        ("bound", 0, "-L>0", "−L<sup>&gt;0</sup>", r"-\mathcal{L}^{>0}"),
        ("bound", 2, "-L>2", "−L<sup>&gt;2</sup>", r"-\mathcal{L}^{>2}"),
        ("llr", 1, "LLR>1", "LLR<sup>&gt;1</sup>", r"\mathrm{LLR}^{>1}"),
        ("typicality", None, "typicality", "|L − mean L|", r"|\mathcal{L} - \overline{\mathcal{L}}|"),
        ("entropy-corrected", None, "-(L+H)", "−(L + H)", r"-(\mathcal{L} + H)"),
    ],
)
def test_labels(name, k, label, symbol, latex):
    one = score(name, 3, k)
    assert (one.label, one.symbol, one.latex) == (label, symbol, latex)


def test_levels():
    assert [one.k for one in at_every_level("bound", 3)] == [0, 1, 2, 3]
    assert [one.k for one in at_every_level("llr", 3)] == [1, 2, 3]
    assert [one.label for one in everything(0)] == ["-L>0", "typicality", "DoSE", "-(L+H)", "complexity", *BASELINES]
    assert [one.label for one in everything(0, "integer")] == ["-L>0", "typicality", "DoSE", "complexity", *BASELINES]
    assert (score("bound", 3).k, score("llr", 3).k, score("typicality", 3).k) == (0, 1, None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lrr", 3), r"there is no score 'lrr': did you mean llr or regret\?"),
        (("Typical", 3), "did you mean typicality"),
        (
            ("🙂", 3),
            "the scores are bound, llr, joint, joint-input, typicality, batch-typicality, dose, waic, complementary",
        ),
        (("likelihood", 3), r"did you mean bound or llr or lpath\?"),
        (("llr", 3, 4), r"Likelihood ratio has no level k = 4 in a model of 3 layers; its levels are 1 to 3"),
        (("llr", 3, 0), "its levels are 1 to 3"),
        (("bound", 3, -1), "its levels are 0 to 3"),
        (("typicality", 3, 1), "it has no levels"),
        (("batch-typicality", 3, 3), "no level k = 3 in a model of 3 layers; its levels are 2, 10, 25"),
        (("llr", 0, 1), "it has no levels"),
    ],
)
def test_a_score_that_there_is_not(arguments, said):
    with pytest.raises(ConfigError, match=said) as caught:
        score(*arguments)
    assert "\n" not in str(caught.value)


def refusal(name: str, table: ScoreTable, reference: ScoreTable | None = None, k: int | None = None) -> str:
    one = find(name)(k)
    with pytest.raises(TableError) as caught:
        one.of(table, reference)
    said = str(caught.value)
    assert "\n" not in said
    if one.obstacle(table, reference) is not None:
        assert said == one.obstacle(table, reference)
    return said


def test_what_is_missing_is_said_with_the_command_that_makes_it():
    bare = table_of({"iw": [-1.0]}, run="my_run", data="mnist", slug="mnist", seed=3)
    assert refusal("llr", bare, k=1).endswith(
        "hvae score my_run --data mnist --split test --reading mean --samples 1 --draws 1 --seed 3"
    )
    assert refusal("entropy-corrected", bare).endswith("hvae data measure mnist --split test --run my_run")
    assert refusal("typicality", bare).endswith(
        "not scored under reading mean, S = 1, R = 1, seed 3: hvae score my_run --split reference --reading mean "
        "--samples 1 --draws 1 --seed 3"
    )
    assert "`iw`" in refusal("typicality", bare, table_of({"elbo": [-1.0]}, split="reference"))
    grey = table_of({"iw": [-1.0], "input_entropy": [0.0]}, preprocessing="grey")
    assert "is for binarised images, and this run takes them as `grey`" in refusal("entropy-corrected", grey)


@pytest.mark.parametrize(("name", "k"), [("bound", 3), ("bound", -1), ("bound", None), ("llr", 0), ("llr", 3)])
def test_a_level_out_of_range(name, k):
    first = 0 if name == "bound" else 1
    assert f"k = {k} is outside {first}..2" in refusal(name, TABLE, k=k)


def test_a_kind_without_layers_has_no_ratio():
    flat = table_of({"iw": [-1.0]}, depth=0)
    assert refusal("llr", flat) == "Likelihood ratio has nothing to say about a model of 0 latent layers"
    np.testing.assert_array_equal(score("bound", 0).of(flat), [1.0])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(value):
    broken = table_of({"iw": [-1.0, value], "L>1": [0.0, 0.0]})
    for name, k in (("bound", 0), ("llr", 1), ("typicality", None)):
        assert "of digits (test) is not finite: score it again" in refusal(name, broken, REFERENCE, k)


def test_what_tables_give():
    found, obstacles = computable(everything(2, "binarise"), (TABLE, REFERENCE), None)
    assert [one.label for one in found] == ["-L>0"]
    assert len(obstacles) == 9 + len(BASELINES), "one line a score, whatever the number of tables"
    found, obstacles = computable(everything(2, "binarise"), (TABLE,), REFERENCE)
    assert [one.label for one in found] == list(CLOSED) and len(obstacles) == len(FITTED + BASELINES)


def test_a_batch_is_typical_where_its_images_are_so_together():
    """Two images as far off on either side are typical together; many a little off are not, and more so than each."""
    reference = table_of({"iw": [-70.0, -90.0]}, split="reference")
    np.testing.assert_array_equal(find("batch-typicality")(2).of(table_of({"iw": [-60.0, -100.0]}), reference), [0])
    random = np.random.default_rng(0)
    known, foreign = (table_of({"iw": random.normal(mean, 10, 1000)}) for mean in (-80, -74))
    for size, least in ((2, 0.5), (10, 0.75), (25, 0.9)):
        one = find("batch-typicality")(size)
        own, other = one.of(known, reference), one.of(foreign, reference)
        assert len(own) == 1000 // size and auroc(own, other).value > least
    few = table_of({"iw": [-80.0]})
    assert refusal("batch-typicality", few, reference, 10).endswith("batches of 10 images, digits (test) has 1")


def test_units():
    values = np.array([4 * np.log(2), 8 * np.log(2)])
    np.testing.assert_array_equal(in_unit(values, "nats", 4), values)
    np.testing.assert_allclose(in_unit(values, "bits/dim", 4), [1, 2])
    np.testing.assert_allclose(in_unit(values, "ln(bits/dim)", 4), [0, np.log(2)], atol=1e-15)
    with pytest.raises(TableError, match=r"2 images have LLR>1 at or below 0.*choose nats or bits/dim"):
        in_unit(np.array([-1.0, 0.0, 1.0]), "ln(bits/dim)", 4, "LLR>1")
