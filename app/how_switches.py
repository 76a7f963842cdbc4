"""Which layers come from q and which from the prior: every choice, its name and what it means. Knows no Streamlit."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

SPELLED_OUT = 8
"""Most layers of which every choice is on offer, 2^L of them; above, those that the paper names."""

AT_ONCE = 4
"""Most layers of which every choice is computed at once, so that a switch only shows what is there."""

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")


@dataclass(frozen=True)
class Switches:
    """One choice.

    Attributes:
        layers: a letter a layer, lowest first: `q` from the image, `p` from the prior (as in the address).
    """

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
        prior = joined([f"z<sub>{layer}</sub>" for layer in self.off()])
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

    def turned(self, layer: int, letter: str) -> Switches:
        """The same choice with one layer, counted from 1, from `letter`."""
        return Switches(self.layers[: layer - 1] + letter + self.layers[layer:])


def every(depth: int) -> list[str]:
    """Choices on offer: L^{>0} ... L^{>L}, then L^{<L} ... L^{<2}, then the mixed ones of a model that is not deep."""
    named = ["p" * k + "q" * (depth - k) for k in range(depth + 1)]
    named += ["q" * kept + "p" * (depth - kept) for kept in range(depth - 1, 0, -1)]
    if depth > SPELLED_OUT:
        return named
    mixed = ("".join(letters) for letters in itertools.product("qp", repeat=depth))
    return list(dict.fromkeys([*named, *mixed]))


def first_choice(depth: int) -> str:
    """What the page opens with: only the top layer knows the image."""
    return "p" * (depth - 1) + "q"


def presets(depth: int) -> dict[str, str]:
    """Choices worth trying, by what their buttons say; those that a shallow model lacks are left out."""
    wanted = {
        "All from the image": "q" * depth,
        "Lowest from the prior": "p" + "q" * (depth - 1),
        "Lowest two": "pp" + "q" * (depth - 2),
        "Nothing from the image": "p" * depth,
    }
    order = [0, 1, 2, depth]
    return {
        name: layers
        for (name, layers), k in zip(wanted.items(), order, strict=True)
        if name in ("All from the image", "Nothing from the image") or k < depth
    }


def computed_with(layers: str) -> tuple[str, ...]:
    """The choices computed together with one: all of them where they are few, else it and the ELBO."""
    depth = len(layers)
    return tuple(every(depth)) if depth <= AT_ONCE else tuple(dict.fromkeys(["q" * depth, layers]))


def joined(words: list[str]) -> str:
    """Words as a list in a sentence."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
