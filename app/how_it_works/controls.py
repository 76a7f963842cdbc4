"""What a person chooses on the page How it works: the switches, a familiar and an unfamiliar image, and the seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.frame import controls, state
from app.how_it_works.switches import Switches
from app.images import sources
from app.images.mosaic import Way
from app.looks.palette import image_titles, look
from app.looks.wording import quoted, subscript
from hvae.datasets import ImageSet, is_known
from hvae.runs.folders import RunEntry

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
    among: str = ""
    """Fingerprint of the images of its data set."""

    @property
    def in_data_set(self) -> bool:
        """Whether score tables may hold it."""
        return not self.key.startswith(f"{SAMPLE}:")

    @property
    def image(self) -> state.ImageId:
        """What the inspector calls it, where it is in a data set."""
        slug, _, number = self.key.partition(":")
        return state.ImageId(slug, int(number))

    @property
    def way(self) -> Way | None:
        """How its pictures open it in the inspector; None for a sample."""
        return sources.way(self.image, self.images.labels[0]) if self.in_data_set else None


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


def chosen_examples(run: RunEntry, ood: tuple[str, ...]) -> tuple[str, str, int]:
    """(key of the familiar image, key of the unfamiliar one, seed)."""
    sets = here(run, ood)
    with controls.bar("examples"):
        images = offered(sets, run)
        about = "A sample is an image the model made up. A familiar image is shown beside an unfamiliar one."
        chosen = controls.choose("Example", "example", images, help=about, named=image_titles(images))
        seed = controls.seed()
    known, strange = pair(chosen, run, sets)
    return known, strange, seed


def here(run: RunEntry, ood: Sequence[str]) -> list[str]:
    """Data sets on this machine: the chosen OOD sets, other unfamiliar ones, then the model's own."""
    there, own = sources.here(run), sources.trained_on(run)
    return sorted((slug for slug in dict.fromkeys((*ood, *there)) if slug in there), key=lambda slug: slug == own)


def offered(sets: Sequence[str], run: RunEntry) -> list[str]:
    """Keys of the examples on offer; an image that a link names, or that is pinned elsewhere, stays on offer."""
    added: list[str] = st.session_state.setdefault("_how_added", [])
    wanted = [*state.asked("example"), *state.asked("giver"), *filter(None, [state.chosen("image")])]
    added += [key for key in wanted if key not in added and is_image(key, sets, run)]
    # One's own may be fewer; those of the others need not be read to be counted.
    counts = {slug: EACH if is_known(slug) else min(EACH, sources.Sizes(sets, run)[slug]) for slug in sets}
    keys = [f"{slug}:{number}" for slug, count in counts.items() for number in range(count)]
    keys += [key for key in added if is_image(key, sets, run)]
    return [*dict.fromkeys(keys), *(f"{SAMPLE}:{number}" for number in range(1, SAMPLES + 1))]


def is_image(key: str, sets: Sequence[str], run: RunEntry) -> bool:
    """Whether a key names an image of one of the data sets."""
    slug, _, number = key.partition(":")
    if slug not in sets or not (number.isascii() and number.isdecimal() and len(number) < 8):
        return False
    # Spelled as the options are: `mnist:007` would be a second name of the same image.
    return str(int(number)) == number and int(number) < sources.Sizes(sets, run)[slug]


def pair(key: str, run: RunEntry, sets: Sequence[str]) -> tuple[str, str]:
    """(familiar key, unfamiliar key): the one chosen and, beside it, one of the other kind.

    Familiar is what the model was trained on, or made up.
    """
    own = sources.trained_on(run)
    if key.partition(":")[0] in (own, SAMPLE):
        return key, f"{next(slug for slug in sets if slug != own)}:0"
    return f"{own}:0" if own in sets else f"{SAMPLE}:1", key


def example(key: str, run: RunEntry, samples: np.ndarray | None) -> Example:
    """The image of a key, one of those offered; raises a DataError where its data set is gone or damaged.

    The samples `(SAMPLES, channel, height, width)` in [0, 1] are needed for one of them.
    """
    slug, _, number = key.partition(":")
    position = np.array([int(number)])
    if slug == SAMPLE:
        assert samples is not None
        source, one = sources.from_samples(samples), position - 1
        return Example(key, source.images.take(one), source.index[one], f"Sample {number} of the model", source.flags)
    every = sources.whole(slug, run)
    images = every.take(position)
    flags = f"{sources.data_flags(slug, images.split, run)} --first {number} --count 1"
    return Example(key, images, position, f"{look(slug).title} {number}", flags, every.fingerprint)


def _switch(now: Switches, layer: int) -> None:
    key = f"_z{layer}"
    st.session_state[key] = next(word for word in WORDS if word[0] == now.layers[layer - 1])

    def turn() -> None:
        st.session_state["layers"] = now.layers[: layer - 1] + st.session_state[key][0] + now.layers[layer:]

    st.segmented_control(f"z{subscript(layer)} from", WORDS, key=key, required=True, on_change=turn)
