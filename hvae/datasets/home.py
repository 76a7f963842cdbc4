"""Where data sets live on this machine."""

import os
from pathlib import Path


def data_root() -> Path:
    """Folder of the data sets: ``$HVAE_DATA``, else ``hvae/data`` in the user's cache folder (not created here)."""
    if configured := os.environ.get("HVAE_DATA"):
        return Path(configured).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache).expanduser() if cache else Path.home() / ".cache") / "hvae" / "data"
