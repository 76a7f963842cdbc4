"""`hvae score`: data sets become score tables, images from outside verdicts; robustness cards and landscapes."""

from hvae.cli.scoring.command import score

__all__ = ["score"]
