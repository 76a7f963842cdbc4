"""The score tables of a run that may be used, and whose images they are: the one reading path for everybody.

A table is used only where it is sound (its checksums and hash hold, its values are finite) and was made with the
weights that the run has now. A run that was bundled without its weights has those that all its tables name; where they
name several, nothing tells which are its own, and none is used. Whatever is left out is named. Which set is the run's
own is told by identity, never by a file's stem, so no foreign set is taken for the training data.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from hvae.config import DataConfig
from hvae.datasets.base import slug_stem
from hvae.datasets.registry import PARTS
from hvae.errors import TableError
from hvae.inputs import sha256
from hvae.parquet_files import LARGE
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable, TableMetadata, as_table, read_content, read_table, table_paths
from hvae.runs.settings import Setting

WHOLE_SPLITS = ("all", "test")
"""Splits that a foreign set is taken from, the larger one first: no image of it was fitted."""
SMALL = 400_000
"""Bytes of a file whose content is kept from its check to when it is asked for: reading it takes longest."""
UNDECIDED = (
    "cannot be used: the tables were made with different weights, and the run has none that tell which are its own; "
    "keep the tables of one model"
)


@dataclass(frozen=True)
class TableEntry:
    """A sound score table of a run, by its metadata."""

    path: Path
    metadata: TableMetadata
    modified: int
    """When the file changed last, ns: caches know a table by path and this."""

    @property
    def slug(self) -> str:
        """Of the image set."""
        return self.metadata.slug

    @property
    def split(self) -> str:
        """Of the image set."""
        return self.metadata.split

    @property
    def setting(self) -> Setting:
        """How its statistics were estimated."""
        return self.metadata.setting


@dataclass(frozen=True, eq=False)
class Catalogue:
    """What a run has scored."""

    run: RunEntry
    entries: tuple[TableEntry, ...]
    """Those that may be used, by file name."""
    problems: tuple[str, ...]
    """One line for each that may not, and why."""
    own: str | None
    """Slug of the set the run was trained on, as its tables name it; None where no table is of it."""
    weights: str | None
    """SHA-256 (hex) of the weights that its numbers are of; None where neither a file nor the tables tell."""

    def find(self, slug: str, setting: Setting, splits: Sequence[str] | None = None) -> TableEntry | None:
        """The table of a set under a setting, from the first of the splits (default: `whole`) that has one."""
        for split in self.whole(slug) if splits is None else splits:
            for entry in self.entries:
                if (entry.slug, entry.split, entry.setting) == (slug, split, setting):
                    return entry
        return None

    def read(self, entry: TableEntry) -> ScoreTable:
        """The table itself; `TableError` if it was damaged or removed since."""
        path = entry.path
        if path.is_file() and (status := path.stat()).st_size <= SMALL:
            return as_table(*_small(path, status.st_mtime_ns, status.st_size), self.run.name)
        return read_table(path, self.run.name)

    def whole(self, slug: str) -> tuple[str, ...]:
        """Splits that stand for a set in comparisons, in order of preference; none of them holds a fitted image.

        The own set is its test split. One's own folder or file has none (`test` and `all` are all of it, fitted images
        included), so its reference part serves.
        """
        if slug != self.own:
            return WHOLE_SPLITS
        own_files = self.run.config is not None and ":" in self.run.config.data.name
        return ("reference", "calibration") if own_files else ("test",)

    def settings(self, slug: str) -> list[Setting]:
        """Settings under which a set is scored as a whole, in their usual order."""
        found = {entry.setting for entry in self.entries if entry.slug == slug and entry.split in self.whole(slug)}
        return sorted(found, key=lambda setting: setting.order)

    def rule_settings(self) -> list[Setting]:
        """Settings under which both parts that judge images, reference and calibration, are scored."""
        both = [
            {entry.setting for entry in self.entries if entry.slug == self.own and entry.split == part}
            for part in ("reference", "calibration")
        ]
        return sorted(both[0] & both[1], key=lambda setting: setting.order)

    def rule_setting(self, **asked: Any) -> Setting:
        """The setting of the reference and calibration parts that agrees with what is asked for, the usual one first.

        `asked` are fields of `Setting`, None leaving one open. Where none of `rule_settings` agrees, it is the setting
        asked for.

        Raises:
            ConfigError: values that no setting has.
        """
        asked = {field: value for field, value in asked.items() if value is not None}
        wanted = Setting.of(**asked)
        agreeing = [one for one in self.rule_settings() if all(getattr(one, field) == asked[field] for field in asked)]
        return agreeing[0] if agreeing else wanted

    def sets(self) -> list[str]:
        """Slugs of the sets that are scored as a whole, the own one first, the others by name."""
        whole = {entry.slug for entry in self.entries if entry.split in self.whole(entry.slug)}
        return sorted(whole, key=lambda slug: (slug != self.own, slug))


def catalogue(run: RunEntry) -> Catalogue:
    """The tables of a run, each verified; files that did not change since are not read again."""
    found = [_entry(path, run) for path in table_paths(run.path)]
    weights = weights_hash(run.path)
    if weights is None:
        named = {one.metadata.weights_sha256 for one in found if isinstance(one, TableEntry)}
        weights = named.pop() if len(named) == 1 else None
    found = [_of_weights(one, weights) if isinstance(one, TableEntry) else one for one in found]
    entries = tuple(one for one in found if isinstance(one, TableEntry))
    problems = tuple(f"{run.name}: {one}" for one in found if isinstance(one, str))
    own = None if run.config is None else own_set(run.config.data, [entry.metadata for entry in entries])
    return Catalogue(run, entries, problems, own, weights)


def weights_hash(run: Path) -> str | None:
    """SHA-256 (hex) of a run's file of weights; None where it has none."""
    path = run / "model.safetensors"
    if not path.is_file():
        return None
    status = path.stat()
    return _file_hash(path, status.st_mtime_ns, status.st_size)


