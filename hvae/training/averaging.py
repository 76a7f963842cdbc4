"""The moving average of the weights, without a look at any number on the device."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


class MovingAverage(AveragedModel):
    """Exponential moving average whose decay rises to its value, so that early weights are soon forgotten.

    How many were averaged is known to the host, where torch would ask the device for it at every step.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__(model)
        self.requires_grad_(False)
        self._decay = decay

    def update(self, model: nn.Module, before: int) -> None:
        """Take in the weights of a model, after `before` others; buffers are those of the model."""
        decay = min(self._decay, (1 + before) / (10 + before)) if before and self._decay else 0.0
        averages, weights = ([*map(Tensor.detach, one.parameters())] for one in (self.module, model))
        with torch.no_grad():
            if before:
                torch._foreach_lerp_(averages, weights, 1 - decay)
            else:
                torch._foreach_copy_(averages, weights)
            for average, buffer in zip(self.module.buffers(), model.buffers(), strict=True):
                average.copy_(buffer)
            counted: Tensor = self.n_averaged
            counted += 1
