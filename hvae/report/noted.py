"""What people noted on the images of runs, as a table of a report."""

from collections.abc import Iterable

import pandas as pd

from hvae.errors import DataError
from hvae.runs.folders import RunEntry
from hvae.runs.notes import read_notes, table

NOTES = "notes"
"""Name of the table; it is of run folders, the others of a report are of scores."""


def note_table(runs: Iterable[RunEntry]) -> tuple[pd.DataFrame, list[str]]:
    """(one row a note: `run` and the columns of `hvae.runs.notes.table`, a line for each damaged file)."""
    frames: list[pd.DataFrame] = []
    problems: list[str] = []
    for run in runs:
        try:
            found = table(read_notes(run.path))
        except DataError as error:
            problems.append(str(error))
            continue
        found.insert(0, "run", run.name)
        frames.append(found)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(), problems
