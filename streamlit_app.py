import ast
import inspect
import sys

import pandas as pd
import streamlit as st
from PIL import Image
from starlette.middleware import Middleware
from streamlit.dataframe_util import convert_pandas_df_to_arrow_bytes

from app.figures.layout import subplots
from app.frame import registry
from app.images import served
from app.looks.palette import run_look
from app.server import access, cores, limits
from app.server.door import Door
from hvae.datasets import data_root
from hvae.errors import ConfigError
from hvae.runs.folders import find_runs, run_roots

try:
    limits.current()
    run_roots()
    data_root()
except ConfigError as error:
    sys.exit(f"error: {error}")
access.bound_uploads()
cores.take_long_turns()
cores.share_one_heap()


def get_ready() -> None:
    """Do what every first visitor of a page would wait for else: while the server starts nobody does."""
    # What the pages and the router name on top of them, pandas, pyarrow, plotly and scipy.stats among it, never torch.
    for path in (registry.FOLDER.parent / "app" / "main.py", *registry.FOLDER.glob("*.py")):
        for line in ast.parse(path.read_bytes()).body:
            if isinstance(line, ast.ImportFrom):
                __import__(line.module or "", fromlist=[one.name for one in line.names])
    # Each loads its parts when they are needed first: figures, pictures, tables, the kinds of models.
    figure = subplots(rows=1, cols=1)
    figure.add(run_look(0, ""), pd.Series([0]), [0], width=1, size=1, clicked=(1, 1))
    figure.add_hline(0, annotation_text="")
    figure.to_json()
    Image.preinit()
    convert_pandas_df_to_arrow_bytes(pd.DataFrame({"number": [0.0], "text": [""]}))
    find_runs()
    # Streamlit asks once where a page was called from. Python then looks for the file of every module, which takes
    # longer than to draw a page, and remembers them.
    inspect.stack()


get_ready()

app = st.App(
    "app/main.py",
    routes=[served.route(), registry.home(served.base())],
    middleware=[Middleware(Door, names=access.own_names())],
)
