"""A training step recorded once and played again, so that one call begins all its kernels (a CUDA graph).

What changes from step to step lies where the record reads it: images, labels, the learning rate and the weights of the
objective in tensors that are filled before each playing, the noise in a generator that is seeded anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from hvae.errors import first_line
from hvae.models.contract import Weights

PLAIN_STEPS = 3
"""Made one kernel after the other before a step is recorded: they choose kernels and make the optimizer's state."""

_log = logging.getLogger(__name__)


class Inputs(NamedTuple):
    """What a step is made of, beside the state of the training."""

    images: Tensor
    """(batch, channel, height, width) uint8."""
    labels: Tensor
    """(batch,)"""
    generator: torch.Generator
    """Of all noise."""
    weights: Weights


Step = Callable[[Inputs], Tensor]
"""Changes weights and moments, and gives some numbers about it, (number,) on the device."""
Record = tuple[Callable[[], object], Tensor]
"""(what plays it, where the numbers of the last playing are)."""


class Recorder(Protocol):
    """How work is recorded."""

    def beside(self) -> AbstractContextManager[None]:
        """Where plain steps are made."""
        ...

    def record(self, work: Callable[[], Tensor], generator: torch.Generator) -> Record:
        """A record of some work that draws from one generator; nothing is computed yet."""
        ...


class CudaGraphs:
    """Records on a CUDA device."""

    def __init__(self) -> None:
        self._stream = torch.cuda.Stream()

    @contextmanager
    def beside(self) -> Iterator[None]:
        """A stream of its own: no record may hold what the default stream has begun."""
        before = torch.cuda.current_stream()
        self._stream.wait_stream(before)
        with torch.cuda.stream(self._stream):
            yield
        before.wait_stream(self._stream)

    def record(self, work: Callable[[], Tensor], generator: torch.Generator) -> Record:
        """A CUDA graph."""
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(generator)
        with torch.cuda.graph(graph):
            numbers = work()
        return graph.replay, numbers


class RecordedStep:
    """Steps that are played from a record, once some plain ones were made.

    Where a weight becomes zero, or is zero no longer, a step has other operations: it is recorded anew. Where nothing
    can be recorded, steps stay plain, and the log has a line that says why.
    """

    def __init__(self, step: Step, optimizer: torch.optim.Optimizer, recorder: Recorder) -> None:
        """Learning rates of the optimizer have to be tensors, and its state on the device."""
        self._step, self._optimizer, self._recorder = step, optimizer, recorder
        self._zeros: tuple[str, ...] | None = None
        self._record: Record | None = None
        self._plain, self._works = 0, True

    def __call__(self, inputs: Inputs, rate: float) -> Tensor:
        """Make a step at a learning rate; its numbers."""
        for group in self._optimizer.param_groups:
            group["lr"].fill_(rate)
        zeros = tuple(name for name, weight in inputs.weights.items() if not weight)
        if zeros != self._zeros:
            self._zeros, self._record, self._plain = zeros, None, 0
        if self._works and self._record is None and self._plain >= PLAIN_STEPS:
            self._begin(inputs)
        if self._record is None:
            self._plain += 1
            with self._recorder.beside():
                return self._step(inputs)
        self._held.images.copy_(inputs.images)
        self._held.labels.copy_(inputs.labels)
        self._held.generator.manual_seed(inputs.generator.initial_seed())
        for name, weight in self._held.weights.items():
            if isinstance(weight, Tensor):
                weight.fill_(inputs.weights[name])
        play, numbers = self._record
        play()
        return numbers.clone()

    def _begin(self, inputs: Inputs) -> None:
        device = inputs.images.device
        weights = {name: torch.tensor(one, device=device) if one else one for name, one in inputs.weights.items()}
        generator = torch.Generator(device).manual_seed(inputs.generator.initial_seed())
        self._held = Inputs(inputs.images.clone(), inputs.labels.clone(), generator, weights)
        try:
            self._record = self._recorder.record(lambda: self._step(self._held), generator)
        except RuntimeError as error:
            self._works = False
            _log.warning("training goes on without a CUDA graph: %s", first_line(error))
