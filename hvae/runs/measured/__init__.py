"""What is measured of a run beside its score tables: robustness cards and landscapes, which name their weights."""
