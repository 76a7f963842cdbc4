"""How the statistics of a table were estimated: one idea of it for tables, scores, commands and pages."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from hvae.config import first_problem
from hvae.errors import ConfigError
from hvae.models.proposal import READINGS, Reading

Precision = Literal["32-true", "bf16-mixed"]
Noise = Annotated[int, Field(ge=1, le=2)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Setting:
    """Reading, S, R, seed, precision and noise: two tables are compared only where all of them agree."""

    reading: Reading = "mean"
    """How L^{>k} is read."""
    samples: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """S: importance samples of L_S."""
    draws: Annotated[int, Field(ge=1, le=10_000)] = 1
    """R: independent repeats, each with its own binarisation and posterior sample."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Of all noise of the evaluation."""
    precision: Precision = "32-true"
    """Of the forward passes."""
    noise: Noise = 1
    """Version of all noise: 1 drawn by the host, example by example; 2 by `hvae.measuring.passes.counted`, on the
    device."""

    @classmethod
    def of(cls, **values: Any) -> Setting:
        """A setting from the outside.

        Raises:
            ConfigError: an unknown reading, S or R below 1, a negative seed: one line.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            raise ConfigError(f"scoring: {first_problem(error)}") from None

    def __str__(self) -> str:
        """In words, for people; seed, precision and noise only where they are not the usual ones."""
        usual = Setting()
        rest = [f"seed {self.seed}"] if self.seed != usual.seed else []
        rest += [self.precision] if self.precision != usual.precision else []
        rest += [f"noise {self.noise}"] if self.noise != usual.noise else []
        return ", ".join([f"reading {self.reading}", f"S = {self.samples}", f"R = {self.draws}", *rest])

    @property
    def fields(self) -> dict[str, Any]:
        """Its fields by name, as metadata and reports hold them."""
        return asdict(self)

    @property
    def options(self) -> str:
        """As options of `hvae score`; the usual seed, precision and noise are left out."""
        usual = Setting()
        words = f"--reading {self.reading} --samples {self.samples} --draws {self.draws}"
        words += f" --seed {self.seed}" if self.seed != usual.seed else ""
        words += f" --precision {self.precision}" if self.precision != usual.precision else ""
        return words + (f" --noise {self.noise}" if self.noise != usual.noise else "")

    @property
    def order(self) -> tuple[int, int, int, int, str, int]:
        """Sort key: readings in their own order, then S, R, seed, precision, noise."""
        return READINGS.index(self.reading), self.samples, self.draws, self.seed, self.precision, self.noise
