"""Fitting a model: the objective and the trainer."""
