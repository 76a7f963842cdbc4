"""The three steps of the page How it works, each with its equation."""

from __future__ import annotations

import streamlit as st

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


def steps() -> None:
    """The steps below one another, each beside its equation; below its text on narrow screens."""
    steps = st.container(key="how-steps")
    for title, text, equation in STEPS:
        with steps.container(border=True):
            words, formula = st.columns([6, 5], gap="medium", vertical_alignment="center")
            words.html(f'<h3 class="card-title">{title}</h3><p class="card-text">{text}</p>')
            formula.latex(equation)
    st.caption(
        "Equations of Havtorn et al., 2021, Hierarchical VAEs Know What They Don’t Know. As in the code they released "
        "(the reading “mean”), forgotten layers below the lowest q take their mean on the way up and the prior’s mean "
        "on the way down; any other layer from the prior is sampled. Deterministic skips past each z are left out of "
        "the picture."
    )
