"""Files that are published somewhere: downloading, checking and unpacking them."""
