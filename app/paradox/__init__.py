"""Why likelihood fails: six short steps on densities of whole pixel values."""
