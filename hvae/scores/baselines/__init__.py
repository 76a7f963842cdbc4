"""Scores that no model is needed for: what a model has to beat to earn its place."""
