"""Tables on stdout: as wide as the terminal, or as wide as they need to be where there is none."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

_FILE_WIDTH = 200


def show(table: Table) -> None:
    """Print a table on stdout."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_FILE_WIDTH)
    console.print(table, highlight=False)
