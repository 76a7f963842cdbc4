"""Where the fuzzer starts: sound files of every kind and mode, and the hostile ones that the tests know."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.optim.swa_utils import AveragedModel

from hvae.datasets.own.decoding import FORMATS
from hvae.runs.folders import FORMER_RESUME_FILE
from hvae.training import resuming
from hvae.training.resuming import Learnt
from tests.synthetic import make_run, make_tables

MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I", "I;16",
         "I;16B", "F")  # fmt: skip
OPTIONS: dict[str, tuple[dict[str, object], ...]] = {
    "PNG": ({}, {"bits": 2}, {"transparency": 3}, {"optimize": True, "dpi": (72, 72)}),
    "JPEG": ({}, {"progressive": True}, {"quality": 20, "subsampling": 2, "comment": b"words"}),
    "WEBP": ({"lossless": True}, {"quality": 10}),
    "BMP": ({},),
    "TIFF": (
        {},
        *({"compression": name} for name in ("packbits", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "group3", "group4")),
        {"compression": "tiff_lzw", "tiffinfo": {317: 2}},
        {"compression": "lzma"},
        {"compression": "zstd"},
        {"compression": "webp"},
        {"big_tiff": True},
    ),
    "PPM": ({},),
}
SIDES = ((7, 5), (1, 1), (40, 33))


def images() -> Iterator[bytes]:
    """Every format in every mode and setting it is written with, rotations, text, archives, what the tests know."""
    from tests.hvae.datasets.own.test_outside import DAMAGED, READ, REFUSED

    generator = np.random.default_rng(0)
    several: dict[str, bytes] = {}
    for side in SIDES:
        picture = Image.fromarray(generator.integers(0, 256, (*side, 3), dtype=np.uint8))
        for mode in MODES:
            converted = _as_mode(picture, mode)
            for kind in FORMATS:
                for options in OPTIONS[kind]:
                    if (data := _encoded(converted, kind, options)) is not None:
                        several[f"{len(several)}.{kind.lower()}"] = data
                        yield data
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        for kind in ("PNG", "JPEG", "TIFF", "WEBP"):
            if (data := _encoded(picture, kind, {"exif": exif})) is not None:
                yield data
    yield b"P1\n# words\n3 2\n0 1 0\n1 0 1\n"
    yield b"P2\n3 2\n65535\n0 1 65535\n9 8 7\n"
    yield b"P3\n1 2\n15\n0 1 2\n9 8 7\n"
    yield b"P7\nWIDTH 1\nHEIGHT 2\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n" + bytes(range(8))
    yield b"Pf\n2 2\n-1.0\n" + struct.pack("<4f", 0, 0.5, 1, 0.25)
    yield _run_lengths()
    yield from _arrays(generator)
    yield from READ.values()
    yield from REFUSED.values()
    yield from (archive for archive, _ in DAMAGED.values())
    chosen = dict(list(several.items())[:: max(1, len(several) // 10)])
    yield zipped(chosen)
    yield zipped({f"folder/{name}": data for name, data in chosen.items()}, zipfile.ZIP_STORED)


def _arrays(generator: np.random.Generator) -> Iterator[bytes]:
    """Arrays of every layout and type of number: npz, npy and idx, plain and packed."""
    grey = generator.integers(0, 256, (3, 4, 5), dtype=np.uint8)

    def npy(array: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        np.save(buffer, array)
        return buffer.getvalue()

    kinds = [grey, grey > 99, grey.astype(np.int64), grey.astype(np.uint16) * 257, grey / 255, grey.astype(np.float16)]
    yield from map(npy, kinds)
    yield npy(np.stack([grey] * 3, axis=-1))
    labels = np.arange(3)
    members = {"images": npy(grey), "labels": npy(labels), "names": npy(np.array(["a", "b", "c"]))}
    yield zipped({f"{name}.npy": content for name, content in members.items()})
    medmnist = {"train_images": grey, "train_labels": labels[:, None], "test_images": grey[:1]}
    yield zipped({f"{name}.npy": npy(array) for name, array in medmnist.items()}, zipfile.ZIP_STORED)
    idx = bytes((0, 0, 8, 3)) + struct.pack(">3I", *grey.shape) + grey.tobytes()
    yield idx
    yield gzip.compress(idx)
    yield gzip.compress(npy(grey))


def runs(folder: Path) -> Iterator[bytes]:
    """A config, weights, and archives of a run with its tables; the run lies in the folder afterwards."""
    run = make_run(folder, "sound", depth=2, trained=True)
    make_tables(run, ("fashionmnist", "mnist"), n=20, parts=False)
    config, weights = (run / "config.json").read_bytes(), (run / "model.safetensors").read_bytes()
    members = {path.relative_to(run).as_posix(): path.read_bytes() for path in sorted(run.rglob("*")) if path.is_file()}
    yield config
    yield json.dumps(json.loads(config)).encode()
    yield weights
    yield weights[: 8 + int.from_bytes(weights[:8], "little")]
    yield zipped(members)
    yield zipped({f"top/{name}": data for name, data in members.items()}, zipfile.ZIP_STORED)
    yield zipped({"config.json": config})
    yield zipped({"config.json": config, "history.csv": members["history.csv"], "resume.pt": b"", "evil.sh": b"rm"})


STEPS, STEPS_PER_EPOCH = 6, 2


def checkpoints() -> tuple[list[bytes], Learnt]:
    """What a training of a small model leaves, in both formats, and the model; hashes are not compared any more."""
    model = torch.nn.Linear(2, 3)
    learnt = Learnt(model, AveragedModel(model), torch.optim.Adam(model.parameters()))
    model(torch.ones(1, 2)).sum().backward()
    learnt.optimizer.step()
    rows = [{"epoch": float(one), "step": 2.0 * one, "elbo": -9.0 + one} for one in (1, 2)]
    folder = Path(tempfile.mkdtemp(prefix="hvae-fuzz-"))
    # A fuzzer cannot find a hash: without this, nothing behind it would ever be reached.
    resuming._digest = lambda header, tensors: "0" * 64
    resuming.write(folder, learnt.tensors(), resuming.Progress(5, -7.0, rows))
    content = {"weights": model.state_dict(), "average": learnt.average.state_dict()}
    content |= {"optimizer": learnt.optimizer.state_dict(), "step": 5, "best_elbo": -7.0, "history": rows}
    torch.save(content, folder / FORMER_RESUME_FILE)
    return [path.read_bytes() for path in sorted(folder.iterdir())], learnt


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def good() -> bytes:
    """An image with which nothing is wrong."""
    data = _encoded(Image.new("L", (8, 8), 7), "PNG", {})
    assert data
    return data


def sound_run() -> tuple[list[bytes], Path]:
    """The seeds of `runs`, and the run itself in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="hvae-fuzz-"))
    return list(runs(folder)), folder / "sound"


