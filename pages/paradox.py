"""Why likelihood fails: six questions, each to guess first, then to see, then explained."""

from functools import partial

import streamlit as st

from app.frame import components, controls, state
from app.frame.state import ImageId
from app.inspector import panel
from app.inspector.subject import of_view
from app.looks.palette import look
from app.paradox import numbers, rivals, seen, steps
from app.paradox.steps import Step
from app.reading import presence

STEPS = (
    Step("Which is likelier?", seen.two_images, "Which one is likelier?", (seen.LEFT, seen.RIGHT, seen.DISAGREE),
         seen.likelier, seen.show_two),
    Step("All images at once", numbers.all_pairs, "What comes out?", (numbers.APART, numbers.COIN, numbers.WRONG),
         numbers.histograms),
    Step("Volume or density?", numbers.two_terms, "What favours the unfamiliar set?",
         (numbers.VOLUME, numbers.DENSITY, numbers.NEITHER), numbers.volume),
    Step("Sitting inside", seen.sitting_inside, "What do its pixels do?", (seen.LESS, seen.MORE), seen.pixels),
    Step("Noise and complexity", numbers.code_lengths, "Which images are likely?",
         (numbers.SIMPLE, numbers.ALIKE, numbers.NO_RULE), numbers.complexity),
    Step("Typical sets and levels", numbers.the_levels, "What if a score looks at the levels?",
         (numbers.HELPS, numbers.NO_HELP), numbers.hierarchy),
)  # fmt: skip


def missing(run: str) -> None:
    """What to train where no density of whole pixel values is scored."""
    components.missing(
        f"{run} does not help here. This page needs models that give a density of 8-bit pixels of a grey data set "
        "(a flow, PixelCNN++ or a VAE), and none is trained and scored. Train one, score it on both sets, and "
        "reload this page:",
        "hvae train fashionmnist-glow\nhvae score fashionmnist-glow-seed0 --data fashionmnist digits",
    )


def page() -> None:
    """The heading, the two sets, and one step."""
    components.heading(
        "Why likelihood fails",
        "A model that knows clothing should find a digit unlikely, but it often finds it likelier. Guess first, "
        "then see what happens and why.",
    )
    selection = state.selection()
    if selection.run is None:
        components.no_run()
        return
    if selection.run.config is None:
        components.problem(f"{selection.run.name}: {selection.run.problem}. Choose another run in the sidebar.")
    found = rivals.rivals(selection.run)
    if not found:
        missing(selection.run.name)
        return
    with controls.toolbar():
        at = steps.choose(STEPS)
        pair = rivals.choose(found, selection.ood)
    components.left_out(pair.problems)
    if not pair.shown:
        sets = f"{look(pair.known).title} and {look(pair.other).title}"
        st.info(f"No model here has scored both {sets}. Choose two other sets.")
        return
    view = rivals.looked_at(pair)
    panel.inspect({one.slug: len(one.scores) for one in view.sets}, ImageId(pair.other, 0), partial(of_view, view))
    steps.show(at, STEPS[at - 1], pair)
    sets = (pair.known, pair.other)
    components.footer("\n".join(presence.command(rival.run, sets, rival.setting.options) for rival, _ in pair.shown))


page()
