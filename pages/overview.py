"""Overview: the paradox, the paper's tables beside ours, three ways on, and the runs found."""

import streamlit as st

from app.frame import components, state
from app.looks.palette import look
from app.overview import tables as overview_tables
from app.reading import loading, measures, numbers
from app.reading.measures import Measure
from hvae.errors import TableError
from hvae.runs.score_tables import ScoreTable, TableKey

CARDS = (
    (
        "See the failure",
        "Rank images by likelihood alone and the wrong set looks normal.",
        "scores",
        {"score": "L", "k": "0"},
        "Scores with −L>0 →",
    ),
    (
        "See the fix",
        "Ask what the likelihood loses when the lowest layer may not look at the image.",
        "scores",
        {"score": "LLR", "k": "1"},
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
    inside, outside, notes = _tables() if run else (None, {}, [])
    components.heading("Likelihood alone cannot tell what a model knows", _sentence(inside, outside))
    _cards()
    if run is None:
        components.no_run()
        return
    for note in notes:
        components.problem(note)
    if run.config is None:
        components.problem(f"{run.name}: {run.problem}. Choose another run in the sidebar.")
    elif inside is None:
        components.missing(
            f"{run.name} has no scores of {look(selection.data).title} yet: nothing to set beside the paper's.",
            f"hvae score {run.name} --data {' --data '.join((selection.data, *selection.ood))}",
        )
    if inside is not None:
        own, table = inside
        tables = {slug: other for slug, (_, other) in outside.items()}
        components.section(
            "The paradox in numbers",
            f"Measured with {components.escape(run.name)}. A set marked “more likely” has a HIGHER mean likelihood "
            "than the images the model was trained for.",
        )
        overview_tables.table_1(table, tables, selection.data)
        components.section(
            "What tells them apart",
            "−L<sup>&gt;0</sup> is the likelihood bound itself. LLR<sup>&gt;k</sup> is what the bound loses when the "
            "lowest k layers come from the prior.",
        )
        if outside:
            setting = measures.settings(loading.tables(run), selection.data)[0]
            first = next(iter(outside.values()))[0]
            overview_tables.table_2(loading.tables(run), setting, own, first, table.metadata.depth)
            keys = {slug: key for slug, (key, _) in outside.items()}
            overview_tables.every_set(own, keys, selection.data, table.metadata.depth)
    components.section("Runs", "Folders with a configuration, in HVAE_RUNS and beside the code.")
    overview_tables.runs_table(loading.runs())
    components.footer(f"hvae report {run.name}")


Found = tuple[TableKey, ScoreTable]


def _tables() -> tuple[Found | None, dict[str, Found], list[str]]:
    """(in-distribution table, OOD tables by slug, what could not be read) under the first setting there is."""
    selection = state.selection()
    assert selection.run is not None
    keys = loading.tables(selection.run)
    settings = measures.settings(keys, selection.data)
    found: dict[str, Found] = {}
    notes = []
    for slug in (selection.data, *selection.ood) if settings else ():
        try:
            if key := measures.find(keys, slug, settings[0]):
                found[slug] = (key, loading.table(key))
        except TableError as error:
            notes.append(str(error))
    inside = found.pop(selection.data, None)
    if inside is None:
        return None, {}, notes
    depth = inside[1].metadata.depth
    return inside, {slug: one for slug, one in found.items() if one[1].metadata.depth == depth}, notes


def _sentence(inside: Found | None, outside: dict[str, Found]) -> str:
    """The paradox in one sentence, with this run's numbers where it shows it."""
    if inside is None or not outside:
        return (
            "A generative model can give images of another kind a higher likelihood than the images it was trained on; "
            "a hierarchical VAE can notice, because its upper layers carry what the images have in common."
        )
    own, table = inside
    bits = {slug: overview_tables.mean_bits(other, 0) for slug, (_, other) in outside.items()}
    inner = overview_tables.mean_bits(table, 0)
    slug = next((slug for slug in bits if bits[slug] < inner), min(bits, key=bits.__getitem__))
    # k = 1 whatever the data: the best k would be a choice that looks at OOD images.
    ratio = numbers.auroc(own, outside[slug][0], Measure("LLR", 1)).value
    first, other = look(own.slug).title, look(slug).title
    if bits[slug] >= inner:
        return (
            f"This model finds none of the chosen sets more likely than {first}; {other} comes nearest with "
            f"{bits[slug]:.3f} against {inner:.3f} bits per dimension."
        )
    return (
        f"Trained for {first}, this model finds <b>{other} more likely than {first} itself</b> ({bits[slug]:.3f} "
        f"against {inner:.3f} bits per dimension, lower is likelier), and yet its hierarchy, "
        f"asked by LLR<sup>&gt;1</sup>, tells the two apart in {100 * ratio:.0f} of 100 pairs."
    )


def _cards() -> None:
    for column, (title, text, page, values, label) in zip(st.columns(len(CARDS), gap="medium"), CARDS, strict=True):
        with column.container(border=True, height="stretch"):
            st.html(f'<p class="card-title">{title}</p><p class="card-text">{text}</p>')
            st.page_link(f"../pages/{page}.py", label=label, query_params=state.values(page, **values))


page()
