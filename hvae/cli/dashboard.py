"""`hvae app`: the dashboard, of the checkout or of an installed wheel."""

import os
import signal
import subprocess
import sys
from typing import Annotated

import typer

from hvae.errors import HvaeError
from hvae.files import DASHBOARD
from hvae.inputs import absolute, named_path

ENTRY = "streamlit_app.py"
PATHS = ("HVAE_DATA", "HVAE_LIMITS", "TMPDIR")
"""Variables that name a file or folder, beside `HVAE_RUNS`."""


def dashboard(port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to serve on.")] = 8501) -> None:
    """Open the dashboard on the runs found here."""
    if not (DASHBOARD / ENTRY).is_file():
        raise HvaeError(f"{DASHBOARD} has no {ENTRY}: install hvae again, or run from a whole checkout")
    from hvae.runs.folders import run_roots

    # Streamlit reads its settings from the folder it starts in, which holds the dashboard's own; the user's paths are
    # meant relative to where the user is.
    environment = {"GOMP_SPINCOUNT": "0", **os.environ, "HVAE_RUNS": str(absolute(run_roots()[0]))}
    for name in PATHS:
        if (path := named_path(name)) is not None:
            environment[name] = str(absolute(path))
    command = [sys.executable, "-m", "streamlit", "run", ENTRY, "--server.port", str(port)]
    with subprocess.Popen(command, cwd=DASHBOARD, env=environment) as server:
        # Who stops this command, as a service manager does, means the server.
        signal.signal(signal.SIGTERM, lambda *_: server.terminate())
        raise typer.Exit(server.wait())
