"""The selection in the sidebar of every page: two runs, the in-distribution set and the OOD sets."""

import streamlit as st

from app.frame import jobs, state
from app.frame.controls import choose, choose_many, choose_set
from app.frame.state import NO_RUN, Selection
from app.looks.palette import titles
from app.looks.wording import literal, quoted
from app.reading import loading
from app.saved import listing
from app.server import trainings
from app.training import following
from hvae.datasets import available, is_known, names_for
from hvae.datasets.conversions import parse_name
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import table_paths


def draw(page: str) -> Selection:
    """Draw the selection in the sidebar of a page and return it; below it the saved views."""
    found = loading.runs()
    with st.sidebar:
        chosen = _selection(found) if found else _nothing()
        jobs.follow()
        jobs.badge()
        _training(page)
        listing.draw(page, [entry.name for entry in found])
    state.select(chosen)
    return chosen


def _training(page: str) -> None:
    """The way to the model that is being trained now; a link to the page one is on would lead nowhere."""
    if not (run := trainings.busy()):
        return
    label = f"{literal(run)} is being trained →"
    if page == "train":
        st.button(label, key="see-training", type="tertiary", on_click=following.look_at, args=(run,))
    else:
        st.page_link("../pages/train.py", label=label, query_params=state.values("train", training=run))


def _nothing() -> Selection:
    for key in state.SELECTION_KEYS:
        for asked in state.take(key):
            state.note(key, f"The address asks for {key} `{quoted(asked)}`, but there is no run here.")
    st.caption("No run found. Train one with `hvae train`, or point `HVAE_RUNS` at a folder of runs.")
    return Selection(None, None, "fashionmnist", ("mnist",))


def _selection(found: list[RunEntry]) -> Selection:
    by_name = {entry.name: entry for entry in found}
    # The sound run with the most score tables of the first folder that has one: one's own before bundled ones. A run
    # without any, such as one that is being trained, would leave the pages of everybody empty.
    sound = [entry for entry in found if entry.config is not None] or found
    tables = {entry.name: len(table_paths(entry.path)) for entry in sound}
    scored = [entry for entry in sound if tables[entry.name]] or sound
    beside = [entry for entry in scored if entry.path.parent == scored[0].path.parent]
    telling = max(beside, key=lambda entry: tables[entry.name])
    about = "The model whose scores, reconstructions and features the pages show."
    name = choose("Model (run A)", "run", list(by_name), telling.name, select=True, help=about, on_change=_follow_run)
    about = "A second model, shown beside run A where a page compares two."
    versus = choose(
        "Second model (run B)", "versus", [NO_RUN, *(one for one in by_name if one != name)], select=True, help=about
    )
    own, sets, scored = sets_of(by_name[name])
    about = "The data set that counts as normal: usually the one run A was trained on."
    data = choose_set("Familiar images (in-distribution)", "data", sets, own, width=None, help=about)
    others, first = ([slug for slug in some if slug != data] for some in (sets, scored))
    ood = choose_many("Unfamiliar images (OOD)", "ood", others, first, named=titles(sets))
    return Selection(by_name[name], by_name.get(versus), data, ood)


def sets_of(run: RunEntry) -> tuple[str, list[str], list[str]]:
    """(own set, every set one may ask for, other sets with score tables) of a run; its own first."""
    found = loading.catalogue(run)
    scored = found.sets()
    # Those that are converted for the model come last.
    names = names_for(run.config.model.image_shape if run.config else (1, 28, 28))
    known = sorted(names, key=lambda name: parse_name(name)[1] is not None)
    unknown = sorted(set(scored) - set(known))
    own = found.own or (run.config.data.name if run.config else known[0])
    sets = [own, *(slug for slug in (*known, *unknown) if slug != own)]
    # Those whose images are here come first, so that whoever has fetched nothing sees pictures all the same.
    shown = [slug for slug in sets if slug in scored and slug != own]
    return own, sets, sorted(shown, key=lambda slug: not (is_known(slug) and available(slug))) or [sets[1]]


def _follow_run() -> None:
    """Run A was changed by hand: the sets become those of the new run."""
    for entry in loading.runs():
        if entry.name == st.session_state["run"]:
            st.session_state["data"], _, st.session_state["ood"] = sets_of(entry)


def say_gone(selection: Selection, names: list[str]) -> None:
    """Note which run shown a moment ago is not among `names` any more, and what is shown instead."""
    for key, label, shown in (("gone", "run", selection.run), ("gone-versus", "run B", selection.versus)):
        before = st.session_state.get(f"_shown_{key}")
        if before and before not in names:
            instead = f"Showing `{quoted(shown.name)}`; choose another in the sidebar." if shown else "None is shown."
            state.note(key, f"The {label} `{quoted(before)}` is gone: deleted, moved or renamed. {instead}")
        st.session_state[f"_shown_{key}"] = shown.name if shown else None
