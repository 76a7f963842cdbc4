"""`hvae app`: the dashboard of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

import hvae
from hvae.errors import HvaeError

CHECKOUT = Path(hvae.__file__).resolve().parents[1]
ENTRY = "streamlit_app.py"


def dashboard(port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to serve on.")] = 8501) -> None:
    """Open the dashboard on the runs found here."""
    if not (CHECKOUT / ENTRY).is_file():
        raise HvaeError(
            f"{CHECKOUT} has no {ENTRY}: the dashboard runs from a checkout of the repository, not from a wheel"
        )
    from hvae.runs.folders import run_roots

    # Streamlit reads its settings from the folder it starts in; paths are meant relative to where the user is.
    environment = {"GOMP_SPINCOUNT": "0", **os.environ, "HVAE_RUNS": str(run_roots()[0].resolve())}
    if limits := os.environ.get("HVAE_LIMITS"):
        environment["HVAE_LIMITS"] = str(Path(limits).expanduser().resolve())
    command = [sys.executable, "-m", "streamlit", "run", ENTRY, "--server.port", str(port)]
    raise typer.Exit(subprocess.run(command, cwd=CHECKOUT, env=environment).returncode)
