"""What commands share: errors of one line, tables, progress, options."""

import json
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment, Segments
from rich.table import Table
from typer.core import TyperCommand, TyperGroup

from hvae.errors import HvaeError
from hvae.files import WriteError

FAILED, ALARM, UNREAD, LOST, INTERRUPTED = 2, 3, 4, 75, 130
"""Exit codes: wrong use, or nothing that could be judged; an alarm where one asks; a file not read; another process of
the same work gone, which who started them says; Ctrl-C."""
_NO_PEER = ("Connection closed by peer", "Connection reset by peer", "Connection refused", "remote process has exited")


class FriendlyGroup(TyperGroup):
    """The root of the commands: errors meant for the user become one red line and exit code 2, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            with _terminable():
                return super().invoke(ctx)
        except HvaeError as error:
            fail(str(error))
        except BrokenPipeError:
            raise
        except OSError as error:
            fail(f"{error.filename or 'the system'}: {error.strerror or error}; nothing was left half written")
        except KeyboardInterrupt:
            typer.secho("stopped", fg="yellow", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            # Errors of torch and Fabric by name, so that commands without them need not import them to fail.
            name = type(error).__name__
            if name == "OutOfMemoryError":
                fail("the GPU ran out of memory: choose a smaller batch (--batch-size, --set training.batch_size=...)")
            if name.startswith("Dist") or any(words in str(error) for words in _NO_PEER):
                raise typer.Exit(LOST) from None
            if name == "MisconfigurationException":
                fail(f"the devices asked for cannot be used: {error}")
            if isinstance(said := getattr(error, "message", None), str):
                # Wrong use, in typer's words, which repeat what was typed.
                error.message = _line(said)  # type: ignore[attr-defined]
            raise


def fail(message: str, code: int = FAILED) -> None:
    """Say what was wrong on stderr, in one line, and end with an exit code."""
    typer.secho(f"error: {_line(message)}", fg="red", err=True)
    raise typer.Exit(code)


def warn(message: str) -> None:
    """Say on stderr what was left out; the command goes on."""
    typer.secho(f"note: {_line(message)}", fg="yellow", err=True)


def say(text: str, nl: bool = True, err: bool = False) -> None:
    """Print lines that may hold names from outside."""
    typer.echo(_plain(text), nl=nl, err=err)


def _plain(text: str) -> str:
    """What any terminal can be given: names of files hold whatever bytes somebody chose."""
    shown = text.encode("utf-8", "backslashreplace").decode()
    return "".join(one if one.isprintable() or one in "\n\t" else "\N{REPLACEMENT CHARACTER}" for one in shown)


def _line(message: str) -> str:
    return _plain(" ".join(message.split()))


def strict_json(found: object) -> str:
    """JSON as every parser reads it: what is no finite number is null, what no terminal should see is escaped."""
    from pydantic_core import to_json

    text = to_json(found, indent=2, inf_nan_mode="null").decode()
    return "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)


@contextmanager
def _terminable() -> Iterator[None]:
    """End on SIGTERM as on Ctrl-C: with what is finished kept, and a line that says how to continue."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def interruptible(hint: str) -> Iterator[None]:
    """Turn Ctrl-C into a line that says how to continue, and exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        typer.secho(f"stopped; {_line(hint)}", fg="yellow", err=True)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def unwritable(then: Callable[[], str]) -> Iterator[None]:
    """Say how to go on where the system stopped the writing: that may depend on what is there by then."""
    try:
        yield
    except WriteError as error:
        raise WriteError(f"{error}; {then()}") from error


def show(table: Table) -> None:
    """Print a table on stdout, 200 columns wide where that is a file."""
    console = Console(markup=False)
    console = console if console.is_terminal else Console(width=200, markup=False)
    drawn = (one if one.control else Segment(_plain(one.text), one.style) for one in console.render(table))
    console.print(Segments(drawn), end="", highlight=False)


OnProgress = Callable[[int, int], None]


@contextmanager
def counted(description: str, unit: str = "images") -> Iterator[OnProgress]:
    """A callable that takes (done, in all) and shows how far a command is; `bytes` are shown as kB and MB."""
    console, description = Console(stderr=True, markup=False), _line(description)
    if not console.is_terminal:
        yield _lines(console, description, unit)
        return
    count: ProgressColumn = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        count,
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def _lines(console: Console, description: str, unit: str) -> OnProgress:
    """A line whenever another tenth is done."""
    began, shown = time.monotonic(), 0

    def show_line(done: int, total: int) -> None:
        nonlocal shown
        tenths = 10 * done // total if total else 0
        if tenths > shown:
            shown, left = tenths, time_left(time.monotonic() - began, done, total)
            line = f"{description}: {done:,} of {total:,} {unit}, {left} left"
            console.print(line, highlight=False, soft_wrap=True)

    return show_line


def time_left(elapsed: float, done: int, total: int) -> str:
    """Time left as h:mm:ss at the pace so far; `elapsed` in seconds for `done` of `total` steps."""
    return str(timedelta(seconds=round(elapsed / done * (total - done)))) if done else "unknown time"


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
