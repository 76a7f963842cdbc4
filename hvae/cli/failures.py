"""How a command ends that cannot go on: one line on stderr, and an exit code a script can tell apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from hvae.errors import HvaeError

FAILED = 2
INTERRUPTED = 130


class FriendlyGroup(TyperGroup):
    """The root of the commands: errors meant for the user become one red line and exit code 2, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except HvaeError as error:
            fail(str(error))
        except KeyboardInterrupt:
            typer.secho("stopped", fg="yellow", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            # Errors of torch and lightning by name, so that commands without them need not import them to fail.
            name = type(error).__name__
            if name == "OutOfMemoryError":
                fail("the GPU ran out of memory: choose a smaller batch (--batch-size, --set training.batch_size=...)")
            if name == "MisconfigurationException":
                fail(f"the devices asked for cannot be used: {error}")
            raise


def fail(message: str) -> None:
    """Say what was wrong on stderr, in one line, and end with exit code 2."""
    typer.secho(f"error: {' '.join(message.split())}", fg="red", err=True)
    raise typer.Exit(FAILED)


def warn(message: str) -> None:
    """Say on stderr what was left out; the command goes on."""
    typer.secho(f"note: {' '.join(message.split())}", fg="yellow", err=True)


@contextmanager
def interruptible(hint: str) -> Iterator[None]:
    """Turn Ctrl-C into a line that says how to continue, and exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        typer.secho(f"stopped; {hint}", fg="yellow", err=True)
        raise typer.Exit(INTERRUPTED) from None
