"""Omniglot at 28x28, dark strokes on white, as published."""

from hvae.datasets.omniglot import Omniglot

DATA_SET = Omniglot("omniglot28", title="Omniglot", invert=False)
