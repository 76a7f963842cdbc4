"""Normalising flows: an invertible map of images onto standard-normal noise, so log p(x) is exact."""
