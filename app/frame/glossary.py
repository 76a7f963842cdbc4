"""Terms that every page explains where they first stand: on hovering, or on reaching them with the Tab key."""

import html
import re

import streamlit as st

TERMS = {
    "likelihood": "p(x): how probable exactly this image is to a model. For 8-bit pixels it is tiny, so its "
    "logarithm is shown.",
    "ELBO": "Evidence lower bound: a number that log p(x) cannot lie below. A VAE has no exact likelihood and gives "
    "this bound instead.",
    "prior": "p(z): what a model believes about its latent variables before it has seen an image.",
    "posterior": "q(z|x): what a model believes about its latent variables once it has seen the image.",
    "nats": "The unit of a natural logarithm. One nat less means e = 2.718 times less probable.",
    "bits/dim": "-log2 p(x) divided by the number of pixels: how many bits a perfect code made from the model "
    "would spend on a pixel. Lower means likelier. Without a model an 8-bit pixel takes 8 bits.",
    "typical set": "Where nearly all draws of a distribution fall. In many dimensions that is not where its density is "
    "highest: the likeliest outcome of 100 throws of a loaded coin is one that hardly ever happens.",
    "AUROC": "The chance that a score ranks a random unfamiliar image above a random familiar one. 1 is perfect, "
    ".5 is no better than tossing a coin, and below .5 the score ranks them the wrong way round.",
}
"""Term -> what it means, in plain text of one or two sentences."""


_TAGS = re.compile("(<[^>]*>)")
_WORDS = {
    "likelihood": "likelihoods?",
    "ELBO": "ELBOs?",
    "prior": "priors?",
    "posterior": "posteriors?",
    "nats": "nats?",
    "bits/dim": "bits/dim|bits per dimension",
    "typical set": "typical sets?",
    "AUROC": "AUROCs?",
}
"""Term -> the words it stands in, as a regular expression."""
_ANY = re.compile(
    "|".join(rf"(?P<_{place}>\b(?:{word})\b)" for place, word in enumerate(_WORDS.values())), re.IGNORECASE
)


def begin() -> None:
    """Forget what was explained: the page is drawn from its top."""
    st.session_state["_explained"] = {}


def explained(text: str) -> str:
    """HTML of a paragraph in which a term that the page uses for the first time explains itself.

    On hovering, or on reaching it with the Tab key; the explanation opens below the paragraph, so that none reaches
    beyond a narrow screen. A paragraph that is drawn once more, as a part of a page may be, keeps what it explains.
    """
    first: dict[str, str] = st.session_state.setdefault("_explained", {})
    here: set[str] = set()

    def marked(found: re.Match[str]) -> str:
        name = list(TERMS)[int(str(found.lastgroup)[1:])]
        if name in here or first.setdefault(name, text) != text:
            return found[0]
        here.add(name)
        return f'<dfn class="gloss" tabindex="0" data-means="{html.escape(TERMS[name])}">{found[0]}</dfn>'

    # What lies between the tags alone.
    return "".join(part if part.startswith("<") else _ANY.sub(marked, part) for part in _TAGS.split(text))


def terms_in(text: str) -> set[str]:
    """The terms that stand in an HTML text, outside its tags."""
    words = "".join(part for part in _TAGS.split(text) if not part.startswith("<"))
    return {list(TERMS)[int(str(found.lastgroup)[1:])] for found in _ANY.finditer(words)}
