"""Is this image unlike the training data? The label-free rule, its words, and judging images from outside."""
