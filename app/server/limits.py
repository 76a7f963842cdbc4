"""What the dashboard allows, from one file: sizes, counts, times, and whether anything may be written. No Streamlit.

`limits.toml` of the checkout, or the file that `HVAE_LIMITS` names. It is read once: a server keeps its limits until it
is started again. Bounds that keep a decoder safe whatever a visitor may do (pixels, members of an archive) are not
here: they stand in `hvae` beside what they guard.
"""

import errno
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, ValidationError

from hvae.config import Frozen, first_problem
from hvae.errors import ConfigError
from hvae.inputs import named_path, read_bytes

VARIABLE = "HVAE_LIMITS"
FILE = Path(__file__).resolve().parents[2] / "limits.toml"
MOST_BYTES = 2**16
"""Of the file itself: a device or a disk image named by mistake is not read to its end."""


class Limits(Frozen):
    """The limits of a server; the unit stands in the name (MiB, seconds, hours, else a count)."""

    model_config = ConfigDict(strict=True)

    read_only: bool = False
    """Nothing is written to a folder of runs."""
    uploads: bool = True
    """Visitors may give files."""
    import_paths: bool = True
    """A run may be imported from a path, where only this computer reaches the server."""
    hosts: Annotated[list[Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_-]{1,253}$")]], Field(max_length=100)] = []
    """Names beside localhost that visitors reach this server under."""
    upload_mib_per_file: Annotated[int, Field(ge=1, le=512)] = 64
    upload_mib_together: Annotated[int, Field(ge=1, le=4096)] = 128
    upload_mib_under_way: Annotated[int, Field(ge=1, le=65_536)] = 512
    """Of all files that are arriving at one time."""
    images_per_job: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    jobs_waiting: Annotated[int, Field(ge=1, le=1000)] = 20
    jobs_remembered: Annotated[int, Field(ge=1, le=10_000)] = 50
    job_seconds: Annotated[int, Field(ge=1, le=604_800)] = 14_400
    """That a job may run."""
    results_kept: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Jobs whose scored images are kept."""
    results_hours: Annotated[int, Field(ge=1, le=8760)] = 168
    """That they are kept, counted from their last image."""
    import_unpacked_mib: Annotated[int, Field(ge=1, le=3072)] = 256
    """Of an uploaded archive of a run."""
    import_seconds: Annotated[int, Field(ge=1, le=86_400)] = 600
    training: bool = True
    """Models may be trained from the browser, one at a time, where runs may be written."""
    training_images: Annotated[int, Field(ge=10, le=200_000)] = 50_000
    """That a model may be trained on."""
    training_hours: Annotated[int, Field(ge=1, le=720)] = 24
    """After which a training stops; it can be continued."""
    training_free_mib: Annotated[int, Field(ge=1, le=1_000_000)] = 500
    """Free on the disk before a training is begun."""


def current() -> Limits:
    """The limits of this server. Raises a ConfigError of one line that names the file and the key."""
    return read(named_path(VARIABLE))


@lru_cache(maxsize=8)
def read(path: Path | None) -> Limits:
    """The limits of a file, or of the checkout; what it does not name keeps its default. Raises as `current` does."""
    if path is None and not FILE.is_file():
        return Limits()
    path = path or FILE
    try:
        return Limits.model_validate(tomllib.loads(read_bytes(path, MOST_BYTES).decode()))
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise ConfigError(f"limits {path}: {error.strerror}, so it is no file of limits") from None
        raise ConfigError(f"limits {path}: {error.strerror}; {VARIABLE} names the file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"limits {path}: no TOML file: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise ConfigError(f"limits {path}: {first_problem(error)}") from None
