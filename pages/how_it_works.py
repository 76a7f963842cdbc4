"""How it works: switch a layer from the image to the prior, and watch the rebuilt image and the bound change."""

from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.frame import components, state
from app.how_it_works import controls, diagram, terms
from app.how_it_works.lab import asking, shown
from app.how_it_works.lab.asking import Asked
from app.how_it_works.switches import Switches, computed_with
from app.images import sources
from app.images.mosaic import table_html
from app.inspector import panel
from app.inspector.subject import of_whole
from app.looks.palette import look
from app.reading import loading
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable
from hvae.runs.settings import Setting

# (Comments, not docstrings: Streamlit would print a bare string on the page.)
# Layers of the diagram where there is no run to draw.
GENERIC_DEPTH = 3
# Of the tables that hold the numbers of this page: one draw, reading `mean`.
SETTING = Setting()


def stored(run: RunEntry, slug: str) -> ScoreTable | None:
    """The score table of a data set, None where there is none."""
    found = loading.catalogue(run)
    entry = found.find(slug, SETTING) if run.depth else None
    return loading.table(found, entry) if entry else None


def held(run: RunEntry, one: controls.Example, k: int) -> float | None:
    """L^{>k} of an image by the table of its set; None where that holds other images, as of a few of the set."""
    table = stored(run, one.key.partition(":")[0]) if one.in_data_set else None
    if table is None or table.metadata.data_fingerprint != one.among:
        return None
    return float(table.bound(k)[one.index[0]])


def walk_both(place: DeltaGenerator, run: RunEntry, now: Switches, keys: tuple[str, str], seed: int):
    """(examples, what the model sees of them, their terms by choice); imports torch."""
    with place, components.starting_pytorch():
        from app.how_it_works import model
        from app.images import models
    with place, st.spinner("Rebuilding both images"):
        drawn = any(key.startswith(f"{controls.SAMPLE}:") for key in keys)
        samples = models.sampled(run, controls.SAMPLES, seed) if drawn else None
        both = [controls.example(key, run, samples) for key in keys]
        seen, walked = zip(*(model.walk(run, one, seed, computed_with(now.layers)) for one in both), strict=True)
    return both, seen, walked


def show_pictures(place: DeltaGenerator, now: Switches, both, seen, walked) -> None:
    """Both images as the model sees and rebuilds them, and what there is to see in them."""
    titles = [one.title for one in both]
    pictures, words = place.columns([5, 4], gap="large", vertical_alignment="center")
    pictures.html(table_html(terms.HEADINGS, terms.pictures(both, seen, walked, now), "switched"))
    words.info(terms.what_to_see(titles, walked, now))
    words.caption(
        "**Try this:** let more and more layers come from the prior, the lowest first, and see which image stays "
        "itself."
    )


def show_sum(run: RunEntry, now: Switches, both, walked) -> None:
    """The sum term by term, and whether score tables hold it."""
    titles = [one.title for one in both]
    components.table(
        ["term", *titles],
        terms.rows(walked, now),
        "The sum in nats" + ("" if now.forgotten == 0 else ": every level from the image → as switched"),
        numbers=terms.numbers(titles, walked),
        name="how-terms",
    )
    said = []
    if now.forgotten is not None:
        stored_bounds = [held(run, one, now.forgotten) for one in both]
        said.append(terms.agreement(titles, [one[now.layers].bound for one in walked], stored_bounds, now))
    if now.forgotten:
        data = state.selection().data
        title = look(data).title
        if own := stored(run, data):
            ratios = [one["q" * now.depth].bound - one[now.layers].bound for one in walked]
            said += [terms.standing(*pair, own, now, title) for pair in zip(titles, ratios, strict=True)]
        else:
            said.append(f"{components.escape(title)} is not scored yet, so there is nothing to compare these two with.")
    if any(said):
        components.prose("<br>".join(filter(None, said)))
    for one in both:
        if one.in_data_set:
            values = state.values("reconstructions", source="data set", image=one.key)
            st.page_link("../pages/reconstructions.py", label=f"{one.title} at every level →", query_params=values)


