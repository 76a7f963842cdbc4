"""What every OOD score declares and promises: numbers of stored tables -> one number an image. Imports no torch."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
import pandas as pd

from hvae.config import Preprocessing
from hvae.errors import TableError
from hvae.runs.columns import is_model_column, of_run
from hvae.runs.score_tables import ScoreTable, TableMetadata
from hvae.stats.arrays import Floats

Level = int | None
"""k, how many of the lowest latents come from the prior; None for a score without levels."""

SIGNED = ("nats", "bits/dim")
POSITIVE = (*SIGNED, "ln(bits/dim)")
"""Units on offer; the natural logarithm of bits/dim is the axis of Havtorn et al. (2021), Fig. 5."""

Need = Literal["prior knowledge", "labels", "OOD data", "several runs", "a batch"]
"""What a score may take beside one run, the images that it was trained on, and the image itself."""

_TAKEN: dict[Preprocessing, str] = {
    "binarise": "binarised images",
    "threshold": "images cut at a threshold",
    "grey": "grey values in 0 to 1",
    "integer": "densities of whole pixel values",
}


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a score is what it is, one row an image.

    Attributes:
        parts: what the score is the sum of, one column a part, nats.
        statistics: what it was made from, one column a statistic in its own unit.
        shares: share of in-distribution images that are as far out in that statistic alone, on either side, in (0, 1].
    """

    parts: pd.DataFrame
    statistics: pd.DataFrame
    shares: pd.DataFrame


