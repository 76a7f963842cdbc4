"""The inspector: a panel beside every page that shows the image that was clicked, and why it has its score."""
