"""What pages read from run folders, cached, and the choice of what to read."""
