"""Models: hierarchies of stages."""
