"""Saved views as they lie on disk: `views.json` in the folder of runs. No Streamlit.

A view is the name of a page and what its address asks for. The file is read as carefully as one from outside; what a
page makes of an address is checked there, as that of any link.
"""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qs

from filelock import FileLock, Timeout
from pydantic import Field, StringConstraints, ValidationError

from app.frame import registry
from hvae.config import Frozen
from hvae.errors import DataError
from hvae.files import read_json, write_text
from hvae.runs.folders import run_roots
from hvae.runs.notes import hidden_in

FILE = "views.json"
MAXIMUM_BYTES, MAXIMUM_VIEWS, MAXIMUM_NAME = 500_000, 100, 60

Name = Annotated[
    str, StringConstraints(min_length=1, max_length=MAXIMUM_NAME, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e]+$")
]


class View(Frozen):
    """A page and the query of its address."""

    page: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]
    query: Annotated[str, StringConstraints(max_length=4_000, pattern=r"^[!-~]*$")]

    @property
    def runs(self) -> list[str]:
        """Names of the runs that it shows."""
        asked = parse_qs(self.query)
        return [name for key in ("run", "versus", "also") for name in asked.get(key, []) if name != "none"]


class _Views(Frozen):
    schema_version: Literal[1] = 1
    views: Annotated[dict[Name, View], Field(max_length=MAXIMUM_VIEWS)]


def folder() -> Path:
    """The folder of runs: `HVAE_RUNS`, never the bundled one."""
    return run_roots()[0]


def read() -> dict[str, View]:
    """Every saved view by its name, in the order saved. Raises a DataError where the file is damaged."""
    found = read_json(folder() / FILE, _Views, MAXIMUM_BYTES, "mend or remove it")
    return {name: view for name, view in (found.views if found else {}).items() if view.page in registry.names()}


def write(name: str, view: View | None) -> None:
    """Save a view under a name in place of one before, or remove it where it is None. Raises an HvaeError of a line."""
    name, kept = name.strip(), {}
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with FileLock(folder() / f".{FILE}.lock", timeout=2):
            kept = {one: known for one, known in read().items() if one != name}
            views = _Views(views=kept | ({name: view} if view else {}))
            write_text(folder() / FILE, views.model_dump_json(indent=1) + "\n")
    except ValidationError:
        raise DataError(f"this view cannot be saved: {_wrong(name, len(kept))}") from None
    except Timeout:
        raise DataError("somebody else is saving a view: try again") from None
    except OSError as error:
        raise DataError(f"no view can be saved in {folder()} ({error.strerror}): check the folder") from None


def _wrong(name: str, others: int) -> str:
    """What is wrong with a name, or with one more view, and what to do."""
    if not name:
        return "it has no name yet, so type one first"
    if found := hidden_in(name):
        return f"its name holds {found}"
    if len(name) > MAXIMUM_NAME:
        return f"its name has {len(name)} characters, at most {MAXIMUM_NAME} fit, so shorten it"
    return f"there are {others} saved views, as many as are kept, so remove one first"


def view_of(page: str, address: str) -> View:
    """The view of a page at an address. Raises a DataError where the address is too long."""
    try:
        return View(page=page, query=address.partition("?")[2])
    except ValidationError:
        raise DataError("this view cannot be saved: its address is too long, so choose fewer sets or images") from None
