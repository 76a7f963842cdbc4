"""Terms that a page explains where they stand: on hovering, or on reaching them with the Tab key."""

import html

TERMS = {
    "likelihood": "p(x): how probable a model calls exactly this image. For 8-bit pixels it is tiny, so its "
    "logarithm is shown.",
    "ELBO": "Evidence lower bound: a number that log p(x) cannot lie below. A VAE has no exact likelihood and gives "
    "this bound instead.",
    "prior": "p(z): what a model believes of its latent variables before it has seen an image.",
    "posterior": "q(z|x): what a model believes of its latent variables once it has seen the image.",
    "nats": "The unit of a natural logarithm. One nat less means e = 2.718 times less probable.",
    "bits/dim": "-log2 p(x) divided by the number of pixels: how many bits a perfect code made from the model would "
    "spend on a pixel. Lower means likelier; 8 is what no model at all needs.",
    "typical set": "Where nearly all draws of a distribution fall. In many dimensions that is not where its density is "
    "highest: the likeliest outcome of 100 throws of a loaded coin is one that hardly ever happens.",
    "AUROC": "The chance that a score ranks a random unfamiliar image above a random familiar one. 1 is perfect, .5 is "
    "a coin, below .5 the score points the wrong way.",
}
"""Term -> what it means, in plain text of one or two sentences."""


def term(name: str, said: str | None = None) -> str:
    """A term of `TERMS` in HTML that explains itself, in other words where the sentence needs them.

    The explanation opens below the paragraph, so that none reaches beyond a narrow screen.
    """
    meaning = html.escape(TERMS[name], quote=True)
    return f'<dfn class="gloss" tabindex="0" data-means="{meaning}">{html.escape(said or name)}</dfn>'
