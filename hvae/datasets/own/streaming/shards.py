"""``shards:PATH``: images in a few large files, read one after the other and one image at a time.

Arrays (`.npz`), encoded images in a table (`.parquet`) or in an archive (`.tar`). The tables are read by pyarrow, the
archives by tarfile, and every image by the reader of single files: nothing that is read can name code to run.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from hvae.datasets.base import ImageSet
from hvae.datasets.held import portions
from hvae.datasets.own.arrays import Spans, read_arrays, spans_of
from hvae.datasets.own.decoding import DecodedImage, decode
from hvae.datasets.own.names import printable, shown_name
from hvae.datasets.own.outside import MAX_REASON, Picture, Refusal, prepared
from hvae.datasets.own.preparing import Treatment
from hvae.datasets.own.streaming.gathering import Gathered
from hvae.datasets.own.streaming.tables import read_table
from hvae.datasets.own.streaming.tars import read_tar
from hvae.errors import DataError

MAX_SHARDS = 100_000
SUFFIXES = (".npz", ".parquet", ".tar")
Record = tuple[str, int | None, bytes | DecodedImage | DataError]
"""Name within its shard, label where there is one, and the file or what is the matter with it."""


def load_shards(path: Path, how: Treatment, name: str, split: str) -> ImageSet:
    """Every image of the shards of a folder, in the order of their names, or of one shard; prepared for a model.

    Labels are those of the shards (arrays and tables), else they number the sorted first-level folders. `DataError` if
    there is no shard, or one that is damaged, gone or unlike the others: then nothing is read in part.
    """
    shards, passed = _shards(path)
    spans = _spans([one for one in shards if one.suffix.lower() == ".npz"])
    gathered, notes = Gathered(how.image_shape), list[str]()
    for shard in shards:
        before = len(gathered)
        try:
            for title, label, content in _READERS[shard.suffix.lower()](shard, spans, notes):
                gathered.add(_one(f"{title}", content, how), label)
        except OSError as error:
            raise DataError(
                f"{shard} cannot be read ({error.strerror or error}): put it back and run the same command again; what "
                "was scored is kept"
            ) from None
        if len(gathered) == before:
            passed.append(f"{shard.name} (no image that can be read)")
    return gathered.image_set(name, split, str(path), passed, notes)


def _shards(path: Path) -> tuple[list[Path], list[str]]:
    """(the shards, what else lies beside them)."""
    if not path.is_dir():
        if not path.is_file():
            raise DataError(f"there is no folder or file {path}")
        if path.suffix.lower() not in SUFFIXES:
            raise DataError(f"{path} is no shard: {', '.join(SUFFIXES)}, or a folder of them")
        return [path], []
    found = sorted(one for one in path.iterdir() if not one.name.startswith("."))
    shards = [one for one in found if one.suffix.lower() in SUFFIXES and one.is_file()]
    if not shards:
        raise DataError(f"{path} holds no shard: {', '.join(SUFFIXES)} directly in it")
    if len(shards) > MAX_SHARDS:
        raise DataError(f"{path} holds more than {MAX_SHARDS:,} shards")
    return shards, [f"{shown_name(one.name)} (no shard)" for one in found if one not in {*shards}]


def _spans(arrays: list[Path]) -> Spans:
    """What the numbers of all arrays span together: shards are scaled alike. `DataError` for shards that are unlike."""
    spans: Spans = {}
    first, shape = None, None
    for path in arrays:
        found = spans_of(path, spans)
        if first is None:
            first, shape = path, found
        elif found != shape or len(spans) > 1:
            kinds = f" as {', '.join(spans)}" if found == shape else f" of {found[1:]}, {first.name} of {shape[1:]}"  # type: ignore[index]
            raise DataError(f"{path.name} has images{kinds}: shards have to be alike in shape and type")
    return spans


def _one(name: str, content: bytes | DecodedImage | DataError, how: Treatment) -> Picture | Refusal:
    try:
        if isinstance(content, DataError):
            raise content
        return prepared(content if isinstance(content, DecodedImage) else decode(content), name, how)
    except DataError as error:
        return Refusal(shown_name(name), printable(str(error), MAX_REASON))


def _arrays(path: Path, spans: Spans, notes: list[str]) -> Iterator[Record]:
    found, row = read_arrays(path, spans=spans), 0
    notes += [note for note in (*found.notes, *(one.sentence for one in found.caveats)) if note not in notes]
    for part in portions(found.images):
        for image in part:
            title = found.names[row] if found.names else f"{path.name}/{row:06d}"
            yield title, int(found.labels[row]), DecodedImage(image.transpose(1, 2, 0), (), image.shape[1:])
            row += 1


_READERS: dict[str, Callable[[Path, Spans, list[str]], Iterator[Record]]] = {
    ".npz": _arrays,
    ".parquet": lambda path, spans, notes: read_table(path),
    ".tar": lambda path, spans, notes: read_tar(path),
}
