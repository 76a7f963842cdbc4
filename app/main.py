"""Entry point of the dashboard: the router and the selection in the sidebar."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# `streamlit run app/main.py` puts only `app/` on the path.
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402

from app import sidebar  # noqa: E402
from app.frame import components, glossary, registry, state  # noqa: E402
from app.looks import palette  # noqa: E402
from app.reading import loading  # noqa: E402
from app.server import access, cores, limits  # noqa: E402
from hvae.errors import ConfigError  # noqa: E402
from hvae.runs.folders import run_roots  # noqa: E402
from hvae.runs.sources import known_labels  # noqa: E402

st.set_page_config(
    page_title="hvae: what a hierarchical VAE knows", page_icon=str(ROOT / "assets" / "icon.svg"), layout="wide"
)
try:
    limits.current()
    run_roots()
except ConfigError as error:
    # `streamlit_app.py` does not even start then; `streamlit run app/main.py` comes here.
    components.problem(str(error))
    st.stop()
access.bound_uploads()
cores.take_long_turns()
pages = {
    group: [
        st.Page(registry.FOLDER / f"{name}.py", title=title, url_path=name, default=name == registry.HOME)
        for name, title in entries
    ]
    for group, entries in registry.groups().items()
}
page = st.navigation(pages, position="top")
state.begin(page.url_path)
glossary.begin()
st.html(components.STYLE_SHEET)
runs = loading.runs()
palette.name_sets(known_labels(entry.path for entry in runs))
sidebar.say_gone(sidebar.draw(), [entry.name for entry in runs])
notes = st.container()
with components.guarded():
    page.run()
components.copy_link()
with notes:
    state.say_notes()
