"""Runs, trainings and pictures for the commands."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.hvae.commands import succeed
from tests.synthetic import make_run, make_tables


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """HVAE_RUNS with two runs of random weights and one that has tables alone."""
    root = tmp_path_factory.mktemp("runs")
    make_run(root, "probe", depth=2, trained=True)
    make_run(root, "sibling", depth=2, trained=True, seed=1)
    make_tables(make_run(root, "scored"), sets=("fashionmnist", "mnist"), n=60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HVAE_RUNS", str(root))
        yield root


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run trained by the command."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    succeed("train", "digits-tiny", "--run", folder, "--epochs", 2, "--seed", 3, "--device", "cpu")
    return folder


@pytest.fixture
def copy(runs: Path, tmp_path: Path) -> Path:
    """A copy of a sound run, to be changed or damaged."""
    return shutil.copytree(runs / "probe", tmp_path / "copy")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of 60 images in two classes."""
    random = np.random.default_rng(0)
    for number in range(60):
        path = tmp_path / "pictures" / ("cats" if number % 2 else "dogs") / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (30, 20), dtype=np.uint8)).save(path)
    return tmp_path / "pictures"
