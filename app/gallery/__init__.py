"""Images in a gallery on a page: sorted, filtered, page by page, several selected."""
