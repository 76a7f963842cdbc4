"""Overview: the paradox, the paper's tables beside ours, three ways on, and the runs found."""

import shlex
from functools import partial

import streamlit as st

from app.frame import components, state
from app.frame.glossary import explained
from app.frame.state import ImageId
from app.inspector import panel, subject
from app.overview import becoming, tables
from app.overview.sentence import sentence
from app.reading import baselines, loading, presence, seeds
from app.reading.choosing import USUAL
from app.reading.view import View
from hvae.scores import everything

CARDS = (
    (
        "See the failure",
        "Rank images by likelihood alone and the wrong set looks normal.",
        "scores",
        {"score": "bound", "k": "0"},
        "Scores with −L>0 →",
    ),
    (
        "See the fix",
        "Ask what the likelihood loses when the lowest layer may not look at the image.",
        "scores",
        {"score": "llr", "k": "1"},
        "Scores with LLR>1 →",
    ),
    (
        "See why",
        "Rebuild images from the top of the hierarchy only: known things survive, unknown ones do not.",
        "reconstructions",
        {},
        "Reconstructions →",
    ),
    (
        "Score your own",
        "Is this one image unlike what the model knows? Any picture gets a verdict, and how certain it is.",
        "score_images",
        {},
        "Score images →",
    ),
)


def page() -> None:
    """Everything on the overview."""
    selection = state.selection()
    found = loading.catalogue(selection.run) if selection.run else None
    settings = found.settings(selection.data) if found else []
    own = found.find(selection.data, settings[0]) if found and settings else None
    about = own.metadata if own else None
    scores = (
        [one for one in everything(about.depth, about.preprocessing, about.task) if not one.model_free] if about else []
    )
    views, absent = (
        tables.given(found, selection.data, selection.ood, settings[0], scores) if found and own else ([], [])
    )
    bounds = tables.bounds(views)
    components.heading("Likelihood alone cannot tell what a model knows")
    _inspected(views)
    st.html(becoming.hero(explained(sentence(views, bounds))))
    if bounds:
        tables.table_1(bounds)
    _cards()
    if found is None:
        components.no_run()
        return
    presence.problems(found)
    presence.has(found, selection.data, selection.ood)
    if views or absent:
        components.section(
            "What tells them apart",
            "−L<sup>&gt;0</sup> is the likelihood bound itself. LLR<sup>&gt;k</sup> is what the bound loses when the "
            "lowest k layers come from the prior."
            if bounds
            else "Every score that this model gives.",
        )
    if slugs := [slug for one in views for slug in one.slugs[1:]]:
        tables.table_2(views, slugs[0])
        tables.every_set(views)
        seeds.fold(views[0], [one.measure for one in views], "overview")
        baselines.fold(*baselines.measured(views[0]), tables.rivals(views))
    components.left_out(absent)
    components.section("Runs", "A run is a folder that holds a trained model and its scores. Click one to look at it.")
    presence.first_runs(loading.runs(), found.run)
    components.footer(f"hvae report {shlex.quote(found.run.name)}")


def _inspected(views: list[View]) -> None:
    """The inspector, for the score that is taken unasked."""
    one = tables.usual(views, USUAL) or next(iter(views), None)
    if one is not None:
        sizes = {each.slug: len(each.scores) for each in one.sets}
        first = ImageId((one.outside or (one.inside,))[0].slug, 0)
        panel.inspect(sizes, first, partial(subject.of_view, one))


def _cards() -> None:
    for column, (title, text, page, values, label) in zip(st.columns(len(CARDS), gap="medium"), CARDS, strict=True):
        with column.container(border=True, height="stretch"):
            st.html(f'<p class="card-title">{title}</p><p class="card-text">{explained(text)}</p>')
            st.page_link(f"../pages/{page}.py", label=label, query_params=state.values(page, **values))


page()
