"""Families of images that are made from others as a strength grows: how far is far enough to be seen? No torch.

Each changes uint8 images `(n, channels, height, width)` by a strength and a generator. At strength 0 nothing changes,
and the same generator gives the same noise, partners and directions at every strength.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

Change = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Family:
    """One way to change images, and how strongly it is tried, the weakest first."""

    name: str
    title: str
    """For people, the subject of a sentence."""
    unit: str
    """Of the strength, in words; empty where strengths have names."""
    strengths: tuple[float, ...]
    change: Change
    names: tuple[str, ...] = ()
    """Of the strengths, where they are cases rather than amounts."""

    def of(self, images: np.ndarray, strength: float, seed: int) -> np.ndarray:
        """The images so changed, of the same shape and type; the seed is that of all that is random."""
        random = np.random.default_rng([seed, zlib.crc32(self.name.encode())])
        return self.change(images, strength, random) if strength else images

    def words(self, strength: float) -> str:
        """A strength for people, without its unit."""
        return self.names[self.strengths.index(strength)] if self.names else f"{strength:g}"


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _noise(images: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    return _rounded(images + 255 * strength * random.standard_normal(images.shape))


def _constant(images: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    colours = random.uniform(0, 255, (*images.shape[:2], 1, 1))
    return _rounded((1 - strength) * images + strength * colours)


def _inverted(images: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    return _rounded((1 - strength) * images + strength * (255.0 - images))


def _flipped(images: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    return np.flip(images, axis=3 if strength == 1 else 2)


def _rotated(images: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    # The edge goes on: black corners would give a colour photograph away whatever the angle.
    turned = ndimage.rotate(images.astype(np.float32), strength, (2, 3), reshape=False, order=1, mode="nearest")
    return _rounded(turned)


def _blurred(images: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    return _rounded(ndimage.gaussian_filter(images.astype(np.float32), strength, axes=(2, 3)))


def _paler(images: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return _rounded(mean + (1 - strength) * (images - mean))


def _shifted(images: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    ways = random.integers(0, 4, len(images))
    moved = np.empty_like(images)
    for way, (down, right) in enumerate(((0, 1), (0, -1), (1, 0), (-1, 0))):
        step = (0, 0, strength * down, strength * right)
        moved[ways == way] = ndimage.shift(images[ways == way], step, order=0, mode="nearest")
    return moved


def _shuffled(images: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Patches of equal size in another order for each image; rows and columns left over at the end stay."""
    n, channels, height, width = images.shape
    cuts = min(int(strength), height, width)
    rows, columns = height // cuts, width // cuts
    patches = images[:, :, : rows * cuts, : columns * cuts].reshape(n, channels, cuts, rows, cuts, columns)
    patches = patches.transpose(0, 2, 4, 1, 3, 5).reshape(n, cuts * cuts, channels, rows, columns)
    order = random.permuted(np.tile(np.arange(cuts * cuts), (n, 1)), axis=1)
    patches = np.take_along_axis(patches, order[:, :, None, None, None], axis=1)
    patches = patches.reshape(n, cuts, cuts, channels, rows, columns).transpose(0, 3, 1, 4, 2, 5)
    shuffled = images.copy()
    shuffled[:, :, : rows * cuts, : columns * cuts] = patches.reshape(n, channels, rows * cuts, columns * cuts)
    return shuffled


def _mixed(images: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Each with another one; along a cycle through all of them, so that none is mixed with itself."""
    cycle = random.permutation(len(images))
    partners = np.empty_like(cycle)
    partners[cycle] = np.roll(cycle, 1)
    return _rounded((1 - strength) * images + strength * images[partners])


_ALL = (
    Family("noise", "Gaussian noise", "standard deviation, white = 1", (0.02, 0.05, 0.1, 0.2, 0.4), _noise),
    Family("constant", "Blending to a constant", "weight of the constant", (0.1, 0.25, 0.5, 0.75, 0.9), _constant),
    Family("inversion", "Inversion", "weight of the inverted image", (0.1, 0.25, 0.5, 0.75, 1), _inverted),
    Family("flip", "Flipping", "", (1, 2), _flipped, ("left-right", "upside down")),
    Family("rotation", "Rotation", "degrees", (10, 20, 30, 45, 60, 90), _rotated),
    Family("blur", "Blur", "standard deviation in pixels", (0.5, 1, 1.5, 2, 3), _blurred),
    Family("contrast", "Loss of contrast", "share lost", (0.25, 0.5, 0.75, 0.9), _paler),
    Family("shift", "Shifting", "pixels", (1, 2, 4, 7), _shifted),
    Family("patches", "Shuffling of patches", "patches a side", (2, 4, 7, 14), _shuffled),
    Family("mixture", "Mixing of two images", "weight of the other image", (0.1, 0.2, 0.3, 0.4, 0.5), _mixed),
)
FAMILIES = {family.name: family for family in _ALL}
"""In the order of tables and pages."""
