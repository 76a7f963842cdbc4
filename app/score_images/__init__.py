"""The page that scores one's own images."""
