"""Images of a tar archive, one at a time; links, devices and what is beside the images are passed over."""

import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from hvae.datasets.own.decoding import MAX_BYTES
from hvae.datasets.own.names import printable
from hvae.datasets.own.outside import Guarded
from hvae.errors import DataError
from hvae.inputs import opened

_BESIDE = (".cls", ".json", ".txt")
"""Labels and captions that some archives hold beside each image; labels are the folders here."""


def read_tar(path: Path) -> Iterator[tuple[str, int | None, bytes | DataError]]:
    """(name, no label, content or why it is not read) of every regular file of an archive that is not compressed.

    `DataError` for an archive that is damaged or cut short; `OSError` as the system refuses.
    """
    with opened(path) as file:
        try:
            with tarfile.open(fileobj=Guarded(file, MAX_BYTES), mode="r:") as archive:  # type: ignore[arg-type]
                while (member := archive.next()) is not None:
                    # It would remember a kilobyte of each.
                    archive.members.clear()
                    if member.isdir() or _is_beside(member.name):
                        continue
                    if (reason := _refused(member)) is not None:
                        yield member.name, None, DataError(reason)
                        continue
                    unpacked = archive.extractfile(member)
                    assert unpacked is not None
                    content = unpacked.read()
                    if len(content) != member.size:
                        raise DataError("it ends early")
                    yield member.name, None, content
        except (OSError, DataError) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            raise DataError(f"{path} is damaged ({printable(str(error), 200)}): put a whole one in its place") from None
        # Damaged archives surface as almost any exception of the parser.
        except Exception as error:
            said = printable(str(error) or type(error).__name__, 200)
            raise DataError(f"{path} is damaged or compressed ({said}): put a whole, plain tar in its place") from None


def _refused(member: tarfile.TarInfo) -> str | None:
    """Why a member is not read; None for one that is."""
    if not member.isreg() or member.issparse():
        return "a link, a device or a sparse file, not a plain one"
    return f"claims {member.size:,} bytes, more than the {MAX_BYTES:,} allowed" if member.size > MAX_BYTES else None


def _is_beside(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in _BESIDE or any(part.startswith(".") and part != "." for part in path.parts)
