"""Noise of version 2: numbers that a counter-based generator makes where they are used, whole batches at a time.

Philox4x32-10 (Salmon et al., 2011): ten rounds turn a counter of four 32-bit words, here the address of a block of four
numbers, into those numbers. There is no state, and no loop over rows; a CPU and a GPU give the same words, and normals
that agree to the rounding of a double. Tables of this noise are not compared with those of version 1, whose streams are
numpy's: the numbers are others.
"""

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from hvae.config import Preprocessing
from hvae.models.latents import Walk

_MASK = 0xFFFFFFFF
_MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
_WEYL = 0x9E3779B9, 0xBB67AE85
_ROUNDS = 10


def philox(counter: tuple[Tensor, Tensor, Tensor, Tensor], key: tuple[int, int]) -> tuple[Tensor, ...]:
    """Four words in [0, 2^32) of int64 tensors that broadcast, from a counter of such words and a key of two."""
    first, second, third, fourth = counter
    for _ in range(_ROUNDS):
        # The low 64 bits of a product are right whatever its sign.
        one, other = first * _MULTIPLIERS[0], third * _MULTIPLIERS[1]
        first, second, third, fourth = (
            ((other >> 32) & _MASK) ^ second ^ key[0],
            other & _MASK,
            ((one >> 32) & _MASK) ^ fourth ^ key[1],
            one & _MASK,
        )
        key = (key[0] + _WEYL[0]) & _MASK, (key[1] + _WEYL[1]) & _MASK
    return first, second, third, fourth


class Address:
    """Where the numbers of some examples lie: in the noise of one seed, name, kind and draw."""

    def __init__(
        self, seed: int, name: str, kind: str, index: np.ndarray, draw: int, device: torch.device | str
    ) -> None:
        digest = hashlib.blake2b(f"2|{seed}|{name}|{kind}|{draw}".encode(), digest_size=8).digest()
        self._key = int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")
        self._index = torch.from_numpy(np.ascontiguousarray(index, np.int64)).to(device)

    def words(self, samples: Sequence[int], begin: int, blocks: int) -> Tensor:
        """Words (samples, examples, 4, blocks) int64 of some samples, from block `begin` of each on."""
        device = self._index.device
        block = torch.arange(begin, begin + blocks, device=device)
        sample = torch.tensor(samples, device=device)[:, None, None]
        example = self._index[None, :, None]
        made = philox((block, sample, example & _MASK, (example >> 32) & _MASK), self._key)
        return torch.stack(torch.broadcast_tensors(*made), dim=2)


def uniforms(address: Address, size: int) -> Tensor:
    """Uniform numbers (examples, size) float32 in [0, 1), multiples of 2^-24."""
    words = address.words([0], 0, -(-size // 4))[0]
    return ((words >> 8).float() * 2**-24).flatten(1)[:, :size]


def normals(address: Address, samples: Sequence[int], begin: int, size: int) -> Tensor:
    """Standard normal numbers (samples x examples, size) float32, sample-major, from block `begin` on: Box & Muller."""
    words = address.words(samples, begin, -(-size // 4)).flatten(0, 1).double()
    radius = torch.sqrt(-2 * torch.log((words[:, :2] + 0.5) * 2**-32))
    angle = words[:, 2:] * (2 * math.pi * 2**-32)
    return torch.cat([radius * torch.cos(angle), radius * torch.sin(angle)], 1).float().flatten(1)[:, :size]


def prepare(
    images: np.ndarray, preprocessing: Preprocessing, seed: int, key: str, index: np.ndarray, draw: int,
    device: torch.device,
) -> Tensor:  # fmt: skip
    """As `hvae.measuring.noise.prepare`, on a device."""
    pixels = torch.from_numpy(images).to(device)
    if preprocessing == "threshold":
        return (pixels >= 128).float()
    grey = pixels.float() / 255
    if preprocessing != "binarise":
        return grey
    drawn = uniforms(Address(seed, key, "uniform", index, draw, device), math.prod(images.shape[1:]))
    return (grey > drawn.reshape(grey.shape)).float()


class CountedNoise:
    """As `hvae.measuring.noise.EvaluationNoise`: each layer of each walk has blocks of its own."""

    def __init__(
        self,
        seed: int,
        key: str,
        index: np.ndarray,
        draw: int,
        samples: Sequence[int],
        latent_shapes: Sequence[tuple[int, ...]],
        device: torch.device | str = "cpu",
    ) -> None:
        self.lanes = len(samples) * len(index)
        self._begins = np.cumsum([0, *(-(-math.prod(shape) // 4) for shape in latent_shapes)])
        self._address, self._samples = Address(seed, key, "normal", index, draw, device), samples
        self._drawn: dict[tuple[Walk, int], Tensor] = {}

    def __call__(self, walk: Walk, layer: int, shape: tuple[int, ...]) -> Tensor:
        """Noise of shape (lanes, *shape) for layer `layer` (0 = lowest)."""
        if (walk, layer) not in self._drawn:
            begin = int(self._begins[layer]) + (int(self._begins[-1]) if walk == "generation" else 0)
            drawn = normals(self._address, self._samples, begin, math.prod(shape))
            self._drawn[walk, layer] = drawn.reshape(self.lanes, *shape)
        return self._drawn[walk, layer]
