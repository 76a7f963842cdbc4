"""Which of the files that were measured of a run may be used: those that are sound and of the run's own weights."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from hvae.errors import TableError
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import RunEntry


class Measured(Protocol):
    """What was measured of one model."""

    @property
    def options(self) -> str:
        """Of `hvae score RUN`, to measure it again."""
        ...

    def is_of(self, weights: str | None, depth: int | None) -> bool:
        """Whether it is of the weights with this SHA-256 (any where None) and a model with so many latent layers."""
        ...


Kind = TypeVar("Kind", bound=Measured)


def usable(run: RunEntry, paths: Sequence[Path], read: Callable[[Path], Kind]) -> tuple[list[Kind], list[str]]:
    """What some files of a run hold, and one line for each that may not be used.

    Those of other weights may not be: the weights are the run's own, or where it has none those that its tables name.
    Where these name none every file may be used.
    """
    found: list[Kind] = []
    problems: list[str] = []
    weights = catalogue(run).weights if paths else None
    for path in paths:
        where = f"{run.name}: {path.parent.name}"
        try:
            one = read(path)
        except TableError as error:
            problems.append(f"{where}/{str(error).replace('score RUN', f'score {run.name}')}")
            continue
        if one.is_of(weights, run.depth):
            found.append(one)
        else:
            mend = f"hvae score {run.name} {one.options}"
            problems.append(f"{where}/{path.name} was made with other weights than the run has now: {mend}")
    return found, problems
