"""A sound run from elsewhere, to be imported or spoilt."""

import shutil
from pathlib import Path

import pytest

from hvae.runs.checkpoints import read_config, read_weights, save_weights
from tests.synthetic import make_run, make_tables


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of its two tables one was made with other weights than it has."""
    run = make_run(tmp_path_factory.mktemp("elsewhere"), "original", depth=2, trained=True)
    make_tables(run, ("fashionmnist",), n=20, parts=False)
    config = read_config(run)
    save_weights(run, {name: weights + 1 for name, weights in read_weights(run, config).items()}, config)
    make_tables(run, ("mnist",), n=20, parts=False)
    return run


@pytest.fixture
def source(original: Path, tmp_path: Path) -> Path:
    """A sound run, to be spoilt."""
    return shutil.copytree(original, tmp_path / "elsewhere" / "source")


@pytest.fixture
def into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path / "runs"))
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"
