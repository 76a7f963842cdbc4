"""Classifiers: the rivals that know the labels of the training images, and maybe images of another set."""