def _as_mode(picture: Image.Image, mode: str) -> Image.Image:
    grey = np.asarray(picture.convert("L"))
    if mode == "I;16":
        return Image.fromarray(grey.astype(np.uint16) * 257)
    if mode == "I;16B":
        return Image.frombytes(mode, picture.size, (grey.astype(">u2") * 257).tobytes())
    if mode in ("La", "RGBa"):
        return picture.convert("RGBA" if mode == "RGBa" else "LA").convert(mode)
    if mode == "LAB":
        return Image.frombytes("LAB", picture.size, picture.tobytes())
    if mode == "PA":
        return picture.convert("P").convert("PA")
    return picture.convert(mode)


def _encoded(picture: Image.Image, kind: str, options: dict[str, object]) -> bytes | None:
    """None where the format has no such mode or setting."""
    buffer = io.BytesIO()
    try:
        with warnings.catch_warnings(action="ignore"):
            picture.save(buffer, kind, **options)
    # Each writer has errors of its own for what it cannot write.
    except Exception:
        return None
    return buffer.getvalue()


def _run_lengths() -> bytes:
    """A BMP of 8 x 4 whose rows are run lengths."""
    palette = b"".join(bytes((value, value, value, 0)) for value in range(256))
    rows = (b"\x04\x10\x04\x80\x00\x00" + b"\x00\x08" + bytes(range(8)) + b"\x00\x00") * 2 + b"\x00\x01"
    start = 14 + 40 + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, 8, 4, 1, 8, 1, len(rows), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + header + palette + rows
