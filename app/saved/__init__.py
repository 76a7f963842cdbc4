"""Named views: the address of a page under a name that people gave it, listed in the sidebar."""
