"""How one's own images are prepared, as a part of their name: ``folder:PATH#invert,fit=crop``.

A name alone brings the same pixels again, wherever it is remembered: in a config, a table, a command to copy.
"""

import os
import re
from dataclasses import fields
from pathlib import Path

from hvae.datasets.own.outside import Treatment
from hvae.errors import DataError


def prepared_name(name: str, how: Treatment) -> str:
    """The name of a set of one's own prepared as `how` says, whatever its name said before."""
    kind, _, path = name.partition(":")
    words = _words(how)
    return f"{kind}:{split_path(path)[0]}" + (f"#{words}" if words else "")


def split_path(path: str) -> tuple[str, str]:
    """The path of a name without what says how its images are prepared, and that; a file called so is itself."""
    place, mark, words = path.rpartition("#")
    if not (mark and place and words) or on_disk(path).exists():
        return path, ""
    return (place, words) if all(_field(word) for word in words.split(",")) else (path, "")


def place_of(name: str) -> Path:
    """Where the images of a ``folder:PATH`` or ``npz:PATH`` are."""
    return on_disk(split_path(name.partition(":")[2])[0])


def on_disk(text: str) -> Path:
    """The path that a text names, in which bytes that are no UTF-8 are written as `readable_name` has them."""
    path = Path(text).expanduser()
    if "\\x" not in text or path.exists():
        return path
    content = re.sub(rb"\\x([0-9a-f]{2})", lambda match: bytes([int(match[1], 16)]), os.fsencode(text))
    other = Path(os.fsdecode(content)).expanduser()
    return other if other.exists() else path


def treatment_of(words: str, image_shape: tuple[int, int, int]) -> Treatment:
    """What the words of a name say; `DataError` for another word."""
    found: dict[str, object] = {}
    for word in filter(None, words.split(",")):
        name, _, value = word.partition("=")
        if not _field(word):
            raise DataError(f"images cannot be prepared by {word!r}: write {', '.join(_usage())}")
        found[name] = tuple(value.split("+")) if isinstance(_DEFAULTS[name], tuple) else value or True
    return Treatment(image_shape, **found)  # type: ignore[arg-type]


_DEFAULTS = {one.name: one.default for one in fields(Treatment) if isinstance(one.default, bool | str | tuple)}


def _field(word: str) -> bool:
    """Whether a word is a field of a treatment: a switch alone, anything else with a value."""
    name, _, value = word.partition("=")
    return name in _DEFAULTS and bool(value) != isinstance(_DEFAULTS[name], bool)


def _words(how: Treatment) -> str:
    asked = {name: getattr(how, name) for name, default in _DEFAULTS.items() if getattr(how, name) != default}
    return ",".join(
        name if value is True else f"{name}={'+'.join(value) if isinstance(value, tuple) else value}"
        for name, value in asked.items()
    )


def _usage() -> list[str]:
    return [name if isinstance(default, bool) else f"{name}=..." for name, default in _DEFAULTS.items()]
