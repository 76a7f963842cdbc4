"""One's own images: folders, arrays and files from outside, decoded and made to fit a model."""
