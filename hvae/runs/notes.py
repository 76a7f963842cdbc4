"""Notes and tags that people put on images: `notes.json` in the folder of the run they were looking at.

It travels with the run: bundles and imports take it along. It is read as carefully as a file from outside: bounded,
every key and character checked, and text is never markup. Imports no torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout
from pydantic import Field, StringConstraints, ValidationError

from hvae.config import Frozen
from hvae.datasets import LOOSE, content_index
from hvae.errors import DataError
from hvae.files import read_json, write_text

NOTES_FILE = "notes.json"
MAXIMUM_BYTES = 4_000_000
MAXIMUM_NOTES = 5_000
MAXIMUM_TEXT, MAXIMUM_TAGS, MAXIMUM_TAG = 10_000, 12, 40
"""Characters of a note, tags of an image, characters of a tag."""
COLUMNS = ("image", "tags", "note", "changed")

_UNSEEN = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
"""Control characters but tab and line feed, and what turns the direction of text."""
_PRINTABLE, _HIDDEN = rf"^[^{_UNSEEN}]*$", rf"[{_UNSEEN}\n\t]"

Key = Annotated[str, StringConstraints(pattern=r"^[\w-]{1,120}:[\w-]{1,64}$")]
"""`<slug>:<image>`: the number of an image in its set, or the hash of one that is in none."""
Text = Annotated[str, StringConstraints(max_length=MAXIMUM_TEXT, pattern=_PRINTABLE)]
Tag = Annotated[
    str, StringConstraints(min_length=1, max_length=MAXIMUM_TAG, pattern=_PRINTABLE.replace("[^", r"[^,\n\t"))
]


class Note(Frozen):
    """What somebody said about one image."""

    text: Text = ""
    tags: Annotated[tuple[Tag, ...], Field(max_length=MAXIMUM_TAGS)] = ()
    changed: Annotated[str, StringConstraints(pattern=r"^[\d:TZ-]{0,20}$")] = ""
    """When, ISO 8601 in UTC."""


class _Notes(Frozen):
    schema_version: Literal[1] = 1
    notes: Annotated[dict[Key, Note], Field(max_length=MAXIMUM_NOTES)]


def note_key(image: np.ndarray) -> str:
    """What the note on an image `(channel, height, width)` uint8 that is in no set goes by: its content."""
    return f"{LOOSE}:{content_index(image)}"


def read_notes(run: Path) -> dict[str, Note]:
    """Every note of a run's folder by its image, `<slug>:<image>`; empty where there is none.

    Raises:
        DataError: a damaged file.
    """
    found = read_json(run / NOTES_FILE, _Notes, MAXIMUM_BYTES, "mend or remove it")
    return found.notes if found else {}


def write_note(run: Path, slug: str, image: int | str, text: str, tags: Iterable[str]) -> None:
    """Put a note on an image in place of the one before; nothing said and no tag takes it away.

    Raises:
        DataError: text or tags beyond the bounds, too many notes, a damaged file, or somebody else writing.
        HvaeError: a folder that cannot be written.
    """
    key, now = f"{slug}:{image}", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    tags = tuple(dict.fromkeys(filter(None, (tag.strip() for tag in tags))))
    text = text.replace("\r\n", "\n").strip()
    try:
        note = Note(text=text, tags=tags, changed=now)
    except ValidationError:
        raise DataError(f"this note cannot be kept: {_wrong(text, tags)}") from None
    try:
        with FileLock(run / f".{NOTES_FILE}.lock", timeout=2):
            notes = read_notes(run)
            notes.pop(key, None)
            if note.text or note.tags:
                notes[key] = note
            _write(run, notes)
    except Timeout:
        raise DataError(f"somebody else is writing the notes of {run.name}: try again") from None
    except OSError as error:
        raise DataError(f"the notes of {run.name} cannot be written ({error.strerror}): check the folder") from None


def _wrong(text: str, tags: Sequence[str]) -> str:
    """What is wrong with a note and what to do, in words."""
    said = []
    if len(text) > MAXIMUM_TEXT:
        said.append(f"it has {len(text):,} characters, at most {MAXIMUM_TEXT:,} characters fit, so shorten it")
    if found := hidden_in(text, keeping="\n\t"):
        said.append(f"its text holds {found}")
    if len(tags) > MAXIMUM_TAGS:
        said.append(f"it has {len(tags)} tags, at most {MAXIMUM_TAGS} fit, so remove some")
    for tag in tags:
        if found := hidden_in(tag):
            said.append(f"a tag holds {found}")
        elif len(tag) > MAXIMUM_TAG:
            named = f"the tag '{tag[:20]}…' has {len(tag)} characters"
            said.append(f"{named}, at most {MAXIMUM_TAG} fit, so shorten it or write it into the note")
        elif "," in tag:
            said.append(f"the tag '{tag}' holds a comma, so make it two")
    return "; ".join(said[:3]) or "it is no text, so type it anew"


def hidden_in(text: str, keeping: str = "") -> str:
    """The first character of a text that nobody can see and that is not to be kept, in words; empty without one."""
    found = next((one for one in text if one not in keeping and re.match(_HIDDEN, one)), None)
    if found is None:
        return ""
    return f"a character that cannot be seen or turns the direction of text (U+{ord(found):04X}), so type it anew"


def _write(run: Path, notes: dict[str, Note]) -> None:
    try:
        content = _Notes(notes=notes).model_dump_json(indent=1) + "\n"
    except ValidationError:
        # Else the image is none that a page shows: nobody can do anything about that.
        full = f"{run.name} keeps {MAXIMUM_NOTES:,} notes at most: remove some first"
        raise DataError(full if len(notes) > MAXIMUM_NOTES else f"{run.name} keeps no note on such an image") from None
    if len(content.encode()) > MAXIMUM_BYTES:
        raise DataError(f"{run.name} has no room for this note: all together may take {MAXIMUM_BYTES:,} bytes")
    write_text(run / NOTES_FILE, content)


def table(notes: dict[str, Note]) -> pd.DataFrame:
    """Notes as `COLUMNS`, one row an image in the order of sets and numbers; tags are separated by commas."""
    ordered = sorted(
        notes.items(), key=lambda item: [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", item[0])]
    )
    rows = [(key, ", ".join(note.tags), note.text, note.changed) for key, note in ordered]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def noted(frame: pd.DataFrame, notes: dict[str, Note], images: Iterable[str]) -> pd.DataFrame:
    """A table of images, `<slug>:<image>` one a row, with `tags` and `note` behind its columns where one has any."""
    found = [notes.get(key, Note()) for key in images]
    if not any(note.text or note.tags for note in found):
        return frame
    return frame.assign(tags=[", ".join(note.tags) for note in found], note=[note.text for note in found])
