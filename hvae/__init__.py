"""A microscope for hierarchical variational autoencoders that detect out-of-distribution images."""

__version__ = "0.1.0"
