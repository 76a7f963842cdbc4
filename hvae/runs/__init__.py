"""Run folders as they lie on disk: configurations, weights, score tables. What pages read needs no torch."""
