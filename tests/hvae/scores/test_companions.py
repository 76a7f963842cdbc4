"""Scores of several runs: whose columns stand beside a table, what is said where one is missing, and the sign."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hvae.config import RunConfig
from hvae.errors import TableError
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import RunEntry, find_runs
from hvae.runs.settings import Setting
from hvae.scores import computable, everything, offered, score
from hvae.scores.companions import find_companions, joined, with_companions
from tests.hvae.tables import table_of
from tests.synthetic import make_run, make_tables

IMAGES = "a" * 64


def of_run(likelihoods: list[float], **changes: object):
    return table_of({"iw": likelihoods}, **{"data_fingerprint": IMAGES} | changes)


def entry(name: str, config: RunConfig) -> RunEntry:
    return RunEntry(name, Path(name), config, None, True)


def test_waic_of_identical_runs_is_the_likelihood():
    table = of_run([-100.25, -3.5])
    five = with_companions(table, {"seed": [table] * 4})
    np.testing.assert_array_equal(score("waic", 2).of(five), score("bound", 2).of(table))


def test_waic_is_the_variance_less_the_mean_whichever_run_comes_first():
    values = np.random.default_rng(0).normal(-100, 3, (5, 6))
    tables = [of_run(list(one)) for one in values]
    found = [
        score("waic", 2).of(with_companions(tables[first], {"seed": tables[:first] + tables[first + 1 :]}))
        for first in range(5)
    ]
    np.testing.assert_allclose(found[0], values.var(0) - values.mean(0), rtol=1e-12)
    assert all(np.array_equal(one, found[0]) for one in found)


def test_an_image_that_runs_disagree_about_is_more_unlike():
    """Two images of one mean likelihood; that in which the runs differ is the foreign one, under either score."""
    sure, torn = -100.0, [-130.0, -70.0, -110.0, -90.0]
    five = with_companions(of_run([sure, -100]), {"seed": [of_run([sure, one]) for one in torn]})
    known, foreign = score("waic", 2).of(five)
    assert foreign > known
    # The background knows the second image as well as the model does, and the first far worse.
    ratio = score("background-ratio", 2).of(with_companions(of_run([sure, -90]), {"background": of_run([-300, -95])}))
    np.testing.assert_array_equal(ratio, [-200, -5])


def test_reports_and_pages_offer_what_one_table_gives():
    assert not {"waic", "background-ratio"} & set(offered())
    assert not any("several runs" in one.needs for one in everything(3))


def test_what_is_missing_is_said_before_computing():
    table = replace(of_run([-1.0], run="mine"), run="mine")
    two = with_companions(table, {"seed": [table, None]})
    why = score("waic", 2).obstacle(two) or ""
    assert "WAIC needs `iw@seed2`" in why and "training.seed alone (hvae train PRESET --seed N)" in why
    assert "--reading mean --samples 1 --draws 1" in why and "\n" not in why
    with pytest.raises(TableError, match=r"needs `iw@background`.*data\.mutation alone"):
        score("background-ratio", 2).of(table)
    assert computable([score("waic", 2)], [two], None)[0] == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data_fingerprint": "b" * 64}, "are not the same images"),
        ({"data_fingerprint": ""}, "are not the same images"),
        ({"seed": 1}, "measured with seed = 0 and 1"),
        ({"samples": 8}, "measured with samples = 1 and 8"),
        ({"preprocessing": "grey"}, "measured with preprocessing = binarise and grey"),
    ],
)
def test_tables_that_do_not_compare_are_refused(changes, said):
    with pytest.raises(TableError, match=said):
        with_companions(of_run([-1.0]), {"seed": [of_run([-1.0], **changes)]})


def test_which_runs_are_companions(tmp_path):
    make_run(tmp_path, "one", depth=2)
    (run,) = find_runs([tmp_path])
    assert run.config is not None
    made = {
        name: entry(name, run.config.override(settings))
        for name, settings in {
            "third": {"training.seed": 3},
            "second": {"training.seed": 2, "preset": "another name"},
            "copy of second": {"training.seed": 2},
            "copy": {},
            "longer": {"training.seed": 4, "training.epochs": 77},
            "more noise": {"data.mutation": 0.3},
            "background": {"data.mutation": 0.2},
            "its twin": {"data.mutation": 0.2, "training.seed": 1},
            "other images": {"training.seed": 5, "data.name": "mnist"},
        }.items()
    }
    found = find_companions(run, [run, *made.values(), RunEntry("broken", tmp_path, None, "no", False)])
    assert found == {"seed": [made["second"], made["third"]], "background": [made["background"], made["more noise"]]}
    found = find_companions(made["background"], [run, *made.values()])
    assert found == {"seed": [made["its twin"]], "background": []}


def test_tables_are_joined_by_their_images(tmp_path):
    for seed in range(5):
        make_tables(make_run(tmp_path, f"seed{seed}", depth=2, seed=seed), ("fashionmnist", "mnist"), n=20)
    run, *others = find_runs([tmp_path])
    (tmp_path / "seed3" / "scores" / "mnist.test.mean.S1.R1.seed0.parquet").unlink()
    found = catalogue(run)
    tables = {slug: found.read(found.find(slug, Setting())) for slug in ("fashionmnist", "mnist")}  # type: ignore[arg-type]
    twins = {"seed": others}
    values = score("waic", 2).of(joined(tables["fashionmnist"], twins))
    each = [
        score("bound", 2).of(one.read(one.find("fashionmnist", Setting()))) for one in map(catalogue, (run, *others))
    ]  # type: ignore[arg-type]
    np.testing.assert_allclose(values, np.mean(each, 0) + np.var(each, 0), rtol=1e-12)
    why = score("waic", 2).obstacle(joined(tables["mnist"], twins)) or ""
    assert why.endswith(
        "`iw@seed3`: seed3 has not scored the same images: hvae score seed3 --data mnist --split test --reading mean "
        "--samples 1 --draws 1"
    )
