"""Published figures to set beside one's own.

Source: Havtorn, Frellsen, Hauberg and Maaloe, "Hierarchical VAEs Know What They Don't Know", ICML 2021, and its talk.
"""

from dataclasses import dataclass
from typing import Literal

Model = Literal["HVAE", "BIVA"]
Score = Literal["bound", "llr"]

TABLE_1 = "Havtorn et al. (2021), Table 1"
TABLE_2 = "Havtorn et al. (2021), Table 2"
TABLES_1_AND_2 = "Havtorn et al. (2021), Tables 1 and 2"
PAPER = "Havtorn et al. (2021)"
TALK = "Havtorn et al. (2021), ICML talk"


@dataclass(frozen=True)
class Published:
    """One published row; None where the source does not state the figure."""

    model: Model
    in_data: str
    """Name of the set the model was fitted on, as in the data set registry."""
    ood_data: str
    """Name of the other set; equal to `in_data` for the negative control on the own test images."""
    score: Score
    """Name in the registry of scores: the bound L^{>k} (its negative as the score) or the likelihood ratio LLR^{>k}."""
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

    @property
    def name(self) -> str:
        """The score with its k as in score tables, such as `LLR>1`; `LLR>k` where k is not stated."""
        return f"{self.score}>{'k' if self.k is None else self.k}"


def _talk(in_data: str, ood_data: str, auroc: float, k: int = 1) -> Published:
    return Published("HVAE", in_data, ood_data, "llr", k, None, auroc, source=TALK)


def _bits(model: Model, k: int, bits_in: float, bits_ood: float) -> Published:
    return Published(model, "cifar10", "svhn", "bound", k, 1, bits_in=bits_in, bits_ood=bits_ood, source=TABLE_1)


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
    return tuple(row for row in PUBLISHED if all(getattr(row, field) == value for field, value in given.items()))
