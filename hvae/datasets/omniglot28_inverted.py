"""Omniglot at 28x28, white strokes on black, as MNIST's digits and the Omniglot of Burda et al. (2015)."""

from hvae.datasets.omniglot import Omniglot

DATA_SET = Omniglot("omniglot28_inverted", title="Omniglot, inverted", invert=True)
