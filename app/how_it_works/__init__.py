"""The page that explains a hierarchical VAE with one of the runs."""
