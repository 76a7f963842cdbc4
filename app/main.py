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
from app.inspector import panel  # noqa: E402
from app.looks import palette  # noqa: E402
from app.looks.wording import quoted  # noqa: E402
from app.reading import loading  # noqa: E402
from app.server import access, cores, limits  # noqa: E402
from hvae.datasets import data_root  # noqa: E402
from hvae.errors import ConfigError  # noqa: E402
from hvae.runs.folders import run_roots  # noqa: E402
from hvae.runs.images.sources import known_labels  # noqa: E402

st.set_page_config(page_icon=str(ROOT / "assets" / "icon.svg"), layout="wide")
try:
    limits.current()
    run_roots()
    data_root()
except ConfigError as error:
    # `streamlit_app.py` does not even start then; `streamlit run app/main.py` comes here.
    components.problem(str(error))
    st.stop()
access.bound_uploads()
cores.take_long_turns()
pages = [
    st.Page(registry.FOLDER / f"{one.name}.py", title=one.title, url_path=one.name, default=one.name == registry.HOME)
    for one in registry.there()
]
page = st.navigation(pages, position="top")
st.logo(str(ROOT / "assets" / "logo.svg"), icon_image=str(ROOT / "assets" / "icon.svg"), size="large")
state.begin(page.url_path)
glossary.begin()
st.html(components.STYLE_SHEET)
with st.container(key="unseen-scripts"):
    st.html(components.SCRIPTS, unsafe_allow_javascript=True)
runs = loading.look()
palette.name_sets(known_labels(entry.path for entry in runs))
chosen = sidebar.draw(page.url_path)
# Tabs are told apart by it. Only now is known which run is shown, so nothing names another one before.
st.set_page_config(page_title=" · ".join([page.title, *([quoted(chosen.run.name)] if chosen.run else []), "hvae"]))
sidebar.say_gone(chosen, [entry.name for entry in runs])
notes = st.container(key="notes")
with components.guarded():
    page.run()
    panel.late()
components.copy_link()
with notes:
    state.say_notes()
