import inspect
import sys

import streamlit as st
from starlette.middleware import Middleware

from app.images import served
from app.server import access, cores, limits
from app.server.door import Door
from hvae.datasets import data_root
from hvae.errors import ConfigError
from hvae.runs.folders import run_roots

# isort: split
# What every page needs, pandas, pyarrow, plotly and scipy.stats among it, is imported while the server starts, not
# while the first visitor waits.
from app import sidebar  # noqa: F401
from app.figures import aurocs, curves, densities, profile  # noqa: F401
from app.inspector import panel  # noqa: F401

# Streamlit asks once where a page was called from. Python then looks for the file of every module, which takes longer
# than to draw a page, and remembers them.
inspect.stack()

try:
    limits.current()
    run_roots()
    data_root()
except ConfigError as error:
    sys.exit(f"error: {error}")
access.bound_uploads()
cores.take_long_turns()

app = st.App("app/main.py", routes=[served.route()], middleware=[Middleware(Door, names=access.own_names())])