@dataclass(frozen=True)
class Score(ABC):
    """An OOD score at one level; higher = more out-of-distribution, always.

    A new score is one file with a subclass, and one line in `hvae.scores.registry`.
    """

    name: ClassVar[str]
    """In the registry, on the command line and in addresses."""
    title: ClassVar[str]
    """For people, such as `Likelihood ratio`."""
    about: ClassVar[str]
    """What it asks, in one sentence for people."""
    source: ClassVar[str]
    """Paper and equation."""
    units: ClassVar[tuple[str, ...]] = SIGNED
    """Units its values may be shown in; values themselves are in the first one."""
    needs: ClassVar[tuple[Need, ...]] = ()
    """What it takes that the paper's table of scores sets apart; `needed` has it in words."""
    needs_reference: ClassVar[bool] = False
    """Whether it is fitted to the reference part of the run's own training set."""
    model_free: ClassVar[bool] = False
    """Whether no model takes part, so that it is a baseline which a model has to beat."""
    task: ClassVar[str] = ""
    """`ModelConfig.task` of the models it is of: a head of a classifier, empty for log p(x). Model-free is of all."""
    least_reference: ClassVar[int] = 0
    """Images of the reference part below which it is no judge by default, and is used with a warning."""
    fewer_cost: ClassVar[str] = ""
    """What a smaller reference part costs, as measured."""
    legend: ClassVar[str] = ""
    """What its parts and statistics are, in plain text for people; empty where it has none."""
    per_image: ClassVar[bool] = True
    """Whether it has one value an image; else one a batch of them, in the order of the table."""
    measured_apart: ClassVar[bool] = False
    """Whether tables have its columns only where `hvae score --also` was asked for them."""
    of_single_images: ClassVar[bool] = True
    """Whether an image from outside has it, and so can be judged by it; else it is of image sets measured before."""
    preprocessings: ClassVar[tuple[Preprocessing, ...]] = get_args(Preprocessing)
    """How a run may take its images for the score to have anything to say of it."""
    paper_chooses_level: ClassVar[bool] = False
    """Whether the paper chooses its level by OOD images, so that reports mark the level that would be chosen so."""

    k: Level = None

    @classmethod
    @abstractmethod
    def levels(cls, depth: int) -> tuple[Level, ...]:
        """The levels it has in a model of `depth` latent layers; `(None,)` without levels, `()` where it has no say."""

    @classmethod
    def usual_level(cls, depth: int) -> Level:
        """The level that stands for the score where one is to be shown; chosen without OOD data."""
        return next(iter(cls.levels(depth)), None)

    @property
    @abstractmethod
    def label(self) -> str:
        """In plain text with its level, as in tables and CSV: `LLR>1`."""

    @property
    def called(self) -> str:
        """For people, in plain text, with its label where it has levels: `Likelihood ratio (LLR>1)`."""
        return self.title if self.k is None else f"{self.title} ({self.label})"

    @property
    @abstractmethod
    def symbol(self) -> str:
        """In HTML, for titles: `LLR<sup>&gt;1</sup>`."""

    @property
    @abstractmethod
    def latex(self) -> str:
        """In LaTeX, without dollar signs."""

    @classmethod
    def needed(cls) -> str:
        """What it takes beside a run and the image, in words; `nothing` where that is all."""
        return ", ".join([*cls.needs, *(["reference part"] if cls.needs_reference else [])]) or "nothing"

    @classmethod
    def speaks_of(cls, task: str) -> bool:
        """Whether it has something to say of a model of that task (`ModelConfig.task`)."""
        return cls.model_free or cls.task == task

    @classmethod
    def of_one_table(cls) -> bool:
        """Whether any table of a run gives a value of each image: what reports, verdicts and pages offer unasked."""
        return cls.per_image and not cls.measured_apart and "several runs" not in cls.needs

    @abstractmethod
    def columns(self, depth: int) -> tuple[str, ...]:
        """Columns that a table of a model of `depth` latent layers needs for it.

        `<column>@seed1` ... and `<column>@background` are those of other runs, see `hvae.scores.companions`.
        """

    def taken(self, table: ScoreTable) -> tuple[str, ...]:
        """Columns of a table that take part: those it needs, and what it takes besides where that is there."""
        return self.columns(table.metadata.depth)

    def passes(self, depth: int, samples: int = 1, draws: int = 1, taken: Sequence[str] | None = None) -> int:
        """How often an image goes through the model for it; 0 where no model takes part.

        L_S and its terms take S passes, every L^{>k} or L^{<l} another one, and each of the R draws all of them again;
        so does every other run that takes part. `taken` are the columns that do, default those it needs.
        """
        total, names = 0, self.columns(depth) if taken is None else taken
        for _, columns in itertools.groupby(sorted(map(of_run, names)), key=lambda column: column[0]):
            of_model = [name for _, name in columns if is_model_column(name)]
            bounds = sum(name.startswith(("L>", "L<")) for name in of_model)
            total += bounds + samples * (len(of_model) > bounds)
        return draws * total

    def passes_of(self, table: ScoreTable) -> int:
        """`passes` of each image of a table, with all the runs that stand beside it."""
        about = table.metadata
        return self.passes(about.depth, about.samples, about.draws, self.taken(table))

    def obstacle(self, table: ScoreTable, reference: ScoreTable | None = None) -> str | None:
        """Why it cannot be computed from this table, in one line with the command that mends it; None where it can."""
        about = table.metadata
        if not self.speaks_of(about.task):
            return f"{self.title} is of {_model(self.task)}, and {table.run} is {_model(about.task)}{self._train()}"
        if about.preprocessing not in self.preprocessings:
            meant = " or ".join(_TAKEN[one] for one in self.preprocessings)
            return f"{self.label} is for {meant}, and this run takes them as `{about.preprocessing}`"
        if self.k not in self.levels(about.depth):
            known = self.levels(about.depth)
            if not known:
                return f"{self.title} has nothing to say about a model of {about.depth} latent layers"
            return f"k = {self.k} is outside {spanned(known, '..')}, the levels of {self.title} here"
        if self.needs_reference and reference is None:
            return (
                f"{self.label} is fitted to the reference part of the run's training set, which is not scored under "
                f"{about.setting}: hvae score {table.run} --split reference {about.setting.options}"
            )
        for one in (table, reference) if self.needs_reference and reference is not None else (table,):
            for column in self.columns(about.depth):
                if (missing := one.missing(column, reference)) is not None:
                    return f"{self.label} needs `{column}`: {missing}"
        if not self.needs_reference or reference is None:
            return None
        return unlike(about, reference.metadata) or self._unfit(reference)

    def _train(self) -> str:
        """How to get a model that it is of; nothing of log p(x), which most are."""
        return ""

    def _unfit(self, reference: ScoreTable) -> str | None:
        """Why it cannot be fitted to a reference part that has all its columns, None where it can."""
        return None

    def of(self, table: ScoreTable, reference: ScoreTable | None = None) -> Floats:
        """The score of every image of a table.

        `reference` is that part of the run's own training set under the same setting, for a score that
        `needs_reference`.

        Returns:
            `(n,)` float64 in the first of `units`, higher = more out-of-distribution; one value a batch where a score
        is not `per_image`.

        Raises:
            TableError: what is missing, with the command that makes it; or values that are not finite.
        """
        if (obstacle := self.obstacle(table, reference)) is not None:
            raise TableError(obstacle)
        values = np.asarray(self._of(table, reference), np.float64)
        if not np.isfinite(values).all():
            raise TableError(
                f"{self.label} of {table.metadata.slug} ({table.metadata.split}) is not finite: score it again"
            )
        return values

    def explain(self, table: ScoreTable, reference: ScoreTable | None = None) -> Explanation | None:
        """Why each image has its score, None where a score has no parts.

        Raises:
            TableError: as of `of`.
        """
        if (obstacle := self.obstacle(table, reference)) is not None:
            raise TableError(obstacle)
        return self._explain(table, reference)

    def _explain(self, table: ScoreTable, reference: ScoreTable | None) -> Explanation | None:
        return None

    @abstractmethod
    def _of(self, table: ScoreTable, reference: ScoreTable | None) -> Floats:
        """`of`, with everything it needs at hand."""


