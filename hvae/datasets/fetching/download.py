"""Downloads that arrive whole or not at all, from plain addresses and from Google Drive."""

import hashlib
import http.client
import importlib
import textwrap
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial
from pathlib import Path

from hvae.inputs import opened

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
        with opened(content) as file:
            found = hashlib.file_digest(file, new)
    else:
        found = new(content)
    return "" if found.hexdigest() == checksum else f"its {name} differs"


TICK = 0.5
"""Seconds between two looks at how far a download is."""

_LONGEST_REASON = 300


def download_from_drive(file_id: str, path: Path, checksum: str, on_bytes: Callable[[int], None]) -> None:
    """Fetch a file to ``path`` and check it, by torchvision's function and the package `gdown` that it needs.

    torchvision tells nobody how far it is, so that it works in a thread while this one weighs the folder, to which
    nothing else may be written. When ``on_bytes`` raises, the thread is left to end with the process.

    `DownloadError` if gdown is not installed, there is no network, Google refuses (after many downloads of a file it
    does for a day), the disk is full, or the file has another MD5.
    """
    try:
        importlib.import_module("gdown")
    except ImportError as error:
        raise DownloadError("Google Drive asks for the package gdown: run pip install 'hvae[celeba]'") from error
    # Imported here: torchvision brings torch along, which only a download needs.
    from torchvision.datasets.utils import download_file_from_google_drive

    outcome: Future[None] = Future()

    def work() -> None:
        try:
            download_file_from_google_drive(file_id, path.parent, path.name, checksum)
        except BaseException as error:
            outcome.set_exception(error)
        else:
            outcome.set_result(None)

    threading.Thread(target=work, name=f"download of {path.name}", daemon=True).start()
    while not wait([outcome], timeout=TICK).done:
        # A file is renamed when it is complete.
        with suppress(FileNotFoundError):
            on_bytes(sum(part.stat().st_size for part in path.parent.iterdir()))
    # The errors of gdown, of requests below it and of torchvision have no base in common; gdown's have several lines.
    if error := outcome.exception():
        reason = textwrap.shorten(str(error), _LONGEST_REASON, placeholder=" ...") or type(error).__name__
        raise DownloadError(reason) from error
