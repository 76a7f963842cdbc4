"""Downloads that arrive whole or not at all."""

import hashlib
import http.client
import os
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

TIMEOUT = 30.0
"""Seconds without a byte after which a server counts as gone."""

_CHUNK = 64 * 1024


class DownloadError(Exception):
    """Why one address did not deliver, in words."""


def download(url: str, checksum: str, max_bytes: int, on_bytes: Callable[[int], None]) -> bytes:
    """The bytes of a file that fits in memory, with this MD5 or SHA-256; ``on_bytes`` hears how many have come so far.

    torchvision publishes addresses and checksums of the data sets, but its downloader knows no timeout, reports no
    progress to the caller and leaves a partial file under the final name. `DownloadError` if there is no network, no
    such file, or the answer is cut short, too long or another file.
    """
    received = bytearray()
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "hvae"})
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            announced = response.length
            while chunk := response.read(_CHUNK):
                received += chunk
                if len(received) > max_bytes:
                    raise DownloadError(f"the file is longer than {max_bytes:,} bytes")
                on_bytes(len(received))
    except urllib.error.HTTPError as error:
        error.close()
        raise DownloadError(f"the server answered {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise DownloadError(f"no connection ({error.reason})") from error
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(f"the connection broke after {len(received):,} bytes ({error})") from error
    if announced and len(received) < announced:
        raise DownloadError(f"the connection broke after {len(received):,} of {announced:,} bytes")
    if reason := mismatch(received, checksum):
        raise DownloadError(f"the file is damaged or another one ({reason})")
    return bytes(received)


def mismatch(content: bytes | bytearray | Path, checksum: str) -> str:
    """Why this content is not that of an MD5 (32 hex digits) or SHA-256 (64), in words; empty if it is.

    A path's file is read in pieces and may be longer than the memory; `OSError` if it cannot be read.
    """
    name = "MD5" if len(checksum) == 32 else "SHA-256"
    new = partial(hashlib.new, name.replace("-", ""), usedforsecurity=False)
    if isinstance(content, Path):
        with content.open("rb") as file:
            found = hashlib.file_digest(file, new)
    else:
        found = new(content)
    return "" if found.hexdigest() == checksum else f"its {name} differs"


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` through a temporary name beside it: no half-written file ever has the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
