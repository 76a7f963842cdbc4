"""What a call leaves: at most `MOST_FILES` files of less than 16 MiB, and how the next call takes them up again."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

MOST_BYTES = 15 * 2**20
MOST_FILES = 4
"""Of the archive of runs; results, their page and the log are three more."""
RESUME = "resume.safetensors"


def keep(runs: Path, out: Path, unfinished: set[str]) -> list[str]:
    """Archive the runs, in parts; names of what found no room.

    What is small comes first, then weights, then what a training that is not done goes on from.
    """
    files = [path for path in sorted(runs.rglob("*")) if path.is_file() and not path.name.startswith(".run")]
    files = [path for path in files if path.name != RESUME or path.relative_to(runs).parts[0] in unfinished]
    files.sort(key=lambda path: (path.name == RESUME, path.suffix == ".safetensors", path.stat().st_size))
    room, chosen, left_out = MOST_FILES * MOST_BYTES - 20_480, [], []
    for path in files:
        size = 1536 + -(-path.stat().st_size // 512) * 512
        (chosen if size <= room else left_out).append(path)
        room -= size if size <= room else 0
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for path in chosen:
            archive.add(path, path.relative_to(runs).as_posix())
    for before in out.glob("kept.*-of-*"):
        before.unlink()
    content = whole.getvalue()
    number = max(1, -(-len(content) // MOST_BYTES))
    for part in range(number):
        (out / f"kept.{part + 1}-of-{number}").write_bytes(content[part * MOST_BYTES : (part + 1) * MOST_BYTES])
    return [path.relative_to(runs).as_posix() for path in left_out]


def take_up(source: Path, runs: Path) -> bool:
    """Put back what `keep` left in a folder, where all of its parts are there and no run is; whether it was."""
    parts = sorted(source.glob("kept.*-of-*"), key=lambda path: int(path.name.split(".")[1].split("-")[0]))
    if not parts or len(parts) != int(parts[0].name.rpartition("-")[2]) or any(runs.glob("*/config.json")):
        return False
    content = b"".join(path.read_bytes() for path in parts)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in filter(tarfile.TarInfo.isfile, archive):
            target = (runs / member.name).resolve()
            if not target.is_relative_to(runs.resolve()):
                raise ValueError(f"{member.name} in {source} leads out of the folder of runs: take that file away")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.extractfile(member).read())  # type: ignore[union-attr]  # a file, as asked above
    return True
