"""`--data fashionmnist mnist` for repeatable options, which click itself only takes as `--data a --data b`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from typer.core import TyperCommand


def spread(arguments: Iterable[str], repeatable: Collection[str]) -> list[str]:
    """Name a repeatable option before each of the values that follow it, up to the next option."""
    spelt: list[str] = []
    option, takes_first = None, False
    for argument in arguments:
        if argument.startswith("-"):
            option, takes_first = (argument, True) if argument in repeatable else (None, False)
        elif option is not None:
            if not takes_first:
                spelt.append(option)
            takes_first = False
        spelt.append(argument)
    return spelt


class SpreadingCommand(TyperCommand):
    """A command whose repeatable options take several values at once; its arguments come before them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Spell the values out, then parse as usual."""
        repeatable = {name for option in self.params if getattr(option, "multiple", False) for name in option.opts}
        return super().parse_args(ctx, spread(args, repeatable))
