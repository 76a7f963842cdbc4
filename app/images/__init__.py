"""Images on a page: where they come from, galleries and mosaics, one of them level by level."""
