"""`hvae compare` says what the tables say, and refuses in a line what cannot be compared."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from hvae.runs.catalogue import catalogue
from hvae.runs.folders import find_run
from hvae.stats import auroc
from tests.hvae.commands import fail, succeed
from tests.hvae.tables import the_row
from tests.synthetic import make_run, make_tables


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Two runs of FashionMNIST and one of MNIST, in no folder of runs."""
    root = tmp_path_factory.mktemp("compared")
    for name, data in (("one", "fashionmnist"), ("two", "fashionmnist"), ("alien", "mnist")):
        make_tables(make_run(root, name, data=data, depth=1), ("fashionmnist", "mnist"), n=40)
    return root


def test_a_file_of_all_scores(compared, tmp_path):
    out = tmp_path / "rivals.csv"
    result = succeed("compare", compared / "one", compared / "two", "--data", "mnist", "--bootstrap", 2, "--out", out)
    assert result.stdout.strip() == str(out)
    assert "note: left out where they cannot be computed: joint-input, waic, " in result.stderr
    table = pd.read_csv(out)
    found = catalogue(find_run(str(compared / "two")))
    inside, outside = (
        next(found.read(one) for one in found.entries if (one.slug, one.split) == (slug, "test"))
        for slug in ("fashionmnist", "mnist")
    )
    row = the_row(table, run="two", score="-L>0")
    assert row["auroc"] == pytest.approx(auroc(-inside.column("iw"), -outside.column("iw")).value)
    assert row["against"] == "joint of one" and "classifier" in set(table["model"])


def test_only_some_scores_against_one_of_them(compared):
    arguments = ("--data", "mnist", "--score", "llr", "typicality", "--against", "typicality", "--bootstrap", 2)
    table = pd.read_csv(io.StringIO(succeed("compare", compared / "one", *arguments, "--format", "csv").stdout))
    assert set(table["name"]) == {"llr", "typicality"}
    assert the_row(table, run="one", name="typicality")["difference"] == 0
    assert "--- | --- |" in succeed("compare", compared / "one", *arguments, "--format", "markdown").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["alien", "--data", "mnist"], "alien was trained on mnist, one on fashionmnist"),
        (["--data", "svhn"], "one has no scores of svhn under reading mean"),
        (["--data", "mnist", "--score", "best"], "there is no score 'best'"),
        (["--data", "mnist", "--against", "best"], "--against best: no run here has that score"),
        (["--data", "mnist", "--score", "zlib", "--no-baselines"], "zlib needs no model"),
        (["--data", "mnist", "--format", "latx"], "did you mean latex?"),
        (["--data", "mnist", "--draws", "16"], "no scores of fashionmnist with draws = 16"),
        (["--data", "mnist", "--score", "waic"], "WAIC needs `iw@seed1`"),
    ],
)
def test_what_cannot_be_compared(compared, arguments, said):
    runs = [compared / one if one == "alien" else one for one in arguments]
    assert said in fail("compare", compared / "one", *runs)
