"""What the layers of a model hold: correlations, reconstructions and maps."""
