"""The images of a run: those it was trained on, those it was shown as outliers, and where one's own lie."""
