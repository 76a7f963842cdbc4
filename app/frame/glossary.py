"""Terms that every page explains where they first stand: on hovering, or on reaching them with the Tab key."""

import html
import re

import streamlit as st

TERMS = {
    "OOD": "Out-of-distribution: of another kind than the images that the model was trained on. The opposite is "
    "in-distribution.",
    "likelihood": "p(x): how probable exactly this image is to a model. For 8-bit pixels it is tiny, so its "
    "logarithm is shown.",
    "ELBO": "Evidence lower bound: a number that log p(x) cannot lie below. A VAE has no exact likelihood and gives "
    "this bound instead.",
    "prior": "p(z): what a model believes about its latent variables before it has seen an image.",
    "posterior mean": "The mean of q(z|x): the most typical latent variables that a model finds for an image.",
    "posterior": "q(z|x): what a model believes about its latent variables once it has seen the image.",
    "latent": "z: a hidden variable in which the model stores what it has seen of an image. The lowest level, z1, "
    "holds details, the highest the gist.",
    "nats": "The unit of a natural logarithm. One nat less means e = 2.718 times less probable.",
    "bits/dim": "-log2 p(x) divided by the number of pixels: how many bits a perfect code made from the model "
    "would spend on a pixel. Lower means likelier. Without a model an 8-bit pixel takes 8 bits.",
    "typical set": "Where nearly all draws of a distribution fall. In many dimensions that is not where its density is "
    "highest: the likeliest outcome of 100 throws of a loaded coin is one that hardly ever happens.",
    "KL": "The Kullback-Leibler divergence of q(z|x) from the prior: how much a layer says about an image. At 0 the "
    "layer is not used.",
    "active units": "Latent variables of a layer that differ from image to image. The others say nothing about it.",
    "AUROC": "The chance that a score ranks a random unfamiliar image above a random familiar one. 1 is perfect, "
    ".5 is no better than tossing a coin, and below .5 the score ranks them the wrong way round.",
    "AUPRC": "The area under the curve of precision against recall. 1 is perfect; guessing reaches the share of "
    "unfamiliar images among all.",
    "FPR80": "The share of familiar images that are called OOD where 80 % of the unfamiliar ones are caught. Lower is "
    "better.",
    "FPR95": "The share of familiar images that are called OOD where 95 % of the unfamiliar ones are caught. Lower is "
    "better.",
    "false alarm": "A familiar image that is called OOD by mistake.",
    "budget": "The share of familiar images that may raise a false alarm.",
    "percentile": "The share of familiar images, in per cent, that score no higher.",
    "p-value": "The share of familiar images that are at least as unusual as this one. Small means unusual.",
    "reference part": "Training images set aside before training, which new images are compared with.",
    "calibration part": "Training images set aside to find out how often familiar images raise an alarm.",
    "95 % interval": "Where the value would most likely lie with other images of the same kinds.",
    "S": "The number of importance samples that the bound is computed from. More make it tighter.",
    "R": "The number of repeats that every value is the mean of. More leave less noise.",
    "reading": "How the paper's L>k is computed. There are four ways, and their numbers differ.",
    "seed": "The number that all random draws of a training begin with. Runs that differ in nothing else show how much "
    "of a result is chance.",
}
"""Term -> what it means, in plain text of one or two sentences; a longer term before one that it begins with."""


_TAGS = re.compile("(<[^>]*>)")
_WORDS = {
    "OOD": "OOD|out-of-distribution|in-distribution",
    "latent": "latent variables?|latents?",
    "bits/dim": "bits/dim|bits per dimension",
    "nats": "nats?",
    "active units": "active units?",
    "reference part": "reference (?:part|images?)",
    "calibration part": "calibration (?:part|images?)",
    "S": r"S = \d+",
    "R": r"R = \d+",
    "reading": "reading (?:mean|sample|auxiliary|early-release)",
}
"""Term -> the words it stands in, as a regular expression, where they are not the term and its plural."""
_ANY = re.compile(
    "|".join(rf"(?P<_{place}>\b(?:{_WORDS.get(name, name + 's?')})\b)" for place, name in enumerate(TERMS)),
    re.IGNORECASE,
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
