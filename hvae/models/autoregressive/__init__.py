"""Autoregressive models: every pixel given the pixels before it, so log p(x) is exact."""
