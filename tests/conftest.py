"""Process-wide settings of the test run; they must be set before the first test imports torch."""

import os

# Spinning OpenMP threads starve whatever else runs on the machine, a browser under test for one.
os.environ.setdefault("GOMP_SPINCOUNT", "0")
# torch takes its thread count from here; the test models are too small to gain from more.
os.environ.setdefault("OMP_NUM_THREADS", "2")
