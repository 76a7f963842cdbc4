"""Named members of an archive: nothing is unpacked by the paths that an archive gives."""

import io
import tarfile

from hvae.errors import DataError


def tar_members(archive: bytes, names: list[str], max_bytes: int) -> dict[str, bytes]:
    """Content of some files of a gzipped tar archive, by their names in it; the others are passed over.

    Args:
        archive: The archive.
        names: Members wanted.
        max_bytes: Longest member read.

    Returns:
        Content by name, in the order of the archive.

    Raises:
        DataError: If the archive is damaged, lacks a member, or a member is no plain file or too long.
    """
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r|gz") as opened:
            for member in opened:
                if member.name not in names:
                    continue
                if not member.isreg() or member.size > max_bytes:
                    raise DataError(f"{member.name} in the archive is no file of at most {max_bytes:,} bytes")
                content = opened.extractfile(member)
                assert content is not None
                found[member.name] = content.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(f"the archive is damaged ({error})") from error
    if missing := set(names) - set(found):
        raise DataError(f"the archive lacks {', '.join(sorted(missing))}")
    return found
