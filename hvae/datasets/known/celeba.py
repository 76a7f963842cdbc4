"""CelebA at 32x32: photographs of faces, aligned by their eyes (Liu, Luo, Wang and Tang, 2015)."""

import os
import re
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from hvae.datasets.base import DataSet, DataSetInfo, ImageSet, Progress, about
from hvae.datasets.conversions import conform
from hvae.datasets.fetching.archives import zip_members
from hvae.datasets.fetching.download import DownloadError, download_from_drive
from hvae.datasets.fetching.published_files import intact, writing_below
from hvae.datasets.own.decoding import decode
from hvae.errors import DataError
from hvae.inputs import read_bytes

IMAGES, LIST = "img_align_celeba", "list_eval_partition.txt"
ARCHIVE = f"{IMAGES}.zip"
PHOTOGRAPHS = 202_599
SIZES = {LIST: 2_836_386, ARCHIVE: 1_443_490_838}
"""Bytes of the published files, for the progress alone: they are known by torchvision's checksums."""
ROOM = 2_100_000_000
"""Bytes that the photographs take on a disk with blocks of 4 KiB, on the safe side."""
SPLITS = {"train": 0, "valid": 1, "test": 2}
"""Numbers of the splits in the list of partitions."""
CROP = 148

_FOLDER = "celeba"
_HEIGHT, _WIDTH = 218, 178
_MEMBER = rf"{IMAGES}/[0-9]{{6}}\.jpg"
_MAX_PHOTOGRAPH_BYTES = 2**20
_MAX_LIST_BYTES = 16 * 2**20
_LINE = re.compile(r"([0-9]{1,8}\.jpg) +([012])")


class Celeba32(DataSet):
    """A data set in ``ROOT/celeba/{img_align_celeba/*.jpg,list_eval_partition.txt}``, as torchvision unpacks it."""

    info = DataSetInfo(
        name="celeba32",
        title="CelebA",
        images="178x218 colour photographs of faces, 162,770 train, 19,867 valid and 19,962 test, without classes",
        licence="for non-commercial research only",
        citation="Liu, Luo, Wang and Tang (2015), Deep learning face attributes in the wild, ICCV",
        preprocessing="the central 148x148 pixels of the aligned images, resized to 32x32 (averaged areas)",
        splits=("train", "valid", "test"),
        shape=(3, 32, 32),
    )

    def available(self, root: Path) -> bool:
        """Whether the images' folder and the list of partitions are there."""
        return (root / _FOLDER / IMAGES).is_dir() and (root / _FOLDER / LIST).is_file()

    def load(self, split: str, root: Path) -> ImageSet:
        """Images ``(n, 3, 32, 32)`` in the order of the list; every label is 0.

        Decoding takes a millisecond an image: the split read last is kept, since training asks for two parts of it.
        """
        folder = root / _FOLDER
        if not self.available(root):
            raise DataError(f"CelebA is not in {folder}: run `hvae data fetch celeba32`, or {_placing(folder)}")
        images = _read(folder, SPLITS[split])
        return ImageSet("celeba32", split, images, np.zeros(len(images), dtype=np.int64), self.info.preprocessing)

    def fetch(self, root: Path, progress: Progress | None = None) -> None:
        """Download and unpack what is missing, each whole or not at all.

        A folder of photographs that is there stays. A published file that somebody put into the folder is not
        downloaded, and not deleted either.
        """
        if self.available(root):
            return
        folder = root / _FOLDER
        with writing_below(folder):
            folder.mkdir(parents=True, exist_ok=True)
            # Below the folder, so that moving a file or folder out of it is one rename.
            with tempfile.TemporaryDirectory(prefix=".download.", dir=folder, ignore_cleanup_errors=True) as temporary:
                try:
                    _obtain(folder, Path(temporary), progress)
                except DownloadError as error:
                    raise DataError(f"could not download CelebA: {error}; {_placing(folder)}") from error


def _placing(folder: Path) -> str:
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
    done, total = 0, downloaded + unpacking * SIZES[ARCHIVE]

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
        (temporary / IMAGES).mkdir()
        unpacked = 0
        with about(ARCHIVE):
            # The names are the paths written: their form admits none that leads out of the folder.
            for name, content in zip_members(archive, _MEMBER, PHOTOGRAPHS, _MAX_PHOTOGRAPH_BYTES):
                (temporary / name).write_bytes(content)
                unpacked += len(content)
                report(unpacked)
        os.replace(temporary / IMAGES, folder / IMAGES)
    report(total)


@lru_cache(maxsize=1)
def _read(folder: Path, split: int) -> np.ndarray:
    names = []
    for number, line in enumerate(_lines(folder / LIST), start=1):
        # Names of digits alone: no line leads out of the folder.
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise DataError(f"{folder / LIST}, line {number}: needed is `000001.jpg 0`, found {line[:40]!r}")
        names += [match[1]] * (int(match[2]) == split)
    if not names:
        raise DataError(f"{folder / LIST} lists no image of split {split}")
    images = np.empty((len(names), 3, 32, 32), dtype=np.uint8)
    for place, name in enumerate(names):
        images[place] = _read_face(folder / IMAGES / name)
    images.flags.writeable = False
    return images


def _lines(path: Path) -> list[str]:
    try:
        return read_bytes(path, _MAX_LIST_BYTES).decode("ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}") from error


def _read_face(path: Path) -> np.ndarray:
    with about(path, "; delete its folder and fetch the data set again, or unpack img_align_celeba.zip again"):
        pixels = decode(path).pixels
    if pixels.shape != (_HEIGHT, _WIDTH, 3):
        raise DataError(f"{path} is no aligned colour photograph of 178x218 pixels")
    top, left = (_HEIGHT - CROP) // 2, (_WIDTH - CROP) // 2
    return conform(pixels[top : top + CROP, left : left + CROP], (3, 32, 32))


DATA_SETS = (Celeba32(),)
