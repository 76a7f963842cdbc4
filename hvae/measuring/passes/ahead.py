"""Noise of one batch, group of samples by group: while a device computes one, threads draw the next."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

import torch

from hvae.measuring.noise import EvaluationNoise

THREADS = 8


class Ahead:
    """The noise of the samples of one batch, each group of them once the one before it is asked for."""

    def __init__(
        self, make: Callable[[Sequence[int]], EvaluationNoise], samples: int, per_pass: int, pool: Executor
    ) -> None:
        self._make, self._samples, self._per_pass, self._pool = make, samples, per_pass, pool
        self._waiting: dict[tuple[int, ...], EvaluationNoise] = {}

    def __call__(self, samples: Sequence[int]) -> EvaluationNoise:
        """The noise of some samples by their numbers."""
        asked = tuple(samples)
        found = self._waiting.pop(asked, None) or self._begun(asked)
        self._waiting.clear()
        begin = asked[-1] + 1
        following = tuple(range(begin, min(begin + self._per_pass, self._samples)))
        if following:
            self._waiting[following] = self._begun(following)
        return found

    def _begun(self, samples: tuple[int, ...]) -> EvaluationNoise:
        made = self._make(samples)
        made.draw(self._pool)
        return made


@contextmanager
def threads_for(device: torch.device) -> Iterator[Executor | None]:
    """Threads that draw noise beside an accelerator; none beside a CPU, which has better to do."""
    if device.type == "cpu":
        yield None
        return
    pool = ThreadPoolExecutor(THREADS, "noise")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
