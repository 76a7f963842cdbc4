"""What people have said about one image, and a form that changes it. Text is shown as text, whatever it holds."""

from collections.abc import Iterable

import pandas as pd
import streamlit as st

from app.frame import components
from app.frame.caching import of_file
from app.looks.wording import literal
from app.server import access
from hvae.errors import HvaeError
from hvae.runs import notes
from hvae.runs.folders import RunEntry
from hvae.runs.notes import MAXIMUM_TAGS, MAXIMUM_TEXT, NOTES_FILE, Note


def panel(run: RunEntry, slug: str, image: int | str) -> None:
    """Note and tags of one image of a set under a run, `image` its number or a hash; draw it beside the image."""
    try:
        note = of(run).get(f"{slug}:{image}", Note())
    except HvaeError as error:
        components.problem(str(error))
        return
    st.html(_shown(note))
    if not access.may_write():
        st.caption(f"{access.READ_ONLY} No notes can be added.")
        return
    key = f"note-{run.name}-{slug}-{image}"
    title = "Change the note" if note.changed else "Add a note or tags"
    with st.expander(title, expanded=not note.changed, key=key), st.form(f"{key}-form", border=False):
        # Of a box with a most number of characters a longer text that is pasted vanishes without a word.
        room = f"At most {MAXIMUM_TEXT:,} characters."
        text = st.text_area("Note", note.text, key=f"{key}-text", height=80, help=room)
        about = f"At most {MAXIMUM_TAGS}, separated by commas."
        tags = st.text_input("Tags", ", ".join(note.tags), key=f"{key}-tags", help=about)
        saved = st.form_submit_button("Save note")
    if saved:
        try:
            access.check_writing()
            notes.write_note(run.path, slug, image, text, tags.split(","))
        except HvaeError as error:
            components.problem(str(error))
            return
        st.rerun()


def of(run: RunEntry) -> dict[str, Note]:
    """All notes of a run, read again when they have changed. Raises a DataError where they are damaged."""
    return of_file("notes", run.path / NOTES_FILE, lambda path: notes.read_notes(path.parent)) or {}


def beside(run: RunEntry, frame: pd.DataFrame, images: Iterable[str]) -> pd.DataFrame:
    """A table of images, `<slug>:<image>` one a row, with what is noted of them; as it is where notes are damaged."""
    try:
        return notes.noted(frame, of(run), images)
    except HvaeError:
        return frame


def listing(run: RunEntry) -> None:
    """Every note of a run as a table, with the way to its image; nothing where there is none."""
    try:
        found = of(run)
    except HvaeError as error:
        components.problem(str(error))
        return
    if not found:
        st.info("No image of this run has a note yet. Open an image on Scores or Compare to add one.")
        return
    components.numbers(notes.table(found), f"notes-{run.name}", key="notes-table")
    st.caption(
        f"Notes are kept in {literal(NOTES_FILE)} in the run's folder. They travel with it when it is "
        "bundled or imported."
    )


def _shown(note: Note) -> str:
    """Tags and text in HTML, both escaped."""
    tags = " ".join(components.mark(tag, "plain") for tag in note.tags)
    text = components.escape(note.text).replace("\n", "<br>")
    parts = (f'<p class="prose note" tabindex="0">{part}</p>' for part in (tags, text) if part)
    return "".join(parts) or '<p class="prose">No note.</p>'
