"""Published figures to set beside one's own: the paper's, and those of the rivals in its Table 2.

Source where nothing else is said: Havtorn, Frellsen, Hauberg and Maaloe, "Hierarchical VAEs Know What They Don't Know",
ICML 2021, and its talk. Rivals are stated by their first authors unless it says so; a figure nobody stated is None. A
figure of a rival says where it was read, for their papers were not at hand; what no text at hand repeats is marked so.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from hvae.config import ModelConfig
from hvae.scores.base import Need

Model = Literal["HVAE", "BIVA", "VAE", "Glow", "PixelCNN", "PixelCNN++", "classifier"]

TABLE_1 = "Havtorn et al. (2021), Table 1"
TABLE_2 = "Havtorn et al. (2021), Table 2"
TABLES_1_AND_2 = "Havtorn et al. (2021), Tables 1 and 2"
PAPER = "Havtorn et al. (2021)"
TALK = "Havtorn et al. (2021), ICML talk"
REN = "Ren et al. (2019)"
HUANG = "Huang et al. (2024), Table 1"
HENG = "Heng et al. (2024), Table 3"
"""Of "Out-of-distribution detection with a single unconditional diffusion model", arXiv 2405.11881."""
SERRA = "Serrà et al. (2020)"
XIAO = "Xiao et al. (2020)"
CHOI = "Choi et al. (2019)"
MORNINGSTAR = "Morningstar et al. (2021)"
OF_MORNINGSTAR = "Morningstar et al. (2021), of others' methods"
LATER = "later re-runs"
"""By others than the authors, on models of their own; who measured what is not kept."""

_CALLED: dict[str, tuple[Model, ...]] = {
    "normalising flow": ("Glow",),
    "PixelCNN++": ("PixelCNN++", "PixelCNN"),
    "classifier": ("classifier",),
}
"""By title or kind of a model."""
_OF_INFERENCE: dict[str, tuple[Model, ...]] = {"bottom-up": ("HVAE",), "bidirectional": ("BIVA",)}


@dataclass(frozen=True)
class Published:
    """One published row; None where the source does not state the figure."""

    model: Model
    in_data: str
    """Name of the set the model was fitted on, as in the data set registry."""
    ood_data: str
    """Name of the other set; equal to `in_data` for the negative control on the own test images."""
    score: str
    """Name in the registry of scores, such as `bound` (L^{>k}, its negative as the score) or `llr` (LLR^{>k})."""
    k: int | None
    """Number of lowest latent variables that come from the prior; L^{>0} is the ELBO."""
    samples: int | None
    """Importance samples S of the ELBO."""
    auroc: float | None = None
    auprc: float | None = None
    fpr80: float | None = None
    bits_in: float | None = None
    """Bits per dimension of the bound on the own test images."""
    bits_ood: float | None = None
    """Bits per dimension of the bound on the OOD images."""
    source: str = PAPER
    title: str = ""
    """The method in words, for the rivals."""
    needs: tuple[Need, ...] = ()
    """What it takes beside one run and the image."""
    rerun: bool = False
    """Whether it is what others measured later of a figure that was published."""
    read_in: str = ""
    """Where a figure of a rival was read; empty where nothing at hand repeats it."""
    protocol: str = ""
    """What was done otherwise than here, where that changes the question."""

    @property
    def note(self) -> str:
        """Where the figure of a rival was read and what its protocol has that ours has not; empty for the paper's."""
        if not self.title:
            return ""
        read = f"read in {self.read_in}" if self.read_in != self.source else ""
        return "; ".join(filter(None, [self.protocol, read if self.read_in else "not checked against the paper"]))

    @property
    def name(self) -> str:
        """The score with its k as in score tables, such as `LLR>1`; `LLR>k` where k is not stated."""
        return f"{self.score}>{'k' if self.k is None else self.k}"


def _talk(in_data: str, ood_data: str, auroc: float, k: int = 1) -> Published:
    return Published("HVAE", in_data, ood_data, "llr", k, None, auroc, source=TALK)


def _bits(model: Model, k: int, bits_in: float, bits_ood: float) -> Published:
    return Published(model, "cifar10", "svhn", "bound", k, 1, bits_in=bits_in, bits_ood=bits_ood, source=TABLE_1)


def _rival(
    pair: tuple[str, str],
    model: Model,
    score: str,
    source: str,
    auroc: float,
    auprc: float | None = None,
    fpr80: float | None = None,
    *,
    rerun: bool = False,
    read_in: str = "",
) -> Published:
    """A method of others against one OOD set; what it is called, takes and was shown stands in `_RIVALS`."""
    title, needs = _RIVALS[score]
    k = 0 if score == "bound" else None
    figures = {"auroc": auroc, "auprc": auprc, "fpr80": fpr80}
    about = {"source": source, "title": title, "needs": needs, "read_in": read_in}
    return Published(model, *pair, score, k, None, **figures, **about, rerun=rerun, protocol=_PROTOCOLS.get(score, ""))


