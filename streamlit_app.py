import sys

import streamlit as st

from app import access, cores, limits

# pandas, pyarrow, plotly and scipy.stats are imported while the server starts, not while the first visitor waits.
from app.figures import densities, levels, profile, roc  # noqa: F401
from hvae import conformal, results  # noqa: F401
from hvae.errors import ConfigError

try:
    limits.current()
except ConfigError as error:
    sys.exit(f"error: {error}")
access.bound_uploads()
cores.take_long_turns()

app = st.App("app/main.py")
