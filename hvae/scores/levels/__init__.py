"""Scores of the levels of a hierarchy: they need nothing but one sweep through the model."""
