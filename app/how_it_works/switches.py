"""Which layers come from q and which from the prior: every choice, its name and meaning. No Streamlit."""

import itertools
from dataclasses import dataclass

from app.looks.wording import spoken

DEEP = 6
"""Layers from which the diagram is closer."""

AT_ONCE = 4
"""Most layers of which every choice is computed at once: a switch then waits for nothing."""

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Switches:
    """One choice: a letter a layer, lowest first, `q` (image) or `p` (prior), as in the address."""

    layers: str

    @property
    def depth(self) -> int:
        """Number of latent layers L."""
        return len(self.layers)

    @property
    def forgotten(self) -> int | None:
        """k where exactly the k lowest layers come from the prior (0: none, L: all), else None."""
        rest = self.layers.lstrip("p")
        return None if "p" in rest else self.depth - len(rest)

    @property
    def kept(self) -> int | None:
        """How many of the lowest layers come from q where the layers above all come from the prior, else None."""
        rest = self.layers.lstrip("q")
        kept = self.depth - len(rest)
        return kept if 0 < kept < self.depth and "q" not in rest else None

    @property
    def symbol(self) -> str:
        """Symbol of the bound in HTML."""
        if self.forgotten is not None:
            return f"L<sup>&gt;{self.forgotten}</sup>" if self.forgotten else "L"
        return f"L<sup>&lt;{self.kept + 1}</sup>" if self.kept else "L<sub>mixed</sub>"

    @property
    def meaning(self) -> str:
        """What the choice is, in one or two sentences (HTML)."""
        if self.forgotten == 0:
            return "Every z comes from the image. The sum below is one draw of the ELBO, <b>L</b>."
        if self.forgotten == self.depth:
            return (
                f"No z comes from the image. <b>{self.symbol}</b> is the likelihood of the image under the one picture "
                "that the model has in mind when it is told nothing: it no longer asks what the model knows."
            )
        prior = _layers(self.off())
        comes = "comes" if len(self.off()) == 1 else "come"
        if self.forgotten:
            return (
                f"The lowest latents are forgotten: {prior} {comes} from the prior. The sum below is one draw of "
                f"<b>{self.symbol}</b>, and what is left of the image is what the layers above have kept."
            )
        if self.kept:
            return (
                f"The highest latents are forgotten: {prior} {comes} from the prior. The sum below is one draw of "
                f"<b>{self.symbol}</b>, the complementary bound: details without the overall idea."
            )
        return (
            f"A mixed proposal: {prior} {comes} from the prior, between or around layers that come from the image. The "
            "sum below has the same kind of terms, but the paper gives it no name and no table holds it."
        )

    def on(self) -> list[int]:
        """Layers from the image, counted from 1."""
        return [layer for layer, letter in enumerate(self.layers, start=1) if letter == "q"]

    def off(self) -> list[int]:
        """Layers from the prior, counted from 1."""
        return [layer for layer, letter in enumerate(self.layers, start=1) if letter == "p"]


def computed_with(layers: str) -> tuple[str, ...]:
    """The choices computed together with one: all of them where they are few, else it and the ELBO."""
    depth = len(layers)
    if depth <= AT_ONCE:
        return tuple(map("".join, itertools.product("qp", repeat=depth)))
    return tuple(dict.fromkeys(["q" * depth, layers]))


def _layers(numbers: list[int]) -> str:
    """Layers in a sentence (HTML); four or more in a row by the first and the last of them."""
    names = [f"z<sub>{number}</sub>" for number in numbers]
    if len(numbers) > 3 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{names[0]} to {names[-1]}"
    return spoken(names)
