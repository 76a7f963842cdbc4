import streamlit as st

# What every page needs is imported while the server starts, not while the first visitor waits.
from app import components, one_image, score_checks, score_figures  # noqa: F401

app = st.App("app/main.py")