_RIVALS: dict[str, tuple[str, tuple[Need, ...]]] = {
    "bound": ("likelihood", ()),
    "dose": ("density of states", ()),
    "lpath": ("likelihood path, Mahalanobis", ()),
    "typicality": ("typicality", ()),
    "waic": ("WAIC, five models", ("several runs",)),
    "regret": ("likelihood regret", ()),
    "background-ratio": ("likelihood ratio to a background model", ("prior knowledge",)),
    "complexity": ("input complexity", ("prior knowledge",)),
    "msp": ("largest class probability", ("labels",)),
    "entropy": ("predictive entropy", ("labels",)),
    "odin": ("ODIN", ("labels",)),
    "mahalanobis": ("feature Mahalanobis", ("labels",)),
    "vib": ("information bottleneck", ("labels",)),
    "ensemble": ("ensemble of 20 classifiers", ("labels", "several runs")),
    "binary": ("binary classifier", ("OOD data",)),
    "noise-class": ("OOD images as a class of noise", ("labels", "OOD data")),
    "calibrated": ("calibration on OOD images", ("labels", "OOD data")),
    "outlier-exposure": ("outlier exposure", ("labels", "OOD data")),
}
"""What the scores of others are called, and what they take."""

_MUTATED = "outliers in training were mutated images, ours are the other half of the tested set"
_PROTOCOLS = {
    "binary": _MUTATED,
    "noise-class": _MUTATED,
    "calibrated": _MUTATED,
    "odin": "temperature and step tuned on OOD images, ours are defaults",
    "background-ratio": "background model tuned on another OOD set, ours by training images",
    "ensemble": "20 classifiers",
    "outlier-exposure": "outliers are 80 Million Tiny Images",
}
"""What others did otherwise than this package, by score."""

_GREY, _COLOUR = ("fashionmnist", "mnist"), ("cifar10", "svhn")

