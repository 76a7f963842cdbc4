"""Reconstructions: what an image becomes when its lowest latent variables are drawn from the prior."""

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.frame import components, state
from app.images import sources
from app.looks import palette
from app.looks.wording import literal, quoted
from app.reconstructions import views
from app.reconstructions.views import View
from hvae.config import RunConfig
from hvae.runs.folders import RunEntry


def gather(run: RunEntry, config: RunConfig, view: View, room: DeltaGenerator) -> sources.Source | None:
    """The images to walk through the model; torch is imported only where they are its own samples."""
    if view.source == views.DATA_SET:
        with room:
            return sources.from_data_set(state.selection(), run, view.rows)
    if view.source == views.SAMPLES:
        return sources.from_samples(sampled(run, view))
    return sources.from_files(config.model.image_shape, views.MOST_ROWS)


def sampled(run: RunEntry, view: View) -> np.ndarray:
    """Unconditional samples of a run, `(n, channel, height, width)` in [0, 1]."""
    with st.spinner(f"Drawing {view.rows} samples of {quoted(run.name)}"):
        from app.images import models

        return models.sampled(run, view.rows, view.seed)


def second_run(other: RunEntry | None, config: RunConfig) -> list[RunEntry]:
    """Run B, where there is one that can be shown beside a run of this configuration."""
    if other is None:
        return []
    obstacle = other.obstacle("reconstruct")
    if other.config and not obstacle:
        if other.config.model.image_shape == config.model.image_shape:
            return [other]
        obstacle = "it takes images of another shape."
    st.warning(f"{quoted(other.name)} is left out: {literal(obstacle)}")
    return []


def page() -> None:
    """The page."""
    selection = state.selection()
    components.heading(
        "Reconstructions",
        "From left to right the model forgets more of each image: its lowest latents come from the prior instead.",
    )
    run = selection.run
    if run is None:
        components.no_run()
        return
    obstacle = run.obstacle("reconstruct")
    if run.config is None or obstacle:
        components.missing(
            f"{quoted(run.name)}: {obstacle}. Reconstructions need a trained model with latent layers. Choose another "
            "run, or look closer:",
            f"hvae runs check {run.name}",
        )
        return
    runs = [run, *second_run(selection.versus, run.config)]
    depths = {entry.name: entry.config.model.depth for entry in runs if entry.config}
    depth, trained = max(depths.values()), palette.look(run.config.data.name).title
    view, room = views.chosen(depth)
    images = gather(run, run.config, view, room)
    commands = []
    if images is None:
        st.info("Upload an image to see what the model makes of it. It stays on the computer that runs this dashboard.")
    else:
        views.inspect(images, run, room)
        if views.several_draws(view):
            views.levels(runs, images, view, trained)
            # Run B redraws the samples of run A here; a command would give it samples of its own.
            again = runs[:1] if view.source == views.SAMPLES else runs
            if images.away:
                st.warning(f"Not on this machine, so not shown here: {images.away}.")
            commands = [views.command(one.name, images.flags, view, depths[one.name]) for one in again]
    components.section(
        "Samples of the model",
        "Here every latent variable comes from the prior: this is what the model believes images look like.",
    )
    views.samples({entry.name: sampled(entry, view) for entry in runs}, view)
    commands += [views.samples_command(entry.name, view) for entry in runs]
    components.footer("\n".join(commands))


page()
