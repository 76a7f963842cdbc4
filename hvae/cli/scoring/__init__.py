"""`hvae score`: data sets become score tables, images from outside verdicts; robustness cards and landscapes."""

from hvae.cli.scoring.command import score
from hvae.cli.scoring.merging import merge

__all__ = ["merge", "score"]
