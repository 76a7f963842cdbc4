"""Score images: is a picture of one's own unlike what the model knows?"""

import shlex
from contextlib import suppress

import streamlit as st

from app import (
    components,
    controls,
    jobs,
    state,
    upload_jobs,
    upload_preview,
    upload_results,
    upload_sources,
    upload_store,
    upload_verdicts,
)
from app.scored import Setting
from app.wording import literal
from hvae import verdicts
from hvae.datasets.outside import Treatment
from hvae.errors import TableError
from hvae.results import RunEntry

POLL_SECONDS = 2.0


def ask(run: RunEntry, selection: state.Selection, busy: bool) -> str | None:
    """Take images, show what the model sees, and offer to score them; the command that does the same."""
    if run.config is None:
        components.problem(f"{run.name}: {run.problem}. {components.WAY_ON}")
        return None
    own = run.config.data.name
    found = [Setting(*one) for one in verdicts.settings(run)]
    if not found:
        components.missing(
            f"{run.name} cannot judge images yet: that needs scores of the reference and calibration parts of its "
            "training set.",
            f"hvae score {shlex.quote(run.name)} --data {shlex.quote(own)} --split reference --split calibration",
        )
        return None
    source, fit, invert = upload_sources.treatment()
    shape = run.config.model.image_shape
    given = upload_sources.given(source, selection, shape)
    ready = False
    if given is None:
        st.info("Give some images, or choose samples above to see how it works.")
    elif given.problem:
        components.problem(given.problem)
    else:
        ready = upload_preview.preview(given, Treatment(shape, fit, invert), own)
    with controls.bar("rule-bar"):
        statistic = controls.choose(
            "Judge by",
            "statistic",
            verdicts.STATISTICS,
            help="rank: the k at which the ratio ranks highest among the reference images. difference: the k at which "
            "it lies most standard deviations above them, as the paper suggests for single images.",
        )
        first = found[0]
        same = [one for one in found if (one.reading, one.samples) == (first.reading, first.samples)]
        draws = controls.choose(
            "Draws R", "R", [str(one.draws) for one in same], help="More draws: less noise, and as many times the wait."
        )
    setting = upload_store.Settings(
        run=run.name,
        source=given.title if given else "",
        image_shape=shape,
        fit=fit,
        invert=invert,
        statistic=statistic,
        reading=first.reading,
        samples=first.samples,
        draws=int(draws),
    )
    if not run.has_weights:
        st.info(f"{literal(run.name)} has no weights here, so nothing can be scored. {components.WAY_ON}")
    elif given is not None and ready:
        st.button(
            "Score them",
            key="score-them",
            type="primary",
            disabled=busy,
            on_click=upload_jobs.start,
            args=(run, given, setting),
        )
    return (
        f"hvae score {shlex.quote(run.name)} --images PATH --fit {fit}{' --invert' if invert else ''} "
        f"--statistic {statistic} --reading {first.reading} --samples {first.samples} --draws {draws}"
    )


def page() -> None:
    """The page."""
    components.heading(
        "Score images",
        "Is a picture of your own unlike what the model knows? Each gets a verdict, the level at which it differs, and "
        "how sure that is. No out-of-distribution image is needed to decide.",
    )
    with suppress(TableError):
        # Whoever scores nothing need not know that results cannot be kept.
        upload_store.tidy(jobs.unfinished)
    job = jobs.followed()
    found = jobs.find(job) if job else None
    busy = found is not None and not found.finished
    selection = state.selection()
    command = None
    if selection.run is None:
        components.no_run()
    else:
        command = ask(selection.run, selection, busy)
    if job and found is not None:
        jobs.watch(job)
    if job and busy:
        st.fragment(upload_results.partial, run_every=POLL_SECONDS)(job)
    elif job:
        upload_verdicts.show(job)
    if command:
        components.footer(command)


page()
