"""Importing a run: from a path on this computer, or from an uploaded zip archive.

It runs in a process of its own: a file made to crash or exhaust a reader takes no dashboard with it.
"""

import logging
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from app.frame import components
from app.server import access, limits
from app.server.queue import duration
from hvae.runs.folders import run_roots

logger = logging.getLogger(__name__)

COMMAND = "hvae runs import PATH_OR_ZIP"


class Outcome(NamedTuple):
    """How an import ended: the name of the new run, None where it was refused; why, or what was left out."""

    run: str | None
    lines: tuple[str, ...]


def bring(source: Path, name: str, options: Sequence[str] = ()) -> Outcome:
    """Import a run folder or archive with `hvae runs import`, under its own name if empty. Raises a Refused."""
    access.check_writing()
    patience = limits.current().import_seconds
    named = [f"--name={name}"] if name else []
    command = [sys.executable, "-m", "hvae", "runs", "import", *options, *named, "--", str(source)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=patience)
    except subprocess.TimeoutExpired:
        return Outcome(None, (f"The import took longer than {duration(patience)} and was stopped.",))
    except ValueError:
        return Outcome(None, ("No file or folder can have such a name.",))
    if done.returncode == 0:
        return Outcome(Path(done.stdout.strip()).name, tuple(re.findall(r"^note: (.*)", done.stderr, re.M)))
    if reasons := tuple(re.findall(r"^error: (.*)", done.stderr, re.M)):
        return Outcome(None, reasons)
    logger.error("an import failed: %s", done.stderr[-2000:])
    return Outcome(None, ("Something unexpected went wrong with the import. The log of the server says what.",))


def section() -> None:
    """The section for imports."""
    components.section(
        "Import a run",
        "Takes a run that somebody passed on: its folder, or a zip archive of it. Every file is checked before the "
        "run shows: weights have to fit the configuration, tables and learning curve have to hold what they "
        "should, and anything else in it is refused. The state of an unfinished training is neither copied nor "
        "read, so that an imported run can be scored and looked at, but not trained further.",
    )
    _say_outcome()
    if not access.may_write():
        st.info(
            f"{access.READ_ONLY} So no run is imported here. Whoever runs the dashboard can import one on its computer:"
        )
        st.code(COMMAND, language="bash")
        return
    paths, uploads = access.may_name_paths(), access.may_upload()
    columns = st.columns(2, gap="medium") if paths and uploads else [st.container()]
    if paths:
        with columns[0].form("import-path", border=True):
            path = st.text_input("Folder or zip archive on this computer", placeholder="/path/to/run")
            name = st.text_input("Name of the new run (optional)", key="_path_name", max_chars=80)
            if st.form_submit_button("Import from path") and path.strip():
                with st.spinner("Checking and copying the run"):
                    _finish(bring(Path(path.strip()).expanduser(), name.strip()))
    if uploads:
        with columns[-1].form("import-upload", border=True):
            limit = limits.current().upload_mib_per_file
            upload = st.file_uploader(f"Zip archive, {limit} MB at most", type=["zip"], max_upload_size=limit)
            name = st.text_input("Name of the new run (optional)", key="_upload_name", max_chars=80)
            if st.form_submit_button("Import upload") and upload is not None:
                stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(upload.name).stem).strip("-")[:80] or "imported"
                most = limits.current().import_unpacked_mib * 2**20
                with st.spinner("Checking and unpacking the run"), tempfile.TemporaryDirectory() as folder:
                    archive = Path(folder) / f"{stem}.zip"
                    archive.write_bytes(upload.getvalue())
                    _finish(bring(archive, name.strip(), [f"--max-bytes={most}"]))
    else:
        st.info(access.NO_UPLOADS)
    if not paths:
        st.caption("Others may reach this dashboard, so it opens no paths. On its computer:")
        st.code(COMMAND, language="bash")


def _finish(outcome: Outcome) -> None:
    """Keep the outcome and draw the page again, so that the new run stands in the sidebar."""
    st.session_state["_imported"] = outcome
    st.rerun()


def _say_outcome() -> None:
    outcome: Outcome | None = st.session_state.pop("_imported", None)
    if outcome is None:
        return
    if outcome.run is None:
        st.error("The run was refused, and nothing of it was kept:")
    else:
        st.success(f"Imported as `{outcome.run}` into `{run_roots()[0].name}`.")
    if outcome.lines:
        st.code("\n".join(outcome.lines), language=None, wrap_lines=True)
    if outcome.run:
        # A link to the page one is on keeps the selection; a button may change it.
        st.button(f"Look at {outcome.run}", on_click=st.session_state.update, args=({"run": outcome.run},))
