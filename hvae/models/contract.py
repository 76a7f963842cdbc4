"""What trainer, scorer and checkpoints ask of a model, whatever its kind.

The other half of the contract, what is known of a model without torch, is `hvae.config.ModelConfig`. A new kind is a
config with a model, and one line in `hvae.config.KINDS`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hvae.config import ModelConfig, TrainingConfig
from hvae.models.latents import Noise
from hvae.models.proposal import Reading

Weights = Mapping[str, float | Tensor]
"""By the names of `Model.schedule` what terms of an objective are weighted by: numbers, or tensors () on the device."""


class Objective(NamedTuple):
    """What one minibatch is trained with."""

    loss: Tensor
    """() what is minimised, in nats per image."""
    log_likelihood: Tensor
    """(batch,) log p(x), or log p(x|z) in a model with latent layers."""
    log_ratios: Tensor
    """(layer, batch) log r_l, lowest layer first, as they are: without floor or warm-up."""

    @property
    def elbo(self) -> Tensor:
        """(batch,) the ELBO proper, which is shown while training: no free bits, no warm-up."""
        return self.log_likelihood + self.log_ratios.sum(0)


class Model(nn.Module, ABC):
    """A model that can be trained, scored and stored. Images are (batch, channel, height, width) float32 in [0, 1].

    Models are copied (moving average) and moved between devices, so all their tensors are parameters or buffers.
    """

    @property
    def latent_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the standard-normal noise that a pass takes for one image, lowest layer first."""
        return ()

    def initialise(self, x: Tensor, generator: torch.Generator) -> None:
        """Set fresh weights by some training images; called once, without gradients."""

    @abstractmethod
    def objective(
        self, x: Tensor, labels: Tensor, generator: torch.Generator, training: TrainingConfig, weights: Weights
    ) -> Objective:
        """What is minimised on a minibatch of preprocessed images, under the `weights` of `schedule` at that moment.

        Only a model of labels looks at the `labels` (batch,) int64. The `generator` is that of all noise, on the
        model's device; numbers are drawn by `hvae.models.drawing`. A weight that is a tensor is not zero, and no value
        of a tensor is looked at: the step may be recorded once and played again.
        """

    def schedule(self, training: TrainingConfig, progress: float) -> dict[str, float]:
        """What the objective is weighted by at a fraction `progress` of training in [0, 1]; the curve shows it."""
        return {}

    @abstractmethod
    def validate(self, batches: Iterable[tuple[Tensor, Tensor]], generator: torch.Generator) -> dict[str, float]:
        """Means over the validation images for the learning curve, without gradients.

        `elbo` first: what a checkpoint is chosen by, higher = better; then columns of `ModelConfig.curve`. The
        (x, labels) of each batch are drawn lazily from the `generator` of all noise, so batch and noise take turns.
        """

    def settle(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:  # noqa: B027  # most kinds have nothing to fit
        """Fit buffers that follow from the weights; called without gradients, each time weights are to be kept.

        The (x, labels) are of fitted images, each class in equal numbers as far as there are, drawn lazily.
        """

    def first_not_finite(self, x: Tensor, generator: torch.Generator) -> str:
        """Where a pass first meets a value that is not finite, in words."""
        return "log p(x)"

    @abstractmethod
    def measure(
        self, x: Tensor, noise: Callable[[Sequence[int]], Noise], *, reading: Reading, samples: int, per_pass: int
    ) -> Tensor:
        """The statistics of one batch and draw, (batch, statistic) float64, named by `ModelConfig.measured`.

        The `noise` maps numbers of importance samples to their noise, the same number to the same; there are `samples`
        S, at most `per_pass` in one pass.
        """

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Images of its own, (n, channel, height, width) in [0, 1], for a kind that can `sample`."""
        raise NotImplementedError(f"{type(self).__name__} draws no images")


class Outline(NamedTuple):
    """What a model would hold."""

    parameters: int
    shapes: Mapping[str, tuple[int, ...]]
    """Of every tensor of its state, by name."""


def outline(config: ModelConfig) -> Outline:
    """Parameters and shapes of a model, found without allocating any."""
    # A frozen config has a hash, which its type does not say.
    return _outline(config)  # type: ignore[arg-type]


@lru_cache(maxsize=32)
def _outline(config: ModelConfig) -> Outline:
    """Kept: each run is asked more than once, and tensors without memory take longer to make than a small model."""
    with torch.device("meta"):
        model = config.build()
        shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    return Outline(sum(parameter.numel() for parameter in model.parameters()), shapes)


def parameter_count(config: ModelConfig) -> int:
    """Number of parameters of a model, counted without allocating any."""
    return outline(config).parameters
