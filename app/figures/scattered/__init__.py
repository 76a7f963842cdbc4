"""Figures of points: images by two numbers each."""
