"""Runs a command again and again, each time with one call of the file system denied; `deny.c` has to be loaded first.

    LD_PRELOAD=deny.so python -m tests.hvae.denied PLACE TEMPLATE COMMAND...

`PLACE` is made anew from `TEMPLATE` before each try, and calls below it are counted. Prints one JSON object a line,
first of all for the command undisturbed: the number of the call, its kind (o open to read, c open to write, r read, w
write, m mkdir, n rename), the exit code, what was printed, and what was left that is no whole file.
"""

import contextlib
import ctypes
import io
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np  # noqa: F401
import pyarrow.parquet as pq
import torch

import hvae.cli
import hvae.measuring.measure
import hvae.report
import hvae.training.trainer  # noqa: F401
from hvae.errors import HvaeError
from hvae.files import read_sealed
from hvae.parquet_files import read_parquet
from hvae.runs.tensor_files import BYTES, read_header

PATIENCE = 120
SHIM = ctypes.CDLL(None)
SHIM.denied_kinds.restype = ctypes.c_char_p


def main(place: Path, template: Path, command: list[str]) -> None:
    """Count the calls of a command that may make all of them, then deny each."""
    torch.set_num_threads(1)
    whole = attempt(0, place, template, command)
    print(json.dumps(whole), flush=True)
    kinds = whole["kinds"]
    for number in range(1, len(kinds) + 1):
        found = attempt(number, place, template, command)
        print(json.dumps(found | {"number": number, "kinds": kinds[number - 1]}), flush=True)


def attempt(number: int, place: Path, template: Path, command: list[str]) -> dict:
    """What becomes of a command in a process of its own when its call of this number is denied, none for 0."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(template, place)
    answer = place.with_name(f"{place.name}.answer")
    if (child := os.fork()) == 0:
        signal.alarm(PATIENCE)
        answer.write_text(json.dumps(_run(number, place, command)))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    found = json.loads(answer.read_text()) if status == 0 else {"code": -status, "said": "", "kinds": ""}
    answer.unlink(missing_ok=True)
    return found | {"broken": [str(path.relative_to(place)) for path in place.rglob("*") if not is_whole(path)]}


def _run(number: int, place: Path, command: list[str]) -> dict:
    said, code = io.StringIO(), 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        SHIM.deny(os.fsencode(place), number)
        try:
            hvae.cli.app(command)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException as error:
            said.write(f"Traceback: {error!r}")
        made = SHIM.denied_of()
        SHIM.deny(b"", 0)
    return {"code": code, "said": said.getvalue(), "kinds": SHIM.denied_kinds().decode()[:made]}


def is_whole(path: Path) -> bool:
    """Whether a file can be read to its end as what its name says."""
    if path.is_dir() or path.name == ".lock":
        return True
    try:
        if path.suffix == ".json" and ".partial" not in path.parts:
            json.loads(path.read_text())
        elif path.suffix == ".parquet":
            read_parquet(path) if "scores" in path.parts else pq.read_table(path)
        elif path.suffix == ".safetensors":
            read_header(path, BYTES | {"I64": 8})
        elif path.suffix == ".chunk" or ".partial" in path.parts:
            return read_sealed(path, 2**30) is not None
        return path.suffix != ".part"
    except (HvaeError, OSError, ValueError):
        return False


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
