"""How many lanes (images x samples) one pass takes: as many as fit a GPU, half of them where that was wrong."""

from collections.abc import Callable

import torch

LEAST_IMAGES = 32
"""Images in one pass at the least, padded with copies: math libraries take other kernels for smaller ones, which round
differently, and no value of a table may depend on the batch size."""
MOST_LANES = 8192
"""More fill no chip better, and the features of more of them would outgrow the 32-bit indices of some kernels."""
SHARE_OF_MEMORY = 0.6
"""Of what is free on an accelerator, that a pass may take."""
MOST_IMAGES = 256
"""In one pass of several samples: their lowest layers are computed once for all of their samples."""


def fitting(free: int, bytes_a_lane: float, least: int) -> int:
    """Lanes that fit so many free bytes, a multiple of `LEAST_IMAGES`, from `least` to `MOST_LANES`."""
    fit = int(SHARE_OF_MEMORY * free / max(bytes_a_lane, 1)) // LEAST_IMAGES * LEAST_IMAGES
    return max(least, min(fit, MOST_LANES))


class Lanes:
    """The lanes of a pass on one device, at least those asked for as long as they fit."""

    def __init__(self, asked: int, device: torch.device) -> None:
        self.number, self._device = asked, device
        self._fitted = device.type != "cuda"

    def images(self, samples: int, passes: int = 1) -> int:
        """How many images a pass takes whose samples are so many, where so many passes share the lanes."""
        if samples == 1:
            return max(self.number // passes, LEAST_IMAGES)
        return LEAST_IMAGES if self._device.type == "cpu" else min(MOST_IMAGES, max(self.number, LEAST_IMAGES))

    def keep(self) -> None:
        """Take as many as were asked for, whatever fits."""
        self._fitted = True

    def fit(self, probe: Callable[[], object]) -> None:
        """Once, on a GPU: as many as fit its free memory, by what a `probe` of `LEAST_IMAGES` lanes takes at most."""
        if self._fitted:
            return
        self._fitted = True
        before = torch.cuda.memory_allocated(self._device)
        torch.cuda.reset_peak_memory_stats(self._device)
        probe()
        taken = torch.cuda.max_memory_allocated(self._device) - before
        # What the allocator holds for later is free as well.
        held = torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
        free = torch.cuda.mem_get_info(self._device)[0] + held
        self.number = fitting(free, taken / LEAST_IMAGES, self.number)

    def halve(self, error: torch.OutOfMemoryError) -> None:
        """Take half as many from now on; the error is raised again where there is nothing to halve."""
        if self.number <= LEAST_IMAGES:
            raise error
        self.number = max(LEAST_IMAGES, self.number // 2)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
