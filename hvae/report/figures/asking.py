"""What a figure is asked for, and the stored tables that it is drawn from. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from hvae.datasets import looks
from hvae.errors import ConfigError, TableError
from hvae.runs.catalogue import Catalogue, catalogue
from hvae.runs.folders import RunEntry
from hvae.runs.images.sources import known_labels
from hvae.runs.score_tables import ScoreTable
from hvae.runs.settings import Setting
from hvae.scores import Score, in_unit
from hvae.scores.base import POSITIVE
from hvae.stats.arrays import Floats


@dataclass(frozen=True)
class Asked:
    """Runs and image sets of a figure, and how their tables were estimated."""

    runs: Sequence[RunEntry]
    data: Sequence[str] = ()
    """Slugs of the OOD sets; empty for all that the first run has scored."""
    setting: Setting | None = None
    """None for the first that the run's own set is scored under."""
    k: int | None = None
    """How many of the lowest latents come from the prior; None for what the figure takes."""
    images: int = 4
    """Of each set, in figures of reconstructions."""
    seed: int = 0
    """Of their choice."""

    @property
    def run(self) -> RunEntry:
        """The first run; the others are compared with it."""
        return self.runs[0]

    @cached_property
    def found(self) -> Catalogue:
        """What the first run has scored."""
        return catalogue(self.run)

    @cached_property
    def tables(self) -> list[ScoreTable]:
        """Its own set, then the OOD sets, all under one setting.

        Raises:
            TableError: a set that is not scored so, with the command that scores it.
        """
        own = self.found.own or (self.run.config.data.name if self.run.config else "")
        setting = self.setting or next(iter(self.found.settings(own)), Setting())
        sets = [own, *(self.data or [slug for slug in self.found.sets() if slug != own])]
        entries = {slug: self.found.find(slug, setting) for slug in dict.fromkeys(sets)}
        if absent := [slug for slug, entry in entries.items() if entry is None]:
            raise TableError(
                f"{self.run.name} has no scores of {', '.join(absent)} under {setting}: "
                f"hvae score {self.run.name} --data {' '.join(absent)} {setting.options}"
            )
        if len(entries) == 1:
            raise TableError(
                f"{self.run.name} has scored no other set than {own} under {setting}: name one, and score it with "
                f"hvae score {self.run.name} --data NAME {setting.options}"
            )
        return [self.found.read(entry) for entry in entries.values() if entry]

    @property
    def depth(self) -> int:
        """Number of latent layers L, one at least: `ConfigError` for a model without a hierarchy."""
        if not (depth := self.run.depth):
            raise ConfigError(f"{self.run.name} has no latent layers, and this figure is about them: name another run")
        return depth

    def level(self, usual: int) -> int:
        """The k asked for, else the usual one of a figure; `ConfigError` outside 0 ... L."""
        k = usual if self.k is None else self.k
        if not 0 <= k <= self.depth:
            raise ConfigError(f"--k {k} is outside 0..{self.depth}, the layers of {self.run.name}")
        return k

    def title(self, slug: str) -> str:
        """An image set as people call it."""
        return looks.title(slug, known_labels([self.run.path]))


def in_common_unit(score: Score, tables: Sequence[ScoreTable]) -> tuple[str, list[Floats]]:
    """(unit, a score on every set in it): ln(bits/dim) as the paper has it, bits/dim where one has no logarithm."""
    values = [score.of(table) for table in tables]
    unit = POSITIVE[-1] if all((one > 0).all() for one in values) else POSITIVE[-2]
    return unit, [in_unit(one, unit, tables[0].metadata.dimensions) for one in values]
