"""Data sets known by name, one family a module."""
