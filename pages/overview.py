"""Overview: the paradox, the paper's tables beside ours, three ways on, and the runs found."""

import shlex

import streamlit as st

from app.frame import components, state
from app.frame.glossary import explained
from app.looks.palette import look
from app.overview import tables
from app.reading import baselines, loading, presence, seeds, view
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
        "Is THIS image unlike what the model knows? A verdict with its uncertainty, for any picture.",
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
    components.heading("Likelihood alone cannot tell what a model knows", _sentence(views, bounds))
    _cards()
    if found is None:
        components.no_run()
        return
    presence.problems(found)
    presence.has(found, selection.data, selection.ood)
    if bounds:
        components.section(
            "The paradox in numbers",
            f"Measured with {components.escape(found.run.name)}. A set marked “more likely” has a HIGHER mean "
            "likelihood than the images the model was trained for.",
        )
        tables.table_1(bounds)
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
    components.section("Runs", "Folders with a configuration, in HVAE_RUNS and beside the code.")
    presence.runs_table(loading.runs())
    components.footer(f"hvae report {shlex.quote(found.run.name)}")


def _sentence(views: list[View], bounds: list[View]) -> str:
    """The paradox in one sentence, with this run's numbers where it shows it."""
    if not bounds or not bounds[0].outside:
        return (
            "A generative model can give images of another kind a higher likelihood than the images it was trained on; "
            "a hierarchical VAE can notice, because its upper layers carry what the images have in common."
        )
    bits = {one.slug: one.scores.mean() for one in bounds[0].sets}
    own = bounds[0].inside.slug
    inner = bits.pop(own)
    slug = next((slug for slug in bits if bits[slug] < inner), min(bits, key=bits.__getitem__))
    first, other = look(own).title, look(slug).title
    if bits[slug] >= inner:
        return (
            f"This model finds none of the chosen sets more likely than {first}; {other} comes nearest with "
            f"{bits[slug]:.3f} against {inner:.3f} bits per dimension."
        )
    said = (
        f"Trained for {first}, this model finds <b>{other} more likely than {first} itself</b> ({bits[slug]:.3f} "
        f"against {inner:.3f} bits per dimension, lower is likelier)"
    )
    # The usual level whatever the data: the best k would be a choice that looks at OOD images.
    ratio = tables.usual(views, "llr")
    outside = next((one for one in ratio.outside if one.slug == slug), None) if ratio else None
    if ratio is None or outside is None:
        return f"{said}."
    return (
        f"{said}, and yet its hierarchy, asked by {ratio.measure.symbol}, tells the two apart in "
        f"{100 * view.auroc(ratio.inside, outside).value:.0f} of 100 pairs."
    )


def _cards() -> None:
    for column, (title, text, page, values, label) in zip(st.columns(len(CARDS), gap="medium"), CARDS, strict=True):
        with column.container(border=True, height="stretch"):
            st.html(f'<p class="card-title">{title}</p><p class="card-text">{explained(text)}</p>')
            st.page_link(f"../pages/{page}.py", label=label, query_params=state.values(page, **values))


page()
