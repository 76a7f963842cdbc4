"""The hierarchy as a diagram, up from the image on the left and down to its reconstruction, and as three steps.

A grid of boxes, as Streamlit takes SVG out of HTML; colour never stands without a letter and a kind of line.
"""

import streamlit as st

from app.frame.glossary import explained
from app.how_it_works.switches import DEEP, NUMBERS, Switches
from app.looks import wording

COPIED = {
    "bottom-up": "copied from the way up",
    "ladder": "inferred from the layers above and what the way up has seen",
    "bidirectional": "one half copied from the way up, the other inferred on the way down",
    "top-down": "inferred from the layers above and what the way up has seen",
}
"""How a layer gets its z from the image, in words."""

GATHERING = ("ladder", "top-down")
"""Families whose way up only gathers features."""

NOTES = {
    "ladder": (
        "A ladder (LVAE): the way up draws nothing, it only gathers features d. Each z from q is inferred on the way "
        "down, from d and from the layers above."
    ),
    "bidirectional": (
        "A bidirectional model (BIVA): below the top each z has two halves. BU is inferred on the way up, as drawn, TD "
        "on the way down, from what both ways have seen. A switch turns both."
    ),
    "top-down": (
        "A top-down model (VDVAE): the way up draws nothing, it only gathers features d. On the way down one state is "
        "carried to the image; each z from q is inferred from d and the state, and added to it."
    ),
}
"""What the diagram of a family needs said besides."""

STEPS = (
    (
        "1. Rebuild with everything known (eq. 1)",
        "On the way up the model reads the image, layer by layer: q(z|x). On the way down it rebuilds it from these z. "
        "The ELBO adds how well that worked, log p(x|z), and what each layer’s information cost, "
        "log r<sub>l</sub> = log p(z<sub>l</sub>|z<sub>&gt;l</sub>) − log q(z<sub>l</sub>|·).",
        r"""\begin{aligned}\log p(x) \ge \mathcal{L} &= \mathbb{E}_{q(z|x)}\Big[\log\tfrac{p(x,z)}{q(z|x)}\Big]\\
        &= \mathbb{E}_{q(z|x)}\Big[\log p(x|z)\\ &\qquad + \textstyle\sum_l \log r_l\Big]\end{aligned}""",
    ),
    (
        "2. Forget the lowest layers (eq. 5)",
        "The k lowest z hold strokes and texture, which look alike in many kinds of images. Let them come from the "
        "prior instead, given the layers above: now only what the upper layers understood can help. Their terms leave "
        "the sum.",
        r"""\begin{aligned}\mathcal{L}^{>k} = {}&\mathbb{E}_{p(z_{\le k}|z_{>k})\,q(z_{>k}|x)}\\
        &\Big[\log\tfrac{p(x|z)\,p(z_{>k})}{q(z_{>k}|x)}\Big]\end{aligned}""",
    ),
    (
        "3. See what forgetting costs (eq. 6)",
        "A familiar image can be rebuilt from the upper layers and loses little. An unfamiliar one needed its details, "
        "and loses much. The difference is the score: high means out-of-distribution.",
        r"\mathrm{LLR}^{>k}(x) = \mathcal{L}(x) - \mathcal{L}^{>k}(x)",
    ),
)


def diagram(switches: Switches, family: str = "bottom-up") -> str:
    """The diagram of one choice as HTML."""
    layers = "".join(
        f'{_layer(switches, layer, family)}<i class="up"></i><i></i><i class="down"></i><i></i>'
        for layer in range(switches.depth, 0, -1)
    )
    return (
        f'<div class="hierarchy{" deep" if switches.depth >= DEEP else ""}" '
        f'role="img" aria-label="{spoken(switches, family)}">'
        f"<b>Up: read</b><b></b><b>Down: rebuild</b><b>Term</b>{layers}"
        '<span class="end">x<small>the image</small></span><span class="bridge compare">compared</span>'
        '<span class="end">x̂<small>rebuilt</small></span><span class="term">log p(x|z)</span></div>'
        + (f'<p class="prose">{NOTES[family]}</p>' if family in NOTES else "")
    )


def spoken(switches: Switches, family: str = "bottom-up") -> str:
    """The diagram in words."""
    depth = switches.depth
    count = NUMBERS[depth] if depth < len(NUMBERS) else str(depth)
    how = dict.fromkeys(switches.off(), "from the prior") | dict.fromkeys(
        switches.on(), COPIED.get(family, "taken from the image")
    )
    if family == "bidirectional" and depth in switches.on():
        # The top of BIVA has one part, inferred on the way up.
        how[depth] = COPIED["bottom-up"]
    downward = ", ".join(f"z{layer} {how[layer]}" for layer in range(depth, 0, -1))
    terms = wording.spoken(["log p(x|z)", *(f"log r{layer}" for layer in switches.on())])
    skipped = f"; skipped: {wording.spoken([f'log r{layer}' for layer in switches.off()])}" if switches.off() else ""
    letter = "d" if family in GATHERING else "z"
    return (
        f"A model of {count} {'layer' if depth == 1 else 'layers'}. On the way up the image gives "
        f"{wording.spoken([f'{letter}{layer}' for layer in range(1, depth + 1)])}. On the way down: {downward}, "
        f"then the rebuilt image. The bound adds {terms}{skipped}."
    )


def steps() -> None:
    """The steps below one another, each beside its equation; below its text on narrow screens."""
    steps = st.container(key="how-steps")
    for title, text, equation in STEPS:
        with steps.container(border=True):
            words, formula = st.columns([6, 5], gap="medium", vertical_alignment="center")
            words.html(f'<h3 class="card-title">{title}</h3><p class="card-text">{explained(text)}</p>')
            formula.latex(equation)
    st.caption(
        "Equations of Havtorn et al., 2021, Hierarchical VAEs Know What They Don’t Know. As in the code they released "
        "(the reading “mean”), forgotten layers below the lowest q take their mean on the way up and the prior’s mean "
        "on the way down; any other layer from the prior is sampled. Deterministic skips past each z are left out of "
        "the picture."
    )


def _layer(switches: Switches, layer: int, family: str) -> str:
    """One layer: its latent on the way up, whether it is handed over, its latent on the way down, its term."""
    from_image = layer in switches.on()
    # What q says of a layer matters only where this layer or one above it is taken from the image.
    read = any(one >= layer for one in switches.on())
    lowest = min(switches.on(), default=switches.depth + 1)
    how = "mean" if layer < lowest else "sample"
    name = f"z<sub>{layer}</sub>"
    gathered, halves = family in GATHERING, family == "bidirectional" and layer < switches.depth
    seen = f"d<sub>{layer}</sub>" if gathered else f"{name}<sup>BU</sup>" if halves else name
    copy = "sample" if gathered else "BU and TD" if halves else "the same z"
    note = "features" if gathered else how
    up = _node(seen, "" if gathered else "q", note if read else "unused", "q" if read else "unused")
    down = _node(name, "q" if from_image else "p", copy if from_image else how, "q" if from_image else "p")
    bridge = ("merged" if gathered else "handed over") if from_image else "cut"
    term = f"+ log r<sub>{layer}</sub>" if from_image else f"<s>log r<sub>{layer}</sub></s><small>skipped</small>"
    return (
        f'{up}<span class="bridge {"q" if from_image else "p"}">{bridge}</span>{down}'
        f'<span class="term {"" if from_image else "off"}">{term}</span>'
    )


def _node(name: str, letter: str, note: str, kind: str) -> str:
    return f'<span class="node {kind}"><em>{letter}</em>{name}<small>{note}</small></span>'
