"""Facts about the weights of a run that need no torch, read again only when the file changes."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import streamlit as st

from hvae.errors import HvaeError
from hvae.results import RunEntry
from hvae.tensor_files import read_header


def parameters(run: RunEntry) -> int | None:
    """How many there are, by the header of the file; None where there is none to read."""
    return _parameters(*_seen(run)) if _path(run).is_file() else None


def sha256(run: RunEntry) -> str:
    """Digest of the file; empty where there is none."""
    return _sha256(*_seen(run)) if _path(run).is_file() else ""


def _path(run: RunEntry) -> Path:
    return run.path / "model.safetensors"


def _seen(run: RunEntry) -> tuple[str, int, int]:
    """The file as it is now."""
    status = _path(run).stat()
    return str(_path(run)), status.st_mtime_ns, status.st_size


@st.cache_data(max_entries=256, show_spinner=False)
def _parameters(path: str, written: int, size: int) -> int | None:
    try:
        return sum(math.prod(tensor.shape) for tensor in read_header(Path(path)).values())
    except HvaeError:
        return None


@st.cache_data(max_entries=64, show_spinner=False)
def _sha256(path: str, written: int, size: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
