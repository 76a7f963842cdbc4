"""The properties that the fuzzer holds files from outside to: sound seeds keep them, and what breaks one is noticed."""

import ctypes
import logging
import os
import sys
import time
import warnings

import numpy as np
import pytest

from tests.benchmarks import fuzz_mutations, fuzz_seeds, fuzz_targets
from tests.benchmarks.fuzz_bounds import BoundBroken, bounded

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def chatter() -> None:
    ctypes.CDLL(None).write(2, b"in C", 4)


def lingering() -> None:
    started = time.process_time()
    while time.process_time() - started < 1.1:
        pass


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (chatter, "in C"),
        (lambda: print("words", file=sys.__stderr__), "words"),
        (lambda: os.write(2, b"x"), "standard error"),
        (lambda: np.ones((64, 2**18)), "MiB, more than 40"),
        (lingering, "s of CPU time"),
    ],
    ids=["C", "Python", "descriptor", "memory", "time"],
)
def test_bounds(act, said):
    with pytest.raises(BoundBroken, match=said), bounded(mib=40, seconds=1):
        act()


def test_bounds_make_warnings_errors():
    with pytest.raises(UserWarning, match="odd"), bounded():
        warnings.warn("odd", stacklevel=1)
    logging.getLogger("PIL.TiffImagePlugin").error("kept from the terminal")


def test_images_keep_the_properties():
    target = fuzz_targets.Images(fuzz_seeds.good())
    seeds = list(fuzz_seeds.images())
    assert len(seeds) > 300
    for seed in seeds[::5]:
        target(seed)


def test_runs_keep_the_properties(tmp_path, monkeypatch):
    from hvae.runs.checkpoints import read_config

    monkeypatch.setenv("HVAE_RUNS", str(tmp_path))
    seeds = list(fuzz_seeds.runs(tmp_path / "made"))
    (tmp_path / "home").mkdir()
    target = fuzz_targets.Runs(read_config(tmp_path / "made" / "sound"), tmp_path / "home")
    for seed in seeds:
        target(seed)


@pytest.mark.parametrize("kind", ["png", "zip"])
def test_mutations_get_past_checksums(kind):
    """The change is in the content, and what wraps it still fits: else a fuzzer would only ever see checksums fail."""
    from hvae.datasets.own.outside import Named, Picture, Treatment, collect

    data = fuzz_seeds.good() if kind == "png" else fuzz_seeds.zipped({"one.png": fuzz_seeds.good()})

    def flip(data: bytes, most: int) -> bytes:
        return data[:-1] + bytes([data[-1] ^ 1]) if data else data

    reached = 0
    for seed in range(60):
        changed = fuzz_mutations.mutated(data, 10_000, seed, flip)
        for one in collect([Named("any.zip", changed)], Treatment((1, 8, 8))):
            # All pixels of the seed are equal.
            reached += isinstance(one, Picture) and one.image.std() > 0
    assert reached > 0
