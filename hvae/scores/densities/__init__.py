"""Scores by a density fitted to the reference part of the training set."""