def show_means(run: RunEntry, now: Switches) -> None:
    """What the stored tables say of whole data sets under L^{>k}; nothing where there are none."""
    selection = state.selection()
    found = {look(slug).title: stored(run, slug) for slug in (selection.data, *selection.ood)}
    tables = {title: table for title, table in found.items() if table}
    if now.forgotten is None or not tables:
        return
    components.section("All images of the data sets", "Means over all images that are scored, in nats.")
    components.listed(*terms.means(tables, now.forgotten), name="how-means")
    st.page_link(
        "../pages/scores.py",
        label="Every image, one by one, on the Scores page →",
        query_params=state.values("scores", score="llr" if now.forgotten else "bound", k=now.forgotten),
    )


def inspect(run: RunEntry, strange: str) -> None:
    """The inspector, which opens with the unfamiliar image."""
    slug, _, number = strange.partition(":")
    panel.inspect(sources.here(run), state.ImageId(slug, int(number)), partial(of_whole, run))


def lab_controls(run: RunEntry, chosen: tuple[str, str, int] | None) -> tuple[DeltaGenerator, Asked] | None:
    """What to change in the latent lab, and the place for what that does; None where nothing is changed."""
    components.section(
        "Latent lab",
        "Change one latent of the example, and see what answers: its picture, the bound L, the likelihood ratios and "
        "the joint score. The image itself stays the same; only the z that stands for it is changed.",
    )
    if chosen is None:
        st.caption("It changes latents of the model that would draw the pictures above, so here it has none to change.")
        return None
    image = state.chosen("example")
    wanted = asking.asked(run, state.selection().ood, image, chosen[1] if image == chosen[0] else chosen[0])
    return (st.container(key="latent-changed"), wanted) if wanted else None


def page() -> None:
    """The page; what needs the model comes last, into the place kept for it."""
    run = state.selection().run
    components.heading(
        "How it works",
        "A hierarchical VAE describes an image on several levels, z<sub>1</sub> for its details and the highest z for "
        "its gist. Each level can be taken from the image (q) or made up by the model (the prior). Switch one and see "
        "what is lost.",
    )
    obstacle = run.obstacle("reconstruct") if run else None
    config = run.config if run and not obstacle else None
    place = st.container(key="how-pictures") if config else st.container()
    now = controls.switches(run.depth if run and run.depth else GENERIC_DEPTH)
    chosen = controls.chosen_examples(run, state.selection().ood) if run and config else None
    if run and chosen:
        inspect(run, chosen[1])
    left, right = st.container(key="how-both").columns([5, 7], gap="large")
    with left:
        inference = run.config.model.inference if run and run.config else None
        st.html(diagram.diagram(now, inference or "bottom-up"))
    with right:
        components.prose(now.meaning)
    lab = lab_controls(run, chosen) if run and run.depth is not None else None
    components.section("The score in three steps")
    diagram.steps()
    after = st.container()
    if run is None:
        with place:
            components.no_run()
        return
    if config is None or chosen is None:
        with place:
            components.missing(
                f"{run.name}: {obstacle}. Pictures need a trained model with latent layers; the switches, the "
                "diagram and what the score tables hold are here all the same. Choose another run, or look closer:",
                f"hvae runs check {run.name}",
            )
        with after:
            show_means(run, now)
        return
    known, strange, seed = chosen
    both, seen, walked = walk_both(place, run, now, (known, strange), seed)
    show_pictures(place, now, both, seen, walked)
    with right:
        show_sum(run, now, both, walked)
        trained = components.escape(look(config.data.name).title)
        st.caption(f"Run A, `{run.name}`, trained on {trained}, draws this page; choose another in the sidebar.")
    if lab:
        shown.answered(lab[0], run, config, lab[1], seed)
    with after:
        show_means(run, now)
        end = f"--seed {seed} --out"
        commands = (f"hvae reconstruct {run.name} {one.flags} {end} {one.key.replace(':', '-')}.png" for one in both)
        components.footer("\n".join(commands))


page()
