"""Score images: is a picture of one's own unlike what the model knows?"""

import shlex
from contextlib import suppress

import streamlit as st

from app.frame import components, jobs, state
from app.looks.wording import literal
from app.preparing import preview
from app.reading import judges, loading
from app.score_images import asking, section, work
from app.server import judgements
from hvae.errors import TableError
from hvae.runs.folders import RunEntry
from hvae.verdicts import words


def ask(
    run: RunEntry, selection: state.Selection, job: str | None, busy: bool, seen: bool
) -> judgements.Settings | None:
    """Take images, show what the model sees, and offer to score them; how, None where the run cannot.

    Pictures in a fold that is closed (not `seen`) would be drawn all the same, and cost as much as the verdicts.
    """
    if run.config is None:
        components.problem(f"{run.name}: {run.problem}. {components.WAY_ON}")
        return None
    own, found = run.config.data.name, loading.catalogue(run)
    if not found.rule_settings():
        components.missing(
            f"{run.name} cannot judge images yet: that needs scores of the reference and calibration parts of its "
            "training set.",
            f"hvae score {shlex.quote(run.name)} --data {shlex.quote(own)} --split reference --split calibration",
        )
        return None
    again = asking.kept_images(job, run.config.model.image_shape)
    source, how = asking.source(run.config.model.image_shape, own, again is not None)
    given = again if source == asking.AGAIN else asking.given(source, selection)
    if given is None:
        st.info("Give some images, or choose samples above to see how it works.")
    elif given.problem:
        components.problem(given.problem)
    # Those that are judged again stand below with their verdicts, and are prepared as they were.
    ready, choices = given is not None and given is again, {}
    if seen and given is not None and not given.problem and not ready:
        ready, choices = preview.show(given.sources, given.stamp, given.expected, how)
    settings, runs = asking.judging(selection, found, given, how, choices)
    able = _can_alarm(run.name, len(judges.parts(found, settings.setting)[1]))
    if not run.has_weights:
        st.info(literal(f"{run.name}: {run.problem}. So nothing can be scored. {components.WAY_ON}"))
    elif given and ready and able:
        st.button(
            "Score them" if len(runs) == 1 else f"Score them with {len(runs)} runs",
            key="score-them",
            type="primary",
            disabled=busy,
            on_click=work.start,
            args=(runs, given, settings),
        )
    return settings


def _can_alarm(run: str, n: int) -> bool:
    """Whether anything can raise an alarm at some budget, with `n` calibration images; said where not at the chosen."""
    if never := words.too_few(run, n, max(map(float, section.BUDGETS))):
        components.problem(f"{never}.")
    elif why := words.too_few(run, n, float(section.budget_in_address())):
        st.warning(literal(f"{why}. Choose another budget beside the verdicts."))
    return not never


def page() -> None:
    """The page."""
    components.heading(
        "Score images",
        "Is a picture of your own unlike what the model knows? Each picture gets a verdict, the level at which it "
        "differs, and how certain that is. If several runs judge it, you also see which of them knows it best. No "
        "unfamiliar image is needed to decide.",
    )
    with suppress(TableError):
        # Whoever scores nothing need not know that results cannot be kept.
        judgements.tidy(jobs.unfinished)
    job = jobs.followed("score_images")
    found = jobs.find(job) if job else None
    busy = found is not None and not found.finished
    selection = state.selection()
    asked = shown = None
    # Verdicts are what one waits for, so they begin at the top: the fold opens or closes when its label changes.
    told = busy or bool(job and judgements.stamp(job))
    again = told and st.session_state.get(section.AGAIN_OF) == job
    other = "Judge these again, or other images" if again else "Judge other images"
    label = "The images that are being judged" if busy else other if told else "Images to judge"
    now = label, again or not told
    # Streamlit forgets a fold that another page did not draw.
    if "asking" not in st.session_state or st.session_state.get("_asking") != now:
        st.session_state["_asking"], st.session_state["asking"] = now, now[1]
    if selection.run is None:
        components.no_run()
    else:
        with (fold := st.expander(label, key="asking", on_change="rerun")):
            asked = ask(selection.run, selection, job, busy, bool(fold.open))
    if job and found is not None:
        jobs.watch(job, section.so_far)
    if job and not busy:
        shown = section.show(job)
    if settings := shown or asked:
        components.footer(asking.command(settings, section.budget_in_address()))


page()
