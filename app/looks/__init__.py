"""Colours, marks and words that are the same on every page."""
