"""A model and images become numbers: bounds, score tables, reconstructions, correlations."""
