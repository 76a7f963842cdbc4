"""One run with the tables of its report."""

from __future__ import annotations

import pandas as pd
import pytest

from hvae.report import Comparison, build, gather
from hvae.runs.folders import RunEntry, find_run
from tests.synthetic import make_run, make_tables


@pytest.fixture(scope="module")
def n_boot() -> int:
    """Resamples of the intervals."""
    return 20


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunEntry:
    """A run with an OOD set of another size and two settings of S."""
    folder = make_run(tmp_path_factory.mktemp("runs"), "a_run")
    make_tables(folder, sets=("fashionmnist", "mnist"), n=120, samples=(1, 250))
    make_tables(folder, sets=("notmnist",), n=70)
    return find_run(str(folder))


@pytest.fixture(scope="module")
def comparison(run: RunEntry) -> Comparison:
    """S = 1."""
    gathered = gather([run])
    assert gathered.problems == ()
    return gathered.comparisons[0]


@pytest.fixture(scope="module")
def tables(comparison: Comparison, n_boot: int) -> dict[str, pd.DataFrame]:
    return build([comparison], n_boot=n_boot)
