"""What a person chooses on the page How it works: the switches, a familiar and an unfamiliar image, and the seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.frame import controls, state
from app.how_it_works.switches import Switches
from app.images import sources
from app.looks.palette import image_titles, look
from app.looks.wording import quoted, subscript
from hvae import datasets
from hvae.config import RunConfig
from hvae.datasets import ImageSet

WORDS = ["q (image)", "prior"]
"""What a switch says; its first letter is that of the address."""

SAMPLE = "sample"
"""Stands where a data set stands, for images that the model made up itself, counted from 1."""

SAMPLES, EACH = 3, 5
"""Samples of the model, and images of each data set, on offer; others come with a link, or pinned on another page."""


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


def switches(depth: int) -> Switches:
    """A switch a layer, top first, and the choice they make; the address holds it as a letter a layer, z1 first."""

    def usable(layers: object) -> bool:
        return isinstance(layers, str) and len(layers) == depth and set(layers) <= {"q", "p"}

    opening = "q" * depth
    if (asked := "".join(state.asked("layers")[-1:])) and not usable(asked):
        state.note("layers", f"This model has no choice of layers `{quoted(asked)}`; showing `{opening}`.")
    layers = controls.unseen("layers", usable, opening)
    now = Switches(state.kept("layers", layers if usable(layers) else None, opening))
    with st.container(key="switches", horizontal=True, vertical_alignment="bottom", gap="medium"):
        for layer in range(depth, 0, -1):
            _switch(now, layer)
    return now


def chosen_examples(config: RunConfig, ood: tuple[str, ...]) -> tuple[str, str, int]:
    """(key of the familiar image, key of the unfamiliar one, seed)."""
    sets = here(config, ood)
    with controls.bar("examples"):
        images = offered(sets, config.model.image_shape)
        about = "A sample is an image the model made up. A familiar image is shown beside an unfamiliar one."
        chosen = controls.choose("Example", "example", images, help=about, named=image_titles(images))
        seed = controls.seed()
    known, strange = pair(chosen, config, sets)
    return known, strange, seed


def here(config: RunConfig, ood: Sequence[str]) -> list[str]:
    """Data sets on this machine: the chosen OOD sets, other unfamiliar ones, then the model's own."""
    known = [slug for slug in datasets.names_for(config.model.image_shape) if datasets.available(slug)]

    return sorted(
        (slug for slug in dict.fromkeys((*ood, *known)) if slug in known), key=lambda slug: slug == config.data.name
    )


def offered(sets: Sequence[str], shape: sources.Shape) -> list[str]:
    """Keys of the examples on offer; an image that a link names, or that is pinned elsewhere, stays on offer."""
    added: list[str] = st.session_state.setdefault("_how_added", [])
    wanted = [*state.asked("example"), *state.asked("giver"), *filter(None, [state.chosen("image")])]
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


def pair(key: str, config: RunConfig, sets: Sequence[str]) -> tuple[str, str]:
    """(familiar key, unfamiliar key): the one chosen and, beside it, one of the other kind.

    Familiar is what the model was trained on, or made up.
    """
    own = config.data.name
    if key.partition(":")[0] in (own, SAMPLE):
        return key, f"{next(slug for slug in sets if slug != own)}:0"
    return f"{own}:0" if own in sets else f"{SAMPLE}:1", key


def example(key: str, shape: sources.Shape, samples: np.ndarray | None) -> Example:
    """The image of a key, one of those offered; raises a DataError where its data set is gone or damaged.

    The samples `(SAMPLES, channel, height, width)` in [0, 1] are needed for one of them.
    """
    slug, _, number = key.partition(":")
    position = np.array([int(number)])
    if slug == SAMPLE:
        assert samples is not None
        source, one = sources.from_samples(samples), position - 1
        return Example(key, source.images.take(one), source.index[one], f"Sample {number} of the model", source.flags)
    images = sources.whole(slug, shape).take(position)
    flags = f"--data {slug} --split {images.split} --first {number} --count 1"
    return Example(key, images, position, f"{look(slug).title} {number}", flags)


def _switch(now: Switches, layer: int) -> None:
    key = f"_z{layer}"
    st.session_state[key] = next(word for word in WORDS if word[0] == now.layers[layer - 1])

    def turn() -> None:
        st.session_state["layers"] = now.layers[: layer - 1] + st.session_state[key][0] + now.layers[layer:]

    st.segmented_control(f"z{subscript(layer)} from", WORDS, key=key, required=True, on_change=turn)
