"""Scores of a classifier: they know the labels of the training images, and some of them images of another set."""
