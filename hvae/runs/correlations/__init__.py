"""What lies on disk of two runs compared: how alike their layers are, and their most similar units."""
