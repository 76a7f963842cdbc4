"""Files that are published on Google Drive, which hands out large ones only to who answers its pages."""

import importlib
import textwrap
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path

from hvae.datasets.fetching.download import DownloadError

TICK = 0.5
"""Seconds between two looks at how far a download is."""

_LONGEST_REASON = 300


def download_from_drive(file_id: str, path: Path, checksum: str, on_bytes: Callable[[int], None]) -> None:
    """Fetch a file to ``path`` and check it, by torchvision's function and the package `gdown` that it needs.

    torchvision tells nobody how far it is, so that it works in a thread while this one weighs the folder. When
    ``on_bytes`` raises, the thread is left to end with the process; its file should lie in a folder that is removed.

    Nothing else may be written to the folder of ``path`` meanwhile; ``on_bytes`` is called twice a second with the
    bytes received so far. `DownloadError` if gdown is not installed, there is no network, Google refuses (after many
    downloads of a file it does for a day), the disk is full, or the file has another MD5.
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
        on_bytes(sum(_size(part) for part in path.parent.iterdir()))
    # The errors of gdown, of requests below it and of torchvision have no base in common; gdown's have several lines.
    if error := outcome.exception():
        reason = textwrap.shorten(str(error), _LONGEST_REASON, placeholder=" ...") or type(error).__name__
        raise DownloadError(reason) from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    # It is renamed when it is complete.
    except FileNotFoundError:
        return 0
