import sys

import streamlit as st

# pandas, pyarrow, plotly and scipy.stats are imported while the server starts, not while the first visitor waits.
from app.figures import aurocs, curves, densities, profile  # noqa: F401
from app.server import access, cores, limits
from hvae.errors import ConfigError
from hvae.runs import folders  # noqa: F401
from hvae.stats import conformal  # noqa: F401

try:
    limits.current()
except ConfigError as error:
    sys.exit(f"error: {error}")
access.bound_uploads()
cores.take_long_turns()

app = st.App("app/main.py")
