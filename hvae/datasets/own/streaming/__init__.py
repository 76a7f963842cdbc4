"""Sets of more images than memory holds: listings of large folders, and shards read one after the other."""
