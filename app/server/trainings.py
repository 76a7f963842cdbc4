"""Trainings begun in the browser: each a `hvae train` process of its own, one at a time, that outlives this server.

`.training` in the first folder of runs holds a folder a training (`asked.json`, `progress.json`, `log.txt`, and what
was uploaded as `.npz`) and a lock. The process inherits the lock, so the system frees it whenever and however that
process ends, and no two servers or people train at once.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from app.server import access, limits
from hvae.config import Frozen
from hvae.errors import HvaeError
from hvae.files import LOCK_FILE, write_text
from hvae.inputs import opened, read_bytes
from hvae.runs.folders import is_resumable, run_roots
from hvae.runs.states import is_written

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
LOG_BYTES = 20_000
"""Read of the end of a log."""
_TRIES, _PAUSE = 4, 0.1
"""A look at the lock holds it for microseconds, which must not turn a training away."""

Stage = Literal["reading", "training", "scoring", "done", "stopped", "failed"]


class Busy(HvaeError):
    """A training runs already."""


class Asked(Frozen):
    """What a training was begun with."""

    run: str
    preset: str
    data: str
    title: str
    """What was given, in words."""
    epochs: int
    size: int | None = None
    began: float = 0.0
    """Seconds since 1970."""
    pid: int = 0


@dataclass(frozen=True)
class Training:
    """A training as it stands: whether its process lives, how far it is and what was wrong."""

    asked: Asked
    folder: Path
    """Of the run."""
    running: bool
    stage: Stage
    step: int
    steps: int
    images_per_second: float
    problem: str

    @property
    def resumable(self) -> bool:
        """Whether it ended before everything was done."""
        return not self.running and self.stage != "done"


def possible() -> bool:
    """Whether this system has the locks that a training needs (Windows has not)."""
    return sys.platform != "win32"


def home() -> Path:
    """The folder of all trainings, not created here."""
    return run_roots()[0].absolute() / ".training"


def folder_of(run: str) -> Path:
    """The folder of one training, for what it is trained on."""
    return home() / run


def busy() -> str:
    """The run that is being trained now; empty where none is."""
    if not is_written(home()):
        return ""
    try:
        return read_bytes(home() / LOCK_FILE, LOG_BYTES).decode().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def known() -> list[Asked]:
    """Every training whose run is there or being made, the newest first."""
    found = [_asked(path.parent.name) for path in home().glob("*/asked.json")]
    return sorted((one for one in found if one), key=lambda one: one.began, reverse=True)


def find(run: str) -> Training | None:
    """A training by the name of its run; None for one that is not known."""
    if (asked := _asked(run)) is None:
        return None
    running, told = busy() == run, _told(run)
    stage, problem = told.get("stage", "reading"), str(told.get("problem") or "")
    if not running and stage in ("reading", "training", "scoring"):
        stage, problem = "stopped", problem or _last_error(run)
    # How to go on is said to whoever types commands; here is a button.
    problem = re.split(r",? then (?:continue with|run the same command)", problem)[0]
    numbers = {name: told.get(name) or 0 for name in ("step", "steps", "images_per_second")}
    return Training(asked, run_roots()[0].absolute() / run, running, stage, problem=problem, **numbers)


def check_name(run: str) -> None:
    """Refuse a name that is none, or taken."""
    if not NAME.fullmatch(run):
        raise HvaeError("a name has letters, digits, - and _, at most 60 of them, and begins with a letter or digit")
    if any((root / run).exists() for root in run_roots()) or _asked(run):
        raise HvaeError(f"there is a run called {run} already: choose another name")


def check_room() -> None:
    """Refuse a training where the disk is all but full."""
    place = next(path for path in (home(), *home().parents) if path.exists())
    least, free = limits.current().training_free_mib, shutil.disk_usage(place).free // 2**20
    if free < least:
        raise HvaeError(f"{free:,} MiB are free on the disk of the runs, {least:,} are needed: free some space")


def command(asked: Asked) -> list[str]:
    """What `hvae` is called with."""
    size = [] if asked.size is None else ["--size", str(asked.size)]
    return ["train", asked.preset, "--data", asked.data, *size, "--epochs", str(asked.epochs), "--then-score"]


def start(asked: Asked) -> None:
    """Begin a training, or continue the one of that name that stopped.

    Raises:
        Busy: another one runs.
        HvaeError: a read-only server, a disk that is full, or a file that cannot be written.
    """
    access.check_writing()
    check_room()
    own = folder_of(asked.run)
    try:
        own.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(home() / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HvaeError(f"a training cannot be kept in {own}: {error.strerror}") from None
    try:
        _hold(lock)
        # Until the new name stands there, nothing is that of a training which lives.
        os.ftruncate(lock, 0)
        _remember(asked, own, lock)
    except OSError as error:
        raise HvaeError(f"the training cannot be begun: {error.strerror}") from None
    finally:
        os.close(lock)


def _remember(asked: Asked, own: Path, lock: int) -> None:
    """Launch a training and write down which; it ends at once where that cannot be written."""
    process = _launch(asked, own, lock)
    try:
        write_text(own / "asked.json", asked.model_copy(update={"pid": process.pid}).model_dump_json())
        os.pwrite(lock, asked.run.encode(), 0)
    except BaseException:
        process.kill()
        raise


def stop(run: str) -> None:
    """Ask a training to end: the step under way is finished, and what was learnt is kept."""
    access.check_writing()
    # Only the holder of the lock wrote its name into it, so the number is that of a living process.
    if busy() == run and (asked := _asked(run)):
        os.kill(asked.pid, signal.SIGTERM)


def _hold(lock: int) -> None:
    import fcntl

    for _ in range(_TRIES):
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE)
    raise Busy(f"{busy() or 'another run'} is being trained, and one is trained at a time: wait for it or stop it")


def _launch(asked: Asked, own: Path, lock: int) -> subprocess.Popen[bytes]:
    """The process, which holds the lock from now on."""
    folder = run_roots()[0].absolute() / asked.run
    (own / "progress.json").unlink(missing_ok=True)
    further = ["--resume"] if is_resumable(folder) else []
    further += ["--run", str(folder), "--device", "cpu", "--hours", str(limits.current().training_hours)]
    whole = [*command(asked), *further, "--progress", str(own / "progress.json")]
    nice = ["nice", "-n", "10"] if shutil.which("nice") else []
    # One thread: the other cores are for those who judge.
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with (own / "log.txt").open("ab") as log:
        log.write(f"$ hvae {shlex.join(whole)}\n".encode(errors="replace"))
        log.flush()
        process = subprocess.Popen(
            [*nice, sys.executable, "-m", "hvae", *whole],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
            pass_fds=(lock,),
        )
    threading.Thread(target=process.wait, name="training", daemon=True).start()
    return process


def _asked(run: str) -> Asked | None:
    try:
        return (
            Asked.model_validate_json(read_bytes(folder_of(run) / "asked.json", LOG_BYTES))
            if NAME.fullmatch(run)
            else None
        )
    except (OSError, ValidationError):
        return None


def _told(run: str) -> dict:
    try:
        told = json.loads(read_bytes(folder_of(run) / "progress.json", LOG_BYTES))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _last_error(run: str) -> str:
    """The last error in the log since the training was begun or continued last; empty for none."""
    try:
        with opened(folder_of(run) / "log.txt") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LOG_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    said = re.findall(r"^(?:error: |\w*Error: )(.*)", text.rpartition("$ hvae ")[2], re.M)
    return said[-1] if said else ""
