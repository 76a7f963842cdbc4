"""`python -m hvae`: the command line."""

from hvae.cli import app

app(prog_name="hvae")
