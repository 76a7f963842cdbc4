"""Overview: the paradox, the paper's tables beside ours, three ways on, and the runs found."""

import shlex
from collections.abc import Sequence
from functools import partial

import streamlit as st

from app.frame import components, state
from app.frame.glossary import explained
from app.frame.state import ImageId
from app.inspector import panel, subject
from app.overview import becoming, tables
from app.overview.sentence import sentence, unchosen
from app.reading import baselines, loading, presence, seeds, view
from app.reading.choosing import USUAL
from app.reading.view import View
from hvae.runs.folders import RunEntry
from hvae.scores import everything

Card = tuple[str, str, str, dict[str, str], str]
"""Title, text (HTML), page, what is chosen there, and what the link says."""


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
    _cards(selection.run, views, bounds)
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


def _cards(run: RunEntry | None, views: Sequence[View], bounds: Sequence[View]) -> None:
    """Ways on, each true of the run chosen and leading to what it has."""
    found = tables.nearest(bounds)
    slug, fooled = (found[0], found[1] < found[2]) if found else (None, True)
    first = [] if views and not bounds else [_likelihood(fooled)]
    cards = [*first, *_score(views, slug, fooled), _why(run), _own(run)]
    for column, (title, text, page, values, label) in zip(st.columns(len(cards), gap="medium"), cards, strict=True):
        with column.container(border=True, height="stretch"):
            st.html(f'<p class="card-title">{title}</p><p class="card-text">{explained(text)}</p>')
            st.page_link(f"../pages/{page}.py", label=label, query_params=state.values(page, **values))


def _likelihood(fooled: bool) -> Card:
    asked = {"score": "bound", "k": "0"}
    if fooled:
        text = "Rank images by likelihood alone and the wrong set looks normal."
        return "See the failure", text, "scores", asked, "Scores with −L>0 →"
    text = "Rank images by likelihood alone: here none of the chosen sets looks more normal than the model's own."
    return "See the likelihood", text, "scores", asked, "Scores with −L>0 →"


def _score(views: Sequence[View], slug: str | None, fooled: bool) -> list[Card]:
    """The score that mends the failure; where none does that no OOD image chose, another one that the run has."""
    asked = unchosen(views)
    mends = next((one for one in asked if slug and (view.reached(one, slug) or 0) >= view.TELLS), None)
    others = (one for one in tables.rivals(views).values() if one.measure.score.name != "bound")
    one = mends or next(iter(asked), None) or next(others, None)
    if one is None:
        return []
    score = one.measure.score
    title = "See the fix" if mends and fooled else "See its scores"
    text = "Ask what the likelihood loses when the lowest layer may not look at the image."
    values = {"score": score.name} | ({} if score.k is None else {"k": str(score.k)})
    text = text if score.name == USUAL else score.about
    return [(title, text, "scores", values, f"Scores with {score.label} →")]


def _why(run: RunEntry | None) -> Card:
    if run is None or run.obstacle("reconstruct") is None:
        text = "Rebuild images from the top of the hierarchy only: known things survive, unknown ones do not."
        return "See why", text, "reconstructions", {}, "Reconstructions →"
    text = "Why should unfamiliar images be likely? Six short steps, each a question to guess at first."
    return "See why", text, "paradox", {}, "Why likelihood fails →"


def _own(run: RunEntry | None) -> Card:
    text = "Is this one image unlike what the model knows? Any picture gets a verdict, and how certain it is."
    if run is not None and not run.has_weights:
        text = "Any picture gets a verdict. This run is here without its weights: choose another in the sidebar first."
    return "Score your own", text, "score_images", {}, "Score images →"


page()