def _model(task: str) -> str:
    """A model of a task in words."""
    return f"a classifier with the head {task}" if task else "a model of log p(x)"


def spanned(levels: Sequence[Level], to: str) -> str:
    """Levels in words: the first and the last of a row of them, each one where they have gaps."""
    gaps = any(after != before + 1 for before, after in itertools.pairwise(one for one in levels if one is not None))
    return ", ".join(map(str, levels)) if gaps else f"{levels[0]}{to}{levels[-1]}"


def unlike(about: TableMetadata, reference: TableMetadata) -> str | None:
    """Why a reference part says nothing about a table, None where both were measured alike."""
    if about.weights_sha256 != reference.weights_sha256:
        return f"{about.slug} ({about.split}) and the {reference.split} part have other weights each: score both again"
    for name in ("reading", "samples", "draws", "precision", "noise"):
        own, other = getattr(about, name), getattr(reference, name)
        if own != other:
            return (
                f"{about.slug} ({about.split}) was measured with {name} = {own}, the {reference.split} part with "
                f"{name} = {other}, and they only compare alike: score one of them as the other"
            )
    return None


class LeveledScore(Score):
    """A score with a level k, named `SYMBOL>k`."""

    letter: ClassVar[str]
    """What stands before `>k` in plain text."""

    @property
    def label(self) -> str:
        """`LLR>1`."""
        return f"{self.letter}>{self.k}"

    @property
    def symbol(self) -> str:
        """`LLR<sup>&gt;1</sup>`, with a real minus sign."""
        return f"{self.letter.replace('-', '−')}<sup>&gt;{self.k}</sup>"

    @property
    def latex(self) -> str:
        r"""`\mathrm{LLR}^{>1}`."""
        sign, word = ("-", self.letter[1:]) if self.letter.startswith("-") else ("", self.letter)
        font = "mathrm" if len(word) > 1 else "mathcal"
        return rf"{sign}\{font}{{{word}}}^{{>{self.k}}}"


class SingleScore(Score):
    """A score without levels, known by its name."""

    mark: ClassVar[tuple[str, str, str]]
    """The symbol as plain text, HTML and LaTeX."""

    @classmethod
    def levels(cls, depth: int) -> tuple[Level, ...]:
        """`(None,)`: it has one value an image."""
        return (None,)

    @property
    def label(self) -> str:
        """The symbol as plain text."""
        return self.mark[0]

    @property
    def symbol(self) -> str:
        """The symbol in HTML."""
        return self.mark[1]

    @property
    def latex(self) -> str:
        """The symbol in LaTeX."""
        return self.mark[2]


def in_unit(values: Floats, unit: str, dimensions: int, label: str = "the score") -> Floats:
    """Values `(n,)` in nats as another of the units `POSITIVE`, for images of D observed dimensions.

    Raises:
        TableError: a logarithm of values that are not all positive.
    """
    if unit == "nats":
        return values
    bits = values / (dimensions * np.log(2))
    if unit == "bits/dim":
        return bits
    if (absent := np.count_nonzero(bits <= 0)) > 0:
        raise TableError(f"{absent} images have {label} at or below 0, which has no logarithm: choose nats or bits/dim")
    return np.log(bits)


def computable(
    scores: Iterable[Score], tables: Iterable[ScoreTable], reference: ScoreTable | None
) -> tuple[list[Score], list[str]]:
    """Which scores every one of the tables gives, and one line for each that some table does not."""
    tables = list(tables)
    found, obstacles = [], []
    for score in scores:
        why = next((why for table in tables if (why := score.obstacle(table, reference)) is not None), None)
        if why is None:
            found.append(score)
        else:
            obstacles.append(why)
    return found, obstacles
