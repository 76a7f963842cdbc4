"""Named configurations: the paper's models, CPU-size ones, and a tiny one for tests."""

from __future__ import annotations

import difflib

from hvae.config import RunConfig
from hvae.errors import ConfigError
from hvae.presets.colour import COLOUR
from hvae.presets.grey import GREY

_PRESETS = {config.preset: config for config in (*GREY, *COLOUR)}


def names() -> list[str]:
    """Names of all presets."""
    return list(_PRESETS)


def preset(name: str) -> RunConfig:
    """The configuration of that name.

    Raises:
        ConfigError: no such preset, with the closest names.
    """
    if name in _PRESETS:
        return _PRESETS[name]
    close = difflib.get_close_matches(name, _PRESETS, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(close)}?" if close else f"the presets are {', '.join(_PRESETS)}"
    raise ConfigError(f"there is no preset '{name}': {hint}")
