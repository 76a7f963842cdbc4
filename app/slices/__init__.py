"""The page of slices: which kinds of images a score misses, and the images themselves."""
