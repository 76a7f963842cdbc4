"""Files of one's own before they are scored: what is done to them, for all or for one, and what the model sees then."""
