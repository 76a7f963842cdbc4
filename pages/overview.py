"""Overview: the paradox, the paper's tables beside ours, three ways on, and the runs found."""

import shlex

import streamlit as st

from app.frame import components, state
from app.looks.palette import look
from app.looks.wording import asked_for, literal
from app.overview import scores as overview_scores
from app.overview import tables as overview_tables
from app.overview.scores import Given
from app.reading import loading, progress, view

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
    run = selection.run
    found = loading.catalogue(run) if run else None
    given = overview_scores.given(found, selection.data, selection.ood) if found else None
    components.heading("Likelihood alone cannot tell what a model knows", _sentence(given))
    _cards()
    if run is None or found is None:
        components.no_run()
        return
    for line in found.problems:
        components.problem(line)
    if run.config is None:
        components.problem(f"{run.name}: {run.problem}. Choose another run in the sidebar.")
    elif given is None:
        sets = " --data ".join(asked_for(slug, run.path) for slug in (selection.data, *selection.ood))
        components.missing(
            f"{run.name} has no scores of {look(selection.data).title} yet: nothing to set beside the paper's.",
            f"hvae score {shlex.quote(run.name)} --data {sets}",
        )
    if given is not None:
        _scores(given, run.name)
    components.section("Runs", "Folders with a configuration, in HVAE_RUNS and beside the code.")
    progress.runs_table(loading.runs())
    components.footer(f"hvae report {shlex.quote(run.name)}")


def _scores(given: Given, run: str) -> None:
    """What the tables of a run say, and which scores they do not give."""
    if given.bounds:
        components.section(
            "The paradox in numbers",
            f"Measured with {components.escape(run)}. A set marked “more likely” has a HIGHER mean likelihood "
            "than the images the model was trained for.",
        )
        overview_tables.table_1(given.bounds)
    components.section(
        "What tells them apart",
        "−L<sup>&gt;0</sup> is the likelihood bound itself. LLR<sup>&gt;k</sup> is what the bound loses when the "
        "lowest k layers come from the prior.",
    )
    if given.slugs:
        overview_tables.table_2(given.views, given.slugs[0], given.more)
        overview_tables.every_set(given.views)
    for line in given.absent:
        st.caption(literal(line))


def _sentence(given: Given | None) -> str:
    """The paradox in one sentence, with this run's numbers where it shows it."""
    if given is None or not given.bounds or not given.bounds[0].outside:
        return (
            "A generative model can give images of another kind a higher likelihood than the images it was trained on; "
            "a hierarchical VAE can notice, because its upper layers carry what the images have in common."
        )
    bound = given.bounds[0]
    bits = {one.slug: overview_tables.mean_bits(one) for one in bound.outside}
    inner = overview_tables.mean_bits(bound.inside)
    slug = next((slug for slug in bits if bits[slug] < inner), min(bits, key=bits.__getitem__))
    first, other = look(bound.inside.slug).title, look(slug).title
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
    ratio = given.usual("llr")
    outside = next((one for one in ratio.outside if one.slug == slug), None) if ratio else None
    if ratio is None or outside is None:
        return f"{said}."
    apart = view.auroc(ratio.inside, outside).value
    return (
        f"{said}, and yet its hierarchy, asked by {ratio.measure.symbol}, tells the two apart in {100 * apart:.0f} of "
        "100 pairs."
    )


def _cards() -> None:
    for column, (title, text, page, values, label) in zip(st.columns(len(CARDS), gap="medium"), CARDS, strict=True):
        with column.container(border=True, height="stretch"):
            st.html(f'<p class="card-title">{title}</p><p class="card-text">{text}</p>')
            st.page_link(f"../pages/{page}.py", label=label, query_params=state.values(page, **values))


page()
