"""`hvae score`: its options, and the two things it does."""
