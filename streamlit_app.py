import streamlit as st

# pandas, pyarrow, plotly and scipy.stats are imported while the server starts, not while the first visitor waits.
from app.figures import densities, levels, profile, roc  # noqa: F401
from hvae import conformal, results  # noqa: F401

app = st.App("app/main.py")
