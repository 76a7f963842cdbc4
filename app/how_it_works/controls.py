"""The switches of the page How it works, its example and its seed."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.frame import controls, state
from app.how_it_works import examples as how_examples
from app.how_it_works.switches import Switches, every, first_choice, presets
from app.looks.wording import subscript
from hvae.config import RunConfig


def switches(depth: int) -> tuple[DeltaGenerator, Switches]:
    """Draw buttons for choices worth trying and a switch a layer, top first; (row with the whole choice, the choice).

    The whole choice stands in the address.
    """
    buttons = st.container(horizontal=True, gap="small")
    toggles = st.container(key="switches", horizontal=True, vertical_alignment="bottom", gap="medium")
    row = controls.bar("layers-bar")
    with row:
        layers = controls.choose(
            "All switches", "layers", every(depth, _made(depth)), first_choice(depth), select=True,
            help="A letter a layer, z₁ first: q from the image, p from the prior. The address holds this word.",
        )  # fmt: skip
    now = Switches(layers)
    with buttons:
        for name, choice in presets(depth).items():
            st.button(name, key=f"_preset-{name}", on_click=_set, args=(choice,), disabled=choice == layers)
    with toggles:
        for layer in range(depth, 0, -1):
            _switch(now, layer)
    return row, now


def examples(row: DeltaGenerator, config: RunConfig, ood: tuple[str, ...]) -> tuple[str, str, int]:
    """(key of the familiar image, key of the unfamiliar one, seed), chosen in a row made by `controls.bar`."""
    sets = how_examples.here(config, ood)
    with row:
        chosen = controls.choose(
            "Example", "example", how_examples.offered(sets, config.model.image_shape), select=True,
            help="Set and number; sample:1 is an image the model made up. A familiar image is shown beside an "
            "unfamiliar one.",
        )  # fmt: skip
        seed = controls.seed()
    known, strange = how_examples.pair(chosen, config, sets)
    return known, strange, seed


def _switch(now: Switches, layer: int) -> None:
    key = f"_z{layer}"
    st.session_state[key] = WORDS[now.layers[layer - 1]]
    st.segmented_control(
        f"z{subscript(layer)} from",
        list(WORDS.values()),
        key=key,
        required=True,
        on_change=_turn,
        args=(now.layers, layer),
    )


def _turn(layers: str, layer: int) -> None:
    letter = next(letter for letter, word in WORDS.items() if word == st.session_state[f"_z{layer}"])
    _set(Switches(layers).turned(layer, letter).layers)


def _set(layers: str) -> None:
    st.session_state["layers"] = layers
    _made(len(layers))


def _made(depth: int) -> list[str]:
    """Choices that a link asked for or a person made with the switches; they stay on offer."""
    made: list[str] = st.session_state.setdefault("_how_made", [])
    wanted = [*state.asked("layers"), st.session_state.get("layers")]
    made += [one for one in wanted if isinstance(one, str) and one not in made and len(one) == depth]
    return made


WORDS = {"q": "q (image)", "p": "prior"}
"""What a switch says, by its letter."""
