"""Where one's own image sets lie on this machine: `sources.json` in the folder of the run that has scored them.

A note for this machine alone, which no bundle, export or import holds. It is read as carefully as a file from outside
and believed only where the pixels have the fingerprint it names. Imports no torch.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from hvae.config import Frozen
from hvae.datasets import ImageSet, is_known
from hvae.datasets.looks import own_titles
from hvae.datasets.own.names import readable_name
from hvae.datasets.own.naming import place_of
from hvae.errors import DataError
from hvae.files import read_json, write_text
from hvae.inputs import absolute

SOURCES_FILE = "sources.json"
MAXIMUM_BYTES = 1_000_000
MAXIMUM_SETS = 1_000
_OWN_TABLES = f"*-{'[0-9a-f]' * 8}.*.parquet"

Slug = Annotated[str, Field(pattern=r"^[\w-]+$", max_length=120)]


class Source(Frozen):
    """Where one set lies, and what it held."""

    place: Annotated[str, Field(pattern=r"^(folder|npz|shards):[^\x00-\x1f]+$", max_length=4_200)]
    """`folder:PATH`, `npz:PATH` or `shards:PATH`, absolute."""
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Of the whole set, in the shape of the run's model."""


class _Sources(Frozen):
    schema_version: Literal[1] = 1
    sets: Annotated[dict[Slug, Source], Field(max_length=MAXIMUM_SETS)]


def read_sources(run: Path) -> dict[str, Source]:
    """Every set of one's own that a run remembers, by slug; empty where it remembers none.

    Raises:
        DataError: a damaged file.
    """
    found = read_json(run / SOURCES_FILE, _Sources, MAXIMUM_BYTES, "delete it, and score the folders again")
    return found.sets if found else {}


def remember(run: Path, images: ImageSet, name: str | None = None) -> None:
    """Note where a set of one's own lies, for every name under which the run knows these pixels.

    A set of the registry is not noted. A damaged note is written anew. `images` are of
    the set or of a part of it, `name` is what they were loaded by, default their own.
    """
    kind, separator, path = readable_name(name or images.name).partition(":")
    if not separator:
        return
    try:
        source = Source(place=f"{kind}:{absolute(Path(path).expanduser())}", fingerprint=images.whole_fingerprint)
    except ValidationError:
        return
    known = _undamaged(run)
    moved = {slug: source for slug, one in known.items() if one.fingerprint == source.fingerprint}
    sets = dict(list((known | moved | {images.slug: source}).items())[-MAXIMUM_SETS:])
    if sets != known:
        write_text(run / SOURCES_FILE, _Sources(sets=sets).model_dump_json(indent=1) + "\n")


def known_slug(run: Path, fingerprint: str) -> str | None:
    """The name under which a run knows the set with this fingerprint, if any; of several the first."""
    return next((slug for slug, one in _undamaged(run).items() if one.fingerprint == fingerprint), None)


def locate(run: Path, slug: str) -> Source:
    """Where a set of one's own lies.

    Raises:
        DataError: nobody noted it, or it is no longer there: where it was and how to say where it is.
    """
    source = read_sources(run).get(slug)
    if source is None:
        raise DataError(f"{run.name} does not know where {slug} lies on this machine: {_tell(run, 'folder')}")
    kind, path = source.place.partition(":")[0], place_of(source.place)
    if not {"folder": path.is_dir, "npz": path.is_file, "shards": path.exists}[kind]():
        raise DataError(f"{slug} is no longer at {source.place}: {_tell(run, kind)}")
    return source


def resolve(run: Path, name: str) -> str:
    """The name of a data set as it can be loaded: for the slug of one's own set, the path that a run remembers.

    Raises:
        DataError: the set is no longer there, or the run's note of it is damaged.
    """
    if ":" in name or is_known(name) or name not in read_sources(run):
        return name
    return locate(run, name).place


def require_unchanged(run: Path, source: Source, images: ImageSet) -> None:
    """Refuse (`DataError`) images, or a part of them, that are not those the run has scored."""
    if images.whole_fingerprint != source.fingerprint:
        kind = source.place.partition(":")[0]
        raise DataError(f"{source.place} no longer holds the images that were scored: {_tell(run, kind)}")


def known_labels(runs: Iterable[Path]) -> dict[str, str]:
    """The title of every set of one's own that some runs remember or have scored, by slug; see `own_titles`.

    A damaged note is passed over.
    """
    runs = list(runs)
    scored = (path.name.partition(".")[0] for run in runs for path in (run / "scores").glob(_OWN_TABLES))
    return own_titles({slug: source.place for run in runs for slug, source in _undamaged(run).items()}, scored)


def _undamaged(run: Path) -> dict[str, Source]:
    """What a run remembers; nothing where its note is damaged."""
    try:
        return read_sources(run)
    except DataError:
        return {}


def _tell(run: Path, kind: str) -> str:
    return f"if they have moved, say so with hvae score {run.name} --data {kind}:NEWPATH"
