"""One process a device: started together, ended together, and one line where one of them dies.

The command is run once more for each device, with the variables by which Lightning knows that it was. Where something
else started them (Slurm, torchrun), this does nothing. Imports torch only to count GPUs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence

import typer

from hvae.cli.terminal import FAILED, INTERRUPTED, LOST, UNREAD, fail
from hvae.errors import ConfigError

_STARTED = ("LOCAL_RANK", "TORCHELASTIC_RUN_ID", "SLURM_STEP_ID")
"""Variables that are set where processes were started already."""
PATIENCE = 5.0
"""Seconds that the others have to end by themselves after one has died, and again after they were told to."""
FINISHING = 60.0
"""Seconds that the others have where one has ended because it was asked to: each finishes the chunk it is at."""
_PAUSE = 0.05


def number_of(devices: int | None, nodes: int, device: str) -> int:
    """How many devices of this machine are used: those asked for, else all GPUs or one CPU process.

    Raises:
        ConfigError: more than there are, or fewer than one.
    """
    import torch

    for name, number in (("--devices", devices), ("--nodes", nodes)):
        if number is not None and number < 1:
            raise ConfigError(f"{name} must be at least 1, it is {number}")
    gpus = torch.cuda.device_count() if device != "cpu" else 0
    there, what = (gpus, "GPU") if gpus else (_cores(), "CPU core")
    if devices is not None and devices > there:
        raise ConfigError(f"--devices {devices}: this machine has {there} {what}{'s' * (there != 1)}")
    return devices or max(gpus, 1)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_first() -> bool:
    """Whether this is the process that writes and speaks."""
    return all(os.environ.get(name, "0") == "0" for name in ("LOCAL_RANK", "NODE_RANK"))


def start(number: int, nodes: int, hint: str) -> None:
    """Run this command in a process for each device and end as they do; a process that was started so goes on.

    The `hint` says how to continue where one of them dies.
    """
    if number * nodes == 1 or any(name in os.environ for name in _STARTED):
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "NODE_RANK": "0"} | os.environ
    shared["WORLD_SIZE"] = str(number * nodes)
    command = [sys.executable, "-m", "hvae", *sys.argv[1:]]
    raise typer.Exit(supervise([(command, shared | {"LOCAL_RANK": str(rank)}) for rank in range(number)], hint))


def supervise(commands: Sequence[tuple[list[str], dict[str, str]]], hint: str) -> int:
    """Run commands, each with its environment, side by side; the exit code of the first, which alone is seen.

    Ctrl-C and SIGTERM are passed on. Where one dies the others are ended, and a line says which and why.
    """
    with contextlib.ExitStack() as stack:
        said = [stack.enter_context(tempfile.TemporaryFile()) for _ in commands[1:]]
        streams = [{}, *({"stdout": subprocess.DEVNULL, "stderr": one} for one in said)]
        running = [
            # A group of its own, so that Ctrl-C reaches it once.
            subprocess.Popen(command, env=environment, process_group=0, **stream)
            for (command, environment), stream in zip(commands, streams, strict=True)
        ]
        try:
            with _passed_on(running):
                died = _first_to_fail(running)
                stopped = died is not None and running[died].returncode == INTERRUPTED
                if died is not None:
                    _wait(running, FINISHING if stopped else PATIENCE)
        finally:
            _end(running)
        codes = [one.returncode for one in running]
        if stopped:
            return INTERRUPTED
        if died is None or codes[0] == FAILED:
            return codes[0]
        reason = _reason(codes[died], said[died - 1] if died else None)
    fail(f"process {died + 1} of {len(commands)} {reason}; what was finished is kept, {hint}")
    return FAILED


def _first_to_fail(running: Sequence[subprocess.Popen]) -> int | None:
    """Which process ended in failure first; None where all ended well."""
    while True:
        codes = [one.poll() for one in running]
        # One that lost another was not the first to fail.
        failed = [place for place, code in enumerate(codes) if code not in (None, 0, UNREAD, LOST)]
        if failed:
            return failed[0]
        if None not in codes:
            return next((place for place, code in enumerate(codes) if code == LOST), None)
        time.sleep(_PAUSE)


def _wait(running: Sequence[subprocess.Popen], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and any(one.poll() is None for one in running):
        time.sleep(_PAUSE)


def _end(running: Sequence[subprocess.Popen]) -> None:
    for stop in (subprocess.Popen.terminate, subprocess.Popen.kill):
        for one in running:
            if one.poll() is None:
                stop(one)
        _wait(running, PATIENCE)
    for one in running:
        one.wait()


@contextlib.contextmanager
def _passed_on(running: Sequence[subprocess.Popen]) -> Iterator[None]:
    def send(number: int, frame: object) -> None:
        for one in running:
            one.send_signal(number)

    before = {number: signal.signal(number, send) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _reason(code: int, said: object) -> str:
    """Why a process ended, in words: its signal, or the last line that it said."""
    if code < 0:
        return f"was killed ({signal.Signals(-code).name})"
    if said is None:
        return f"ended with code {code}"
    said.seek(0)  # type: ignore[attr-defined]  # a file
    lines = said.read().decode(errors="replace").strip().splitlines()  # type: ignore[attr-defined]
    return f"failed: {lines[-1][:300]}" if lines else f"ended with code {code}"
