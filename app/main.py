"""Entry point of the dashboard: the router and the selection in the sidebar."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# `streamlit run app/main.py` puts only `app/` on the path.
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402

from app import components, sidebar, state  # noqa: E402

# Group: (file in pages/, title). The file name is the address; a page whose file is missing is left out. (A comment,
# not a docstring: Streamlit would print a bare string of the entry point on the page.)
PAGES: dict[str, list[tuple[str, str]]] = {
    "Learn": [("overview", "Overview"), ("how_it_works", "How it works"), ("reconstructions", "Reconstructions")],
    "Analyse": [("scores", "Scores"), ("features", "Features"), ("compare", "Compare")],
    "Manage": [("runs", "Runs")],
}


def pages() -> dict[str, list[st.Page]]:
    """The pages that exist, by group; the overview is the default and lives at `/`."""
    found = {
        group: [
            st.Page(ROOT / "pages" / f"{name}.py", title=title, url_path=name, default=name == "overview")
            for name, title in entries
            if (ROOT / "pages" / f"{name}.py").is_file()
        ]
        for group, entries in PAGES.items()
    }
    return {group: entries for group, entries in found.items() if entries}


st.set_page_config(
    page_title="hvae: what a hierarchical VAE knows", page_icon=str(ROOT / "assets" / "icon.svg"), layout="wide"
)
page = st.navigation(pages(), position="top")
state.begin(page.url_path)
components.style()
sidebar.draw()
notes = st.container()
with components.guarded():
    page.run()
with notes:
    state.say_notes()
