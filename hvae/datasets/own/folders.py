"""Every file below a folder, links included, and a reason for whatever is left out: nothing is passed over in silence.

Each real folder is read once, however many links lead to it, so that links in a circle end and no image is read again
under another folder's name.
"""

import errno
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hvae.datasets.own.names import readable_name

_LITTER = ("thumbs.db", "desktop.ini", "__macosx")
"""What systems leave in folders, hidden from people there."""
_MOST_NAMED = 5


@dataclass(frozen=True)
class Entry:
    """Something below a folder, named by its path within it: a file to be read, or what is left out and why."""

    name: str
    path: Path | None = None
    refused: str = ""
    """Why a file or folder cannot be read."""
    passed: str = ""
    """Why something is left out by design, and nothing is missed by it."""


def files_below(folder: Path) -> Iterator[Entry]:
    """Everything below a folder: files of a folder by name, then its folders, at last those that links lead to.

    Links are followed where they lead to a place within the folder, or from a snapshot of a model hub's cache to the
    files that it is made of. Hidden files and folders are left out.
    """
    roots, seen, hidden = _roots(folder), dict[str, str](), list[str]()
    plain, linked = [("", str(folder))], deque[tuple[str, str]]()
    while plain or linked:
        prefix, place = plain.pop() if plain else linked.popleft()
        real, title = os.path.realpath(place), readable_name(prefix.rstrip("/")) or "the folder itself"
        if real in seen:
            yield Entry(title, passed=f"the same folder as {seen[real]}, which is read once")
            continue
        seen[real] = title
        try:
            with os.scandir(place) as listing:
                found = sorted(listing, key=lambda one: one.name)
        except OSError as error:
            yield Entry(title, refused=f"a folder that cannot be opened ({error.strerror})")
            continue
        below = []
        hub = {"blobs", "refs", "snapshots"} <= {one.name for one in found}
        for one in found:
            name = prefix + one.name
            if is_hidden(one.name):
                hidden.append(readable_name(name))
            elif hub and one.name == "blobs":
                yield Entry(readable_name(name), passed="the files that the links of its snapshots lead to")
            elif one.is_symlink():
                entry = _followed(name, one.path, roots)
                if entry.path and entry.path.is_dir():
                    linked.append((f"{name}/", one.path))
                else:
                    yield entry
            elif one.is_dir(follow_symlinks=False):
                below.append((f"{name}/", one.path))
            else:
                yield Entry(readable_name(name), Path(one.path))
        plain += reversed(below)
    if hidden:
        yield hidden_together(hidden)


def is_hidden(name: str) -> bool:
    """Whether a path `a/b`, or a single name, is of what systems hide from people."""
    return any(
        one.lower() in _LITTER or (one.startswith(".") and one not in (".", "..")) for one in PurePosixPath(name).parts
    )


def hidden_together(names: Sequence[str]) -> Entry:
    """What is said of everything hidden in one place."""
    more = ", ..." if len(names) > _MOST_NAMED else ""
    return Entry(f"{len(names):,} hidden", passed=", ".join(names[:_MOST_NAMED]) + more)


def _roots(folder: Path) -> list[str]:
    """Real places that links below a folder may lead into."""
    real = Path(os.path.realpath(folder))
    roots = [str(real)]
    for parent in (real, *real.parents):
        if parent.name == "snapshots" and (parent.parent / "blobs").is_dir():
            roots.append(str(parent.parent / "blobs"))
    return roots


def _followed(name: str, link: str, roots: list[str]) -> Entry:
    """What a link leads to."""
    shown, real = readable_name(name), os.path.realpath(link)
    try:
        os.stat(link)
    except OSError as error:
        why = "a link in a circle" if error.errno == errno.ELOOP else f"a link that leads nowhere ({error.strerror})"
        return Entry(shown, refused=why)
    if not any(os.path.commonpath([root, real]) == root for root in roots):
        return Entry(shown, refused="a link that leads out of the folder: name the folder it leads to")
    return Entry(shown, Path(link))
