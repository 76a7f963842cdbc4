"""Robustness cards: how well scores see a run's own test images once these are changed more and more. No torch.

One small parquet file a setting, `card/<reading>.S<samples>.R<draws>.seed<seed>.parquet`: one row for each family of
`hvae.datasets.families`, strength and score. Pages carry checksums, the content has a hash and the metadata names the
weights and the images.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, ValidationError

from hvae.config import Frozen, first_problem
from hvae.datasets.families import FAMILIES
from hvae.errors import TableError, first_line
from hvae.files import write_atomically
from hvae.models.proposal import Reading
from hvae.parquet_files import read_footer, read_parquet, whole_schema, write_parquet
from hvae.runs.folders import RunEntry
from hvae.runs.measured.usable import usable
from hvae.runs.score_tables import content_hash
from hvae.runs.settings import Noise, Precision, Setting

FOLDER = "card"
UNALTERED = "unaltered"
"""In the place of a family: one half of the test images against the other, which is strength 0 of every family."""
MAXIMUM_BYTES = 1_000_000
MAXIMUM_ROWS = 20_000
MAXIMUM_ROW_GROUPS = 8
_METADATA_KEY = b"hvae-card"
_RATES = ("auroc", "auroc_low", "auroc_high", "caught")
_SCHEMA = pa.schema(
    [
        pa.field("family", pa.string()),
        pa.field("strength", pa.float64()),
        pa.field("score", pa.string()),
        *(pa.field(name, pa.float64()) for name in _RATES),
    ]
)


class CardMetadata(Frozen):
    """What the numbers of a card depend on."""

    schema_version: Literal[1] = 1
    slug: Annotated[str, Field(pattern=r"^[\w-]+$", max_length=120)]
    split: Annotated[str, Field(pattern=r"^[a-z]+$", max_length=40)]
    reading: Reading
    samples: Annotated[int, Field(ge=1)]
    draws: Annotated[int, Field(ge=1)]
    seed: Annotated[int, Field(ge=0)]
    """Of the changes and of all noise of the evaluation."""
    precision: Precision
    noise: Noise = 1
    depth: Annotated[int, Field(ge=0, le=64)]
    n: Annotated[int, Field(ge=2)]
    """Images that are changed."""
    n_unaltered: Annotated[int, Field(ge=2)]
    """Other images that they are told from."""
    n_calibration: Annotated[int, Field(ge=1)]
    """Images that the threshold comes from."""
    budget: Annotated[float, Field(gt=0, lt=1)]
    """Share of false alarms allowed."""
    weights_sha256: Annotated[str, Field(max_length=64)]
    data_fingerprint: Annotated[str, Field(max_length=64)]
    """Of both halves of the test images."""
    content_sha256: Annotated[str, Field(max_length=64)] = ""
    version: Annotated[str, Field(max_length=40)]

    @property
    def setting(self) -> Setting:
        """How the statistics were estimated."""
        return Setting(self.reading, self.samples, self.draws, self.seed, self.precision, self.noise)

    @property
    def file_name(self) -> str:
        """`<reading>.S<samples>.R<draws>.seed<seed>.parquet`."""
        return f"{self.reading}.S{self.samples}.R{self.draws}.seed{self.seed}.parquet"


@dataclass(frozen=True, eq=False)
class Card:
    """A card in memory.

    `frame` has a row for each `family`, `strength` and `score` (`LLR>1` ...): `auroc` against unaltered images with its
    95 % interval, and the share `caught` at the budget.
    """

    frame: pd.DataFrame
    metadata: CardMetadata

    @property
    def weights_sha256(self) -> str:
        """Of the weights it was measured with."""
        return self.metadata.weights_sha256

    @property
    def options(self) -> str:
        """Of `hvae score RUN`, to measure it again."""
        return f"--card {self.metadata.setting.options}"

    def is_of(self, weights: str | None, depth: int | None) -> bool:
        """Whether it is of the weights with this SHA-256 (any where None) and a model with so many latent layers."""
        return weights in (None, self.weights_sha256) and self.metadata.depth == depth


def write_card(run: Path, card: Card) -> Path:
    """Store a card in a run's folder, atomically; `TableError` for values that no card has."""
    content = pa.Table.from_pandas(card.frame, _SCHEMA, preserve_index=False)
    metadata = card.metadata.model_copy(update={"content_sha256": content_hash(content)})
    if (wrong := _problem(card.frame)) is not None:
        raise TableError(f"{metadata.file_name} {wrong}")
    content = content.replace_schema_metadata({_METADATA_KEY: metadata.model_dump_json().encode()})
    path = run / FOLDER / metadata.file_name
    write_atomically(path, lambda part: write_parquet(content, part, ["family", "strength", "score"]))
    return path


