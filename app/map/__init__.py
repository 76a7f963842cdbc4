"""The Map page: where every level puts own images and others."""