PUBLISHED: tuple[Published, ...] = (
    Published("HVAE", "fashionmnist", "mnist", "bound", 0, 1, 0.268, 0.363, 0.882, 0.420, 0.317, TABLES_1_AND_2),
    Published("HVAE", "fashionmnist", "mnist", "bound", 1, 1, 0.593, 0.591, 0.658, 0.476, 0.601, TABLES_1_AND_2),
    Published("HVAE", "fashionmnist", "mnist", "bound", 2, 1, 0.533, 0.750, 0.548, 0.579, 0.881, TABLES_1_AND_2),
    Published("HVAE", "fashionmnist", "mnist", "llr", 1, 1, 0.964, 0.961, 0.036, source=TABLE_2),
    Published("HVAE", "fashionmnist", "mnist", "llr", 1, 250, 0.984, 0.984, 0.030, source=TABLE_2),
    _talk("fashionmnist", "mnist", 0.986),
    _talk("fashionmnist", "notmnist", 0.998),
    _talk("fashionmnist", "kmnist", 0.974),
    _talk("fashionmnist", "omniglot28", 1.000, k=2),
    _talk("fashionmnist", "omniglot28_inverted", 0.954),
    _talk("fashionmnist", "smallnorb28", 0.999, k=2),
    _talk("fashionmnist", "smallnorb28_inverted", 0.941, k=2),
    _talk("fashionmnist", "fashionmnist", 0.488),
    _talk("mnist", "fashionmnist", 0.999),
    _talk("mnist", "notmnist", 1.000),
    _talk("mnist", "kmnist", 0.999),
    _talk("mnist", "omniglot28", 1.000),
    _talk("mnist", "omniglot28_inverted", 0.944),
    _talk("mnist", "smallnorb28", 1.000),
    _talk("mnist", "smallnorb28_inverted", 0.985),
    _talk("mnist", "mnist", 0.515, k=2),
    _bits("HVAE", 0, 3.74, 2.62),
    _bits("HVAE", 1, 17.8, 10.2),
    _bits("HVAE", 2, 54.3, 64.0),
    _bits("HVAE", 3, 75.7, 93.9),
    Published("HVAE", "cifar10", "svhn", "llr", 2, 1, 0.811, 0.837, 0.394, source=TABLE_2),
    _bits("BIVA", 0, 3.46, 2.35),
    _bits("BIVA", 1, 8.74, 6.62),
    _bits("BIVA", 2, 19.7, 25.1),
    _bits("BIVA", 3, 37.3, 59.0),
    Published("BIVA", "cifar10", "svhn", "llr", 2, 1, 0.891, 0.875, 0.172, source=TABLE_2),
    Published("HVAE", "cifar10", "cifar10", "llr", None, None, 0.469),
    Published("HVAE", "svhn", "cifar10", "llr", None, None, 0.939),
    Published("HVAE", "svhn", "svhn", "llr", None, None, 0.489),
    _rival(_GREY, "classifier", "binary", REN, 0.455, 0.505, 0.886),
    _rival(_GREY, "classifier", "noise-class", REN, 0.877, 0.871, 0.195),
    _rival(_GREY, "classifier", "calibrated", REN, 0.904, 0.895, 0.139),
    _rival(_GREY, "classifier", "msp", REN, 0.734, 0.702, 0.506),
    _rival(_GREY, "classifier", "entropy", REN, 0.746, 0.726, 0.448),
    _rival(_GREY, "classifier", "odin", REN, 0.752, 0.763, 0.432),
    _rival(_GREY, "classifier", "mahalanobis", REN, 0.942, 0.928, 0.088),
    _rival(_GREY, "classifier", "ensemble", REN, 0.857, 0.849, 0.240),
    _rival(_GREY, "classifier", "vib", CHOI, 0.941),
    _rival(_GREY, "PixelCNN", "background-ratio", REN, 0.994, 0.993, 0.001),
    _rival(_GREY, "VAE", "background-ratio", XIAO, 0.924),
    _rival(_GREY, "Glow", "complexity", SERRA, 0.998),
    _rival(_GREY, "PixelCNN++", "complexity", SERRA, 0.967),
    _rival(_GREY, "PixelCNN", "bound", REN, 0.089, 0.320, 1.000),
    _rival(_GREY, "PixelCNN", "waic", REN, 0.221, 0.401, 0.911),
    _rival(_GREY, "VAE", "waic", CHOI, 0.766),
    _rival(_GREY, "VAE", "regret", XIAO, 0.988, read_in=HUANG),
    _rival(_GREY, "VAE", "dose", MORNINGSTAR, 1.00, read_in=HUANG),
    _rival(_GREY, "VAE", "lpath", HUANG, 0.97, read_in=HUANG),
    _rival(_COLOUR, "classifier", "outlier-exposure", "Hendrycks et al. (2019)", 0.984),
    _rival(_COLOUR, "classifier", "mahalanobis", "Lee et al. (2018)", 0.991),
    _rival(_COLOUR, "PixelCNN", "background-ratio", REN, 0.930, 0.881, 0.066),
    _rival(_COLOUR, "VAE", "background-ratio", XIAO, 0.265),
    _rival(_COLOUR, "Glow", "background-ratio", OF_MORNINGSTAR, 0.064, read_in=HENG),
    _rival(_COLOUR, "Glow", "complexity", SERRA, 0.950, read_in=HENG),
    _rival(_COLOUR, "PixelCNN++", "complexity", SERRA, 0.929),
    _rival(_COLOUR, "PixelCNN", "bound", REN, 0.095, 0.320, 1.000),
    _rival(_COLOUR, "PixelCNN", "waic", REN, 0.628, 0.616, 0.657),
    _rival(_COLOUR, "Glow", "waic", CHOI, 1.000),
    _rival(_COLOUR, "Glow", "waic", MORNINGSTAR, 0.143, rerun=True, read_in=HENG),
    _rival(_COLOUR, "Glow", "waic", LATER, 0.76, rerun=True),
    _rival(_COLOUR, "Glow", "waic", LATER, 0.33, rerun=True),
    _rival(_COLOUR, "Glow", "typicality", OF_MORNINGSTAR, 0.870, read_in=HENG),
    _rival(_COLOUR, "Glow", "dose", MORNINGSTAR, 0.97, read_in=HUANG),
    _rival(_COLOUR, "Glow", "dose", LATER, 0.80, rerun=True),
    _rival(_COLOUR, "VAE", "regret", XIAO, 0.875, read_in=HUANG),
    _rival(_COLOUR, "VAE", "lpath", HUANG, 0.99, read_in=HUANG),
)
"""Every published figure this package compares itself with, in the order of the sources."""


def find(
    *,
    model: Model | None = None,
    in_data: str | None = None,
    ood_data: str | None = None,
    score: str | None = None,
    k: int | None = None,
    samples: int | None = None,
    source: str | None = None,
) -> tuple[Published, ...]:
    """Rows of `PUBLISHED` with these fields, None leaving one open, in table order; empty where there are none."""
    given = {field: value for field, value in locals().items() if value is not None}
    return _having(tuple(given.items()))


@lru_cache(maxsize=1024)
def _having(given: tuple[tuple[str, object], ...]) -> tuple[Published, ...]:
    return tuple(row for row in PUBLISHED if all(getattr(row, field) == value for field, value in given))


def models_like(config: ModelConfig) -> tuple[Model, ...]:
    """What a model of this config is called where figures were published; empty for a family that nobody published."""
    of_hierarchy = ("VAE",) if config.depth == 1 else _OF_INFERENCE.get(config.inference or "", ())
    return _CALLED.get(config.title) or _CALLED.get(config.kind) or of_hierarchy