def read_card(path: Path) -> Card:
    """Read and verify a card; sizes and schema are checked before anything is decoded.

    Raises:
        TableError: no card, damaged, too large, of another schema, or with values that no card has.
    """
    again = "measure it again with hvae score RUN --card"
    if not path.is_file() or path.stat().st_size > MAXIMUM_BYTES:
        raise TableError(f"{path.name} is no robustness card ({MAXIMUM_BYTES:,} bytes at most): {again}")
    try:
        about = read_footer(path)
        if not _is_bounded(about) or not whole_schema(about.schema.to_arrow_schema()).equals(_SCHEMA):
            raise TableError(f"{path.name} has other rows or columns than a robustness card: {again}")
        metadata = CardMetadata.model_validate_json((about.metadata or {}).get(_METADATA_KEY, b""))
        content = read_parquet(path)
        frame = content.to_pandas()
    except ValidationError as error:
        raise TableError(f"{path.name} is no robustness card ({first_problem(error)}): {again}") from None
    except TableError:
        raise
    # Damaged files surface from the parquet reader as almost any exception (OSError, UnicodeDecodeError, ...).
    except Exception as error:
        raise TableError(f"{path.name} is damaged ({first_line(error)}): {again}") from None
    wrong = _problem(frame)
    if wrong is None and content_hash(content) != metadata.content_sha256:
        wrong = "is not what was written: its values have another hash"
    if wrong is None and path.name != metadata.file_name:
        wrong = f"holds another card, {metadata.file_name}"
    if wrong is not None:
        raise TableError(f"{path.name} {wrong}: {again}")
    return Card(frame, metadata)


def _is_bounded(about: pq.FileMetaData) -> bool:
    """Whether a file claims no more than a card may hold, packed and unpacked."""
    groups = about.num_row_groups
    if groups > MAXIMUM_ROW_GROUPS or about.num_rows > MAXIMUM_ROWS:
        return False
    return sum(about.row_group(number).total_byte_size for number in range(groups)) <= MAXIMUM_BYTES


def card_paths(run: Path) -> list[Path]:
    """Files of a run's folder that ought to be cards, sorted; none is opened."""
    return sorted((run / FOLDER).glob("*.parquet"))


def cards(run: RunEntry) -> tuple[list[Card], list[str]]:
    """The cards of a run in the order of their settings, and one line for each that may not be used, see `usable`."""
    found, problems = usable(run, card_paths(run.path), read_card)
    return sorted(found, key=lambda card: card.metadata.setting.order), problems


def _problem(frame: pd.DataFrame) -> str | None:
    """What is wrong with the rows of a card, None where nothing is."""
    if frame.isna().to_numpy().any():
        return "has gaps"
    rates = frame.reindex(columns=list(_RATES)).to_numpy()
    if not ((rates >= 0) & (rates <= 1)).all():
        return "has rates outside 0 to 1"
    if frame.duplicated(["family", "strength", "score"]).any():
        return "has a row twice"
    measured = {(UNALTERED, 0.0)} | {(one.name, float(s)) for one in FAMILIES.values() for s in one.strengths}
    rows = set(zip(frame["family"], frame["strength"], strict=True))
    if rows != measured or len(frame) != len(measured) * frame["score"].nunique():
        return "has other families or strengths than this version of hvae measures"
    return None
