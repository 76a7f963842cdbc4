"""Scores that know something of the images beforehand, such as how they are binarised."""
