"""The dashboard: a router, one selection bound to the address, bounded caches, figures and components."""
