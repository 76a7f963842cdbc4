"""Preprocessing of images, and evaluation noise that depends on nothing but the example.

Evaluation draws are keyed by (seed, data set, example, draw): a table repeats to the last digit however the images
are batched, and two data sets share no noise. The generator is Philox (Salmon et al., 2011), whose counter is an
address: every example has a stream of its own without any state carried along.
"""

import hashlib
from collections.abc import Iterator

import numpy as np

from hvae.errors import ConfigError

PREPROCESSINGS = ("binarise", "threshold", "grey", "integer")
"""binarise: Bernoulli draws with p = value / 255; threshold: value >= 128; grey: value / 255 under a Bernoulli;
integer: value / 255 under a likelihood over whole values."""


def preprocess(images: np.ndarray, kind: str, noise: np.ndarray | None = None) -> np.ndarray:
    """Turn pixel values ``(n, channels, height, width)`` uint8 into what the likelihood sees, float32 in [0, 1].

    The ``kind`` is one of `PREPROCESSINGS`, else a `ConfigError`; ``binarise`` alone needs noise: uniform in [0, 1),
    float32, with the elements of ``images``.
    """
    if kind in ("grey", "integer"):
        return images.astype(np.float32) / np.float32(255)
    if kind == "threshold":
        return (images >= 128).astype(np.float32)
    if kind != "binarise":
        raise ConfigError(f"unknown preprocessing {kind!r}; known: {', '.join(PREPROCESSINGS)}")
    if noise is None:
        raise ValueError("binarise needs uniform noise in the shape of the images")
    return (images.astype(np.float32) / np.float32(255) > noise.reshape(images.shape)).astype(np.float32)


def evaluation_noise(seed: int, slug: str, index: np.ndarray, draw: int, size: int) -> np.ndarray:
    """Uniform noise for the binarisation of each example: ``(n, size)`` float32 in [0, 1), multiples of 2^-24.

    It depends on the seed of the evaluation, the `ImageSet.slug`, the ``index`` ``(n,)`` of each example (position in
    its data set, or `content_index` for an upload), and the draw (binarisation and posterior sample), from 0.
    """
    # From the raw words rather than Generator.random: numpy promises the bit stream, not the methods above it.
    words = -(-size // 2)
    bits = np.empty((len(index), words), dtype=np.uint64)
    for row, philox in enumerate(_streams(seed, slug, "uniform", index, draw)):
        bits[row] = philox.random_raw(words)
    return (bits.view(np.uint32)[:, :size] >> np.uint32(8)).astype(np.float32) * np.float32(2**-24)


def evaluation_normals(
    seed: int, slug: str, index: np.ndarray, draw: int, sample: int, size: int, out: np.ndarray | None = None
) -> np.ndarray:
    """Standard normal noise ``(n, size)`` float32 for the latents of each example, independent of `evaluation_noise`.

    The arguments are those of `evaluation_noise`; ``sample`` numbers the importance samples within a draw, from 0.
    They are written to ``out`` where that is given.
    """
    normals = np.empty((len(index), size), dtype=np.float32) if out is None else out
    for row, philox in enumerate(_streams(seed, slug, "normal", index, draw, sample)):
        np.random.Generator(philox).standard_normal(dtype=np.float32, out=normals[row])
    return normals


LOOSE = "images"
"""What images without a data set are called: their noise and notes go by it and by their content, so that a picture
keeps its score under any file name and in any company."""


def content_index(image: np.ndarray) -> int:
    """63-bit example index of an upload, from its pixels ``(channels, height, width)`` uint8 and not from its name."""
    digest = hashlib.sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def _streams(
    seed: int, slug: str, kind: str, index: np.ndarray, draw: int, sample: int = 0
) -> Iterator[np.random.Philox]:
    """One Philox generator, moved from example to example: setting its state costs a tenth of making a new one."""
    key = hashlib.blake2b(f"{seed}|{slug}|{kind}".encode(), digest_size=16).digest()
    philox = np.random.Philox(key=np.frombuffer(key, dtype="<u8").astype(np.uint64))
    # A fresh generator's buffer is empty: putting this state back also forgets half-used words.
    state = philox.state
    for example in index:
        state["state"]["counter"][:] = (0, sample, draw, int(example))
        philox.state = state
        yield philox
