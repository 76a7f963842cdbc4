"""How images from outside are judged: by which runs, under what setting, and what is done to the files before.

Whoever judges writes it down like this, so that a page and a command say the same of the same images. Imports no torch.
"""

from typing import Annotated

from pydantic import Field

from hvae import scores
from hvae.config import Frozen
from hvae.datasets.own.preparing import Treatment
from hvae.runs.settings import Setting
from hvae.scores import Score
from hvae.verdicts.rule import Statistic


class JudgedBy(Frozen):
    """A run whose rule judges the images; what has a default is only known once that rule is made."""

    run: str
    setting: Setting
    weights_sha256: str = ""
    n_reference: int = 0
    n_calibration: int = 0
    note: str = ""


class Settings(JudgedBy):
    """How images are scored, by run A and the same way by further runs."""

    source: str
    image_shape: tuple[int, int, int]
    fit: str
    invert: bool
    steps: tuple[str, ...] = ()
    like: str = ""
    choices: dict[int, str] = {}
    """Recipes of single files, by their number, where they differ."""
    score: str
    depth: Annotated[int, Field(ge=0, le=64)]
    statistic: Statistic
    two_sided: bool = False
    also: tuple[JudgedBy, ...] = ()

    @property
    def runs(self) -> tuple[str, ...]:
        """Names of all runs, run A first."""
        return (self.run, *(one.run for one in self.also))

    @property
    def treatment(self) -> Treatment:
        """What is done to all files but those of the `choices`."""
        return Treatment(self.image_shape, self.fit, self.invert, self.steps, self.like)

    @property
    def levels(self) -> list[Score]:
        """The score that judges, at every level. Raises a ConfigError where there is no such score."""
        return scores.at_every_level(self.score, self.depth)
