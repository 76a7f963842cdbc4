"""A microscope for hierarchical variational autoencoders that detect out-of-distribution images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hvae.api import LoadedRun

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def load(run: str | Path) -> LoadedRun:
    """A trained run by its name or folder, ready to score, judge and rebuild images; see `hvae.api.LoadedRun`.

    Raises:
        HvaeError: no such run, or a damaged one.
    """
    from hvae import api

    return api.load(run)