def own_set(data: DataConfig, tables: Sequence[TableMetadata]) -> str | None:
    """Slug of the set a run was trained on, among those its tables name; None where none is of it.

    A data set of the registry is known by its name. One's own images are known by the fingerprint that the run keeps
    of them; a run from before that was kept by the only set whose parts were scored and whose name fits, as it is made
    today or was made then.
    """
    if ":" not in data.name:
        return data.name
    if data.fingerprint:
        own = [about.slug for about in tables if about.origin == data.fingerprint]
        own += [about.slug for about in tables if about.slug.endswith(f"-{data.fingerprint[:8]}")]
        return own[0] if own else None
    kind, _, path = data.name.partition(":")
    then = re.sub(r"[^a-z0-9]+", "-", Path(path).stem.lower()).strip("-") or kind
    stems = {slug_stem(data.name), then[:40]}
    fitting = {about.slug for about in tables if about.split in PARTS and about.slug[:-9] in stems}
    return fitting.pop() if len(fitting) == 1 else None


def _entry(path: Path, run: RunEntry) -> TableEntry | str:
    """A sound table of a model like the run's, or why it is none."""
    try:
        status = path.stat()
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror})"
    found = _verified(path, status.st_mtime_ns, status.st_size)
    if isinstance(found, str):
        return found
    if run.depth is not None and found.depth != run.depth:
        return f"{path.name} is of a model with {found.depth} layers: score it again"
    return TableEntry(path, found, status.st_mtime_ns)


def _of_weights(entry: TableEntry, weights: str | None) -> TableEntry | str:
    """A table of the run's weights, or why it is none; None where its tables name several and no file decides."""
    if weights is None:
        return f"{entry.path.name} {UNDECIDED}"
    if entry.metadata.weights_sha256 != weights:
        return f"{entry.path.name} was made with other weights than the run has now: score it again"
    return entry


@lru_cache(maxsize=4096)
def _verified(path: Path, modified: int, size: int) -> TableMetadata | str:
    """Metadata of a sound table, or what is wrong with it; `modified` and `size` are part of the key."""
    try:
        return _small(path, modified, size)[0] if size <= SMALL else read_content(path, () if size > LARGE else None)[0]
    except TableError as error:
        return str(error)


@lru_cache(maxsize=256)
def _small(path: Path, modified: int, size: int) -> tuple[TableMetadata, pa.Table]:
    """A small table as it is stored, verified; of a line-up of many runs each is asked for several times."""
    return read_content(path)


@lru_cache(maxsize=256)
def _file_hash(path: Path, modified: int, size: int) -> str:
    return sha256(path)
