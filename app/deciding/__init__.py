"""What a threshold costs and catches, and the file that takes the one that was chosen elsewhere."""
