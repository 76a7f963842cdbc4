"""What jobs that score uploads have found, on disk: it survives a restart of the server.

One folder a job below the system's temporary folder: `settings.json`, a parquet file for each finished batch (numbers
and the images as the model takes them), one beside it for each further run that has scored the batch (numbers alone),
`refused.json` with (file, reason) of what could not be read, and `outcome.json` once the job ran to its end.
"""

import json
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import TypeAdapter
from pydantic_core import to_json

from app.server import limits
from hvae.errors import HvaeError, TableError
from hvae.files import write_atomically, write_text
from hvae.inputs import read_bytes
from hvae.parquet_files import read_parquet
from hvae.verdicts.asked import Settings

_ID = re.compile(r"[A-Za-z0-9_-]{12}")
_PIXELS = "pixels"
_MOST_BYTES = 50_000_000
"""Of a JSON file: a job of the most images may have refused every one of them."""


@dataclass(frozen=True, eq=False)
class Stored:
    """What is there of a job: one row a scored image (`name`, `changes` and the columns of a `Judge`), and the images.

    `refused` are (file, reason); `complete` is whether every run scored every image; `others` is what each further run
    says of the first images.
    """

    settings: Settings
    frame: pd.DataFrame
    images: np.ndarray
    refused: tuple[tuple[str, str], ...]
    complete: bool
    others: tuple[pd.DataFrame, ...] = ()

    def __len__(self) -> int:
        """Images scored so far."""
        return len(self.frame)


def create(job: str, settings: Settings, unfinished: Callable[[str], bool]) -> Path:
    """Make the folder of a new job, once there is room for it; see `tidy`. Raises a TableError where it may not."""
    tidy(lambda other: other == job or unfinished(other), room=1)
    own = folder(job)
    own.mkdir(mode=0o700, exist_ok=True)
    keep(own, "settings", settings)
    return own


def tidy(unfinished: Callable[[str], bool], room: int = 0) -> None:
    """Remove the results of finished jobs (by id) that are too old or, the oldest first, too many for `room` more."""
    allowed = limits.current()
    latest = time.time() - allowed.results_hours * 3600
    found = sorted(((_changed(path), path) for path in _home().iterdir() if path.is_dir()), reverse=True)
    ended = [(changed, path) for changed, path in found if not unfinished(path.name)]
    kept = max(0, allowed.results_kept - room - (len(found) - len(ended)))
    for place, (changed, path) in enumerate(ended):
        if place >= kept or changed < latest:
            shutil.rmtree(path, ignore_errors=True)


def _changed(path: Path) -> float:
    """When something was last added to a folder, in seconds; 0 for one that another process removes meanwhile."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def folder(job: str) -> Path:
    """The folder of a job that was created."""
    return _home() / job


def keep(folder: Path, name: Literal["settings", "refused", "outcome"], what: object) -> None:
    """Write what is known of a job by now."""
    write_text(folder / f"{name}.json", to_json(what, indent=2).decode())


def add(folder: Path, number: int, frame: pd.DataFrame, images: np.ndarray | None = None, place: int = 0) -> None:
    """Write a finished batch, one row an image; without images what the further run at a place, from 0, says of it."""
    name = f"also-{place:02}" if images is None else "batch"
    if images is not None:
        frame = frame.assign(**{_PIXELS: [image.tobytes() for image in images]})
    write_atomically(
        folder / f"{name}-{number:05}.parquet",
        lambda part: frame.to_parquet(part, index=False, write_page_checksum=True),
    )


def stamp(job: str) -> tuple[str, ...]:
    """What is there of a job, by file name; changes whenever a batch is added. Empty where nothing is."""
    try:
        paths = folder(job).iterdir() if _ID.fullmatch(job) else ()
        return tuple(sorted(path.name for path in paths if not path.name.startswith(".")))
    except (OSError, TableError):
        return ()


def read(job: str, newest: int = 0) -> Stored | None:
    """What is there of a job, or of its `newest` batches by run A alone; None for one that is not kept (any more).

    Raises an HvaeError of one line for damaged files, those of an older version, or a score that is not known here.
    """
    names = stamp(job)
    if "settings.json" not in names:
        return None
    own = folder(job)

    def together(prefix: str, last: int = 0) -> pd.DataFrame:
        parts = [own / name for name in names if name.startswith(prefix)][-last:]
        # A large job has hundreds of files: one frame is made of all of them, not one of each.
        tables = [read_parquet(part) for part in parts]
        return pa.concat_tables(tables).to_pandas() if parts else pd.DataFrame({"name": []})

    try:
        written = json.loads(read_bytes(own / "settings.json", _MOST_BYTES))
        if "score" not in written:
            raise TableError("the results of this job were kept by an older version: score the images again")
        settings = Settings.model_validate(written)
        frame = together("batch-", newest)
        refused = read_bytes(own / "refused.json", _MOST_BYTES) if "refused.json" in names else "[]"
        pixels = b"".join(frame.pop(_PIXELS) if len(frame) else ())
        images = np.frombuffer(pixels, np.uint8).reshape(-1, *settings.image_shape)
        others = tuple(together(f"also-{place:02}-") for place in range(0 if newest else len(settings.also)))
        columns = ["name", *(one.label for one in settings.levels)]
        for found, needed in ((frame, columns), *((one, []) for one in others)):
            # A KeyError where what was scored lacks a column.
            _ = found.loc[:0, [*needed, "p", "p_low", "p_high"]] if len(found) else None
        listed = TypeAdapter(tuple[tuple[str, str], ...]).validate_json(refused)
    except HvaeError:
        raise
    # Parquet, JSON and pydantic each have errors of their own, for files that somebody else changed.
    except Exception as error:
        problem = f"the results of this job are damaged ({type(error).__name__}): score the images again"
        raise TableError(problem) from None
    return Stored(settings, frame, images, listed, "outcome.json" in names, others)


def titled(settings: Settings) -> str:
    """What a job is about, in words."""
    return f"{settings.source} through {settings.run}{f' and {len(settings.also)} more' if settings.also else ''}"


def title(job: str) -> str:
    """The same of a job that is kept, by what was written down of it."""
    try:
        return titled(Settings.model_validate_json(read_bytes(folder(job) / "settings.json", _MOST_BYTES)))
    except (HvaeError, OSError, ValueError):
        return "Scored images"


def _home() -> Path:
    """Folder of all jobs, for this user alone. Raises a TableError where something else is in its place."""
    home = Path(tempfile.gettempdir()) / "hvae-jobs"
    try:
        home.mkdir(mode=0o700, exist_ok=True)
        about = home.lstat()
    except OSError as error:
        raise TableError(f"results cannot be kept in {home}: {error.strerror}") from None
    # Anybody may write to the folder for temporary files: one made by somebody else is not trusted.
    if not stat.S_ISDIR(about.st_mode) or (hasattr(os, "getuid") and about.st_uid != os.getuid()):
        raise TableError(f"results cannot be kept in {home}: it belongs to somebody else")
    return home
