"""The files that CelebA is published as: an archive of photographs and the list of their splits."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from hvae.datasets.archives import zip_members
from hvae.datasets.base import Progress
from hvae.datasets.download import DownloadError
from hvae.datasets.google_drive import download_from_drive
from hvae.datasets.published_files import intact, writing_below
from hvae.errors import DataError

IMAGES, LIST = "img_align_celeba", "list_eval_partition.txt"
ARCHIVE = f"{IMAGES}.zip"
PHOTOGRAPHS = 202_599
SIZES = {LIST: 2_836_386, ARCHIVE: 1_443_490_838}
"""Bytes of the published files, for the progress alone: they are known by torchvision's checksums."""
ROOM = 2_100_000_000
"""Bytes that the photographs take on a disk with blocks of 4 KiB, on the safe side."""

_MEMBER = rf"{IMAGES}/[0-9]{{6}}\.jpg"
_MAX_PHOTOGRAPH_BYTES = 2**20


def obtain_celeba(folder: Path, progress: Progress | None = None) -> None:
    """Put the list and the photographs into ``folder``, each whole or not at all.

    A published file that somebody put there is not downloaded, and not deleted either; a folder of photographs that is
    there stays as it is.

    Args:
        folder: Folder of the data set.
        progress: Told the bytes downloaded and unpacked.

    Raises:
        DataError: If a file cannot be downloaded, unpacked or written, with the way to place it by hand.
    """
    with writing_below(folder):
        folder.mkdir(parents=True, exist_ok=True)
        # Below the folder, so that moving a file or folder out of it is one rename.
        with tempfile.TemporaryDirectory(prefix=".download.", dir=folder, ignore_cleanup_errors=True) as temporary:
            try:
                _obtain(folder, Path(temporary), progress)
            except DownloadError as error:
                raise DataError(f"could not download CelebA: {error}; {placing(folder)}") from error


def placing(folder: Path) -> str:
    """How to place the files by hand, in words."""
    return (
        f"put {ARCHIVE} and {LIST} from mmlab.ie.cuhk.edu.hk/projects/CelebA.html into {folder} and run "
        "`hvae data fetch celeba32` to unpack them, or set HVAE_DATA to the folder that has them unpacked"
    )


def _obtain(folder: Path, temporary: Path, progress: Progress | None) -> None:
    # Imported here: torchvision brings torch along, and only a download needs its list of files.
    from torchvision.datasets import CelebA

    published = {name: (file_id, md5) for file_id, md5, name in CelebA.file_list}
    unpacking = not (folder / IMAGES).is_dir()
    needed = [LIST, ARCHIVE] if unpacking else [LIST]
    missing = [name for name in needed if not intact(folder / name, published[name][1])]
    downloaded = sum(SIZES[name] for name in missing)
    room, free = downloaded + unpacking * ROOM, shutil.disk_usage(folder).free
    if free < room:
        raise DataError(f"CelebA needs {room:,} free bytes in {folder}, which has {free:,}; set HVAE_DATA to another")
    total = downloaded + unpacking * SIZES[ARCHIVE]
    done = 0

    def report(more: int) -> None:
        if progress:
            progress(min(done + more, total), total)

    for name in missing:
        downloads = temporary / f"{name}.d"
        downloads.mkdir()
        file_id, md5 = published[name]
        download_from_drive(file_id, downloads / name, md5, report)
        done += SIZES[name]
        report(0)
        if name == LIST:
            # gdown's files are readable by their owner alone.
            (downloads / name).chmod(0o644)
            os.replace(downloads / name, folder / name)
    if unpacking:
        archive = (temporary / f"{ARCHIVE}.d" if ARCHIVE in missing else folder) / ARCHIVE
        _unpack(archive, temporary, report)
        os.replace(temporary / IMAGES, folder / IMAGES)
    if progress:
        progress(total, total)


def _unpack(archive: Path, temporary: Path, report: Callable[[int], None]) -> None:
    (temporary / IMAGES).mkdir()
    unpacked = 0
    try:
        # The names are the paths written: their form admits none that leads out of the folder.
        for name, content in zip_members(archive, _MEMBER, PHOTOGRAPHS, _MAX_PHOTOGRAPH_BYTES):
            (temporary / name).write_bytes(content)
            unpacked += len(content)
            report(unpacked)
    except DataError as error:
        raise DataError(f"{ARCHIVE}: {error}") from error
