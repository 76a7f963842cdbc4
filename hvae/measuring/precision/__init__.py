"""In which precision a run is scored."""
