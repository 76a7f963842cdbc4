"""Image sets in few small files, for a machine that nothing but a checkout reaches.

Hundreds of images make one tall picture in lossless WebP, which takes less than half of what the published files do.
The pictures of a set are spread over files of at most `MOST_BYTES`, which may come in several calls.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from hvae.datasets import ImageSet, load

MOST_BYTES = 15 * 2**20
_TALLEST = 16_000
"""Pixels; a WebP picture has 16,383 at most."""


def pack(names: Sequence[str], into: Path) -> list[Path]:
    """The training and test images of some sets as files in a folder."""
    into.mkdir(parents=True, exist_ok=True)
    return [path for name in names for path in _pack(name, into)]


def _pack(name: str, into: Path) -> Iterator[Path]:
    for split in ("train", "test"):
        images = load(name, split)
        files, about = _files(images.images), {
            "shape": images.shape, "labels": images.labels.tolist(), "fingerprint": images.fingerprint,
            "note": images.note,
        }  # fmt: skip
        for number, pictures in enumerate(files):
            path = into / f"{name}.{split}.{number + 1}-of-{len(files)}.npz"
            np.savez(path, *(np.frombuffer(one, np.uint8) for one in pictures))
            yield path
        path = into / f"{name}.{split}.json"
        path.write_text(json.dumps(about | {"files": len(files)}))
        yield path


def _files(images: np.ndarray) -> list[list[bytes]]:
    """Pictures of all images, in lists that each fit one file."""
    step, found, size = _TALLEST // images.shape[2], [[]], 0
    for start in range(0, len(images), step):
        tall = np.concatenate(list(images[start : start + step].transpose(0, 2, 3, 1)))
        held = io.BytesIO()
        Image.fromarray(np.broadcast_to(tall, (*tall.shape[:2], 3)).copy()).save(
            held, "WEBP", lossless=True, quality=40
        )
        if size and size + held.tell() > MOST_BYTES:
            found.append([])
            size = 0
        found[-1].append(held.getvalue())
        size += held.tell()
    return found


def gather(source: Path, into: Path) -> None:
    """Take over the files of a call, so that those of the next one join them."""
    into.mkdir(parents=True, exist_ok=True)
    for path in source.glob("*.[jn][sp][oz]*"):
        if not (into / path.name).exists():
            shutil.copy(path, into / path.name)


def is_whole(folder: Path, name: str) -> bool:
    """Whether all files of a set are there."""
    abouts = [folder / f"{name}.{split}.json" for split in ("train", "test")]
    return all(path.exists() and len(_parts(path)) == json.loads(path.read_text())["files"] for path in abouts)


def _parts(about: Path) -> list[Path]:
    return sorted(
        about.parent.glob(f"{about.stem}.*-of-*.npz"), key=lambda path: int(path.stem.rpartition(".")[2].split("-")[0])
    )


def unpack(folder: Path, name: str, split: str) -> ImageSet:
    """A set as it was packed, its pixels checked by their fingerprint."""
    path = folder / f"{name}.{split}.json"
    about = json.loads(path.read_text())
    channels, height, width = about["shape"]
    pictures: list[bytes] = []
    for part in _parts(path):
        with np.load(part) as held:
            pictures += [held[key].tobytes() for key in held.files]

    def images_of(picture: bytes) -> np.ndarray:
        tall = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
        return tall.reshape(-1, height, width, 3)[..., :channels].transpose(0, 3, 1, 2)

    with ThreadPoolExecutor(8) as pool:
        images = np.ascontiguousarray(np.concatenate(list(pool.map(images_of, pictures))))
    found = ImageSet(name, split, images, np.array(about["labels"], np.int64), about["note"])
    if found.fingerprint != about["fingerprint"]:
        raise ValueError(f"{name} {split} is not what was packed")
    return found
