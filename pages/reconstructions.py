"""Reconstructions: what an image becomes when its lowest latent variables are drawn from the prior."""

from collections.abc import Callable
from typing import cast

import numpy as np
import pandas as pd
import streamlit as st

from app import components, controls, palette, source_images, state
from app.mosaic import Cell, Row, grey_or_colour, sheet_png, table_html
from app.reconstruction_table import SHOWN, Walked, headings, legend, numbers, rows, what_to_see
from app.source_images import Source
from hvae.config import RunConfig
from hvae.proposal import READINGS, Reading
from hvae.results import RunEntry

DATA_SET, SAMPLES, UPLOAD = "data set", "samples of the model", "upload"
MOST_ROWS = 12
SAMPLES_DRAWN = 6


def resample() -> None:
    """Another seed: other binarisations, posterior samples and samples of the model."""
    st.session_state["seed"] = (st.session_state.get("seed") or 0) + 1


def chosen() -> tuple[str, int, str, Reading, int]:
    """(source, rows, what is shown, reading, seed)."""
    with controls.bar("images-bar"):
        source = controls.choose("Images from", "source", [DATA_SET, SAMPLES, UPLOAD])
        shown = controls.choose("Show", "show", SHOWN, help="Differences are reconstruction minus what the model sees.")
    with controls.bar("levels-bar"):
        count = controls.number("Rows", "rows", 1, MOST_ROWS, 5)
        reading = controls.choose(
            "Reading of L>k",
            "reading",
            READINGS,
            select=True,
            help="mean and early-release take the prior's mean, sample and auxiliary a sample of it.",
        )
        seed = controls.number(
            "Seed", "seed", 0, 2**31 - 1, 0, help="Seed 0 draws what the score tables were made with."
        )
        st.button("Resample", on_click=resample, help="The next seed")
    return source, count, shown, cast(Reading, reading), seed


def gather(
    run: RunEntry, config: RunConfig, source: str, count: int, seed: int, sampled: Callable[..., np.ndarray]
) -> Source | None:
    """The images to walk through the model."""
    shape = config.model.image_shape
    if source == DATA_SET:
        return source_images.from_data_set(state.selection(), config.data.name, shape, count)
    if source == SAMPLES:
        return source_images.from_samples(sampled(run, count, seed))
    return source_images.from_files(shape, MOST_ROWS)


def second_run(other: RunEntry | None, config: RunConfig) -> list[RunEntry]:
    """Run B, where there is one that can be shown beside a run of this configuration."""
    if other is None:
        return []
    if other.config is None or not other.has_weights:
        st.warning(f"{other.name} is left out: {other.problem}")
    elif other.config.model.image_shape != config.model.image_shape:
        st.warning(f"{other.name} is left out: it takes images of another shape.")
    else:
        return [other]
    return []


def show_levels(walked: dict[str, Walked], source: Source, shown: str) -> None:
    """The pictures of one or two runs, interleaved by image, with their numbers."""
    depth = max(result.depth for result in walked.values())
    several = len(walked) > 1
    stacks = [
        rows(result, source.images.images, source.labels, shown, depth, second=name if number else None)
        for number, (name, result) in enumerate(walked.items())
    ]
    table = [row for group in zip(*stacks, strict=True) for row in group]
    if several:
        first, second = walked
        st.caption(f"Upper row of each image: **{first}**. Lower row: **{second}**.")
    if key := legend(shown):
        st.html(key)
    st.html(table_html(headings(depth), table, "levels"))
    st.caption("Below each picture: log p(x|z) and, under it, one draw of L>k, both in nats.")
    frame = pd.concat([numbers(result, source.labels, name) for name, result in walked.items()], ignore_index=True)
    st.download_button(
        "Download PNG",
        lambda: sheet_png(headings(depth), table),
        "reconstructions.png",
        "image/png",
        on_click="ignore",
    )
    with st.expander("Numbers below these pictures"):
        components.numbers(frame, "reconstructions", key="levels-table")


def show_samples(pictures: dict[str, list]) -> None:
    """A row of unconditional samples for each run."""
    table = [
        Row(
            name, tuple(Cell(grey_or_colour(image), f"Sample {n} of {name}") for n, image in enumerate(images, start=1))
        )
        for name, images in pictures.items()
    ]
    st.html(table_html([f"Sample {number}" for number in range(1, SAMPLES_DRAWN + 1)], table, "samples"))


def page() -> None:
    """The page."""
    selection = state.selection()
    components.heading(
        "Reconstructions",
        "Each row is one image. From left to right the model forgets more of it: its <i>k</i> lowest latent variables "
        "come from the prior instead of from q(z|x). What is left is what the layers above know.",
    )
    run = selection.run
    if run is None:
        components.no_run()
        return
    if run.config is None or not run.has_weights:
        components.missing(
            f"{run.name}: {run.problem}. Reconstructions need a trained model. Choose another run, or look closer:",
            f"hvae runs check {run.name}",
        )
        return
    source, count, shown, reading, seed = chosen()
    with st.spinner("Starting PyTorch"):
        from app import reconstructing
    images = gather(run, run.config, source, count, seed, reconstructing.sampled)
    runs = [run, *second_run(selection.versus, run.config)]
    if images is None:
        st.info("Upload an image to see what the model makes of it. It stays on the computer that runs this page.")
    else:
        with st.spinner("Drawing reconstructions"):
            walked = {
                entry.name: reconstructing.walk(entry, images.images, images.index, seed, reading) for entry in runs
            }
        trained = run.config.data.name
        st.info(what_to_see(walked[run.name], images.title, palette.look(trained).title, images.familiar))
        show_levels(walked, images, shown)
    components.section(
        "Samples of the model", "Every latent variable from the prior: what the model believes images look like."
    )
    with st.spinner("Drawing samples"):
        show_samples({entry.name: list(reconstructing.sampled(entry, SAMPLES_DRAWN, seed)) for entry in runs})
    flags = images.flags if images is not None else "--images FILE"
    components.footer(f"hvae reconstruct {run.name} {flags} --reading {reading} --seed {seed} --out levels.png")


page()
