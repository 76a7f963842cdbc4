"""The Baselines page: every score of every run on the same images."""
