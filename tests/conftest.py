"""Process-wide settings of the test run; they must be set before the first test imports torch or looks for runs."""

import atexit
import functools
import gc
import os
import tempfile

import typer.testing

# Spinning OpenMP threads starve whatever else runs on the machine, a browser under test for one.
os.environ.setdefault("GOMP_SPINCOUNT", "0")
# torch takes its thread count from here: one, as `make test` says, as several add up a batch otherwise than an image.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# What a CPU computes fast must not decide what a test finds.
os.environ["HVAE_PRECISION"] = "32-true"

# Whoever runs the tests may have runs and measured pixels of their own in the checkout, which no test may find.
_no_runs = tempfile.TemporaryDirectory(prefix="hvae-tests-")
atexit.register(_no_runs.cleanup)
os.environ["HVAE_RUNS"] = _no_runs.name

# Hundreds of tests call the same command line, which takes 30 ms to make.
typer.testing._get_command = functools.cache(typer.testing._get_command)


def pytest_collection_finish() -> None:
    """Leave what importing has made out of every collection of garbage to come: half a million objects that stay."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Let the end of the process find it again: bindings in C++ name what is left then as leaked."""
    gc.unfreeze()
