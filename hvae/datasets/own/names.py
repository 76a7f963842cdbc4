"""Names of files from outside as text: whatever bytes somebody chose, fit to be kept, shown and printed."""

import os
import unicodedata
from pathlib import Path

MAX_NAME = 4_096
"""Longest name that is kept, that of a path; `cut` shortens it where it is shown."""
MAX_SHOWN = 120
MAX_PATH = 400


def readable_name(path: str | Path) -> str:
    r"""A path as text: bytes that are no UTF-8 as ``\xff``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def shown_name(name: str, most: int = MAX_NAME) -> str:
    """A file name fit to be shown: no control or text-direction characters, 1 to `most` characters."""
    return printable(name, most) or "(no name)"


def cut(name: str, most: int = MAX_SHOWN) -> str:
    """A name shortened in the middle, for display alone."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[1 - most // 2 :]}"


def printable(text: str, most: int) -> str:
    """Text without control or text-direction characters and line ends, shortened in the middle."""
    plain = (
        one if one == " " or unicodedata.category(one)[0] not in "CZ" else "\N{REPLACEMENT CHARACTER}"
        for one in cut(text, most)
    )
    return "".join(plain)
