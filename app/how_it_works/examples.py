"""The two images of the page: a familiar one and an unfamiliar one, by the keys of the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.frame import state
from app.images import sources
from app.looks.palette import look
from hvae import datasets
from hvae.config import RunConfig
from hvae.datasets import ImageSet

SAMPLE = "sample"
"""Stands where a data set stands, for images that the model made up itself, counted from 1."""

SAMPLES = 3
"""Samples of the model on offer."""

EACH = 5
"""Images of each data set on offer; others come with a link, or pinned on another page."""


@dataclass(frozen=True, eq=False)
class Example:
    """One image, under the key of the address, with its title and the flags of the command that reads it.

    Slug and index `(1,)` address its noise: its position in the data set, of a sample a number from its content.
    """

    key: str
    images: ImageSet
    index: np.ndarray
    title: str
    flags: str

    @property
    def in_data_set(self) -> bool:
        """Whether score tables may hold it."""
        return not self.key.startswith(f"{SAMPLE}:")


def here(config: RunConfig, ood: Sequence[str]) -> list[str]:
    """Data sets on this machine: the chosen OOD sets, other unfamiliar ones, then the model's own."""
    known = [slug for slug in datasets.names_for(config.model.image_shape) if datasets.available(slug)]
    own = config.data.name
    unfamiliar = [slug for slug in dict.fromkeys((*ood, *known)) if slug in known and slug != own]
    return [*unfamiliar, *(slug for slug in known if slug == own)]


def offered(sets: Sequence[str], shape: sources.Shape) -> list[str]:
    """Keys of the examples on offer; an image that a link names, or that is pinned elsewhere, stays on offer."""
    added: list[str] = st.session_state.setdefault("_how_added", [])
    wanted = [*state.asked("example"), *filter(None, [state.chosen("image")])]
    added += [key for key in wanted if key not in added and is_image(key, sets, shape)]
    keys = [f"{slug}:{number}" for slug in sets for number in range(EACH)]
    keys += [key for key in added if is_image(key, sets, shape)]
    return [*dict.fromkeys(keys), *(f"{SAMPLE}:{number}" for number in range(1, SAMPLES + 1))]


def is_image(key: str, sets: Sequence[str], shape: sources.Shape) -> bool:
    """Whether a key names an image of one of the data sets."""
    slug, _, number = key.partition(":")
    if slug not in sets or not (number.isascii() and number.isdecimal() and len(number) < 8):
        return False
    # Spelled as the options are: `mnist:007` would be a second name of the same image.
    return str(int(number)) == number and int(number) < sources.Sizes(list(sets), shape)[slug]


def familiar(key: str, config: RunConfig) -> bool:
    """Whether the model was trained on such images, or made this one up."""
    return key.partition(":")[0] in (config.data.name, SAMPLE)


def pair(key: str, config: RunConfig, sets: Sequence[str]) -> tuple[str, str]:
    """(familiar key, unfamiliar key): the one chosen and, beside it, one of the other kind."""
    if familiar(key, config):
        return key, f"{next(slug for slug in sets if slug != config.data.name)}:0"
    return f"{config.data.name}:0" if config.data.name in sets else f"{SAMPLE}:1", key


def example(key: str, shape: sources.Shape, samples: np.ndarray | None) -> Example:
    """The image of a key, one of those offered; raises a DataError where its data set is gone or damaged.

    The samples `(SAMPLES, channel, height, width)` in [0, 1] are needed for one of them.
    """
    slug, _, number = key.partition(":")
    position = np.array([int(number)])
    if slug == SAMPLE:
        assert samples is not None
        source = sources.from_samples(samples)
        one = position - 1
        return Example(key, source.images.take(one), source.index[one], f"Sample {number} of the model", source.flags)
    images = sources.whole(slug, shape).take(position)
    flags = f"--data {slug} --split {images.split} --first {number} --count 1"
    return Example(key, images, position, f"{look(slug).title} {number}", flags)
