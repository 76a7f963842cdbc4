"""Whether a training still converges, told on the device: the host looks at many steps at once.

A step that went wrong changes no weight, and neither does one after it, so that whenever the host looks, the weights
are those before the first bad step, which is made again to say what was wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from hvae.errors import HvaeError
from hvae.models.contract import Objective

DIVERGED_NATS_PER_DIMENSION = 1000.0
STEPS_BETWEEN_LOOKS = 25
"""Of an accelerator at work; a CPU computes what it is asked at once."""


class TrainingDiverged(HvaeError):
    """Training met a value that is not finite, or an ELBO beyond all reason."""


@dataclass(frozen=True)
class Look:
    """What the host sees of the last of the steps since it looked."""

    elbo: float
    log_ratios: tuple[float, ...]
    first_bad: int | None
    """How many of those steps were sound, where one was not."""


class Soundness:
    """What became of the steps since the host last looked."""

    def __init__(self, fabric: Fabric, dimensions: int) -> None:
        self._fabric, self.most = fabric, DIVERGED_NATS_PER_DIMENSION * dimensions
        self.bad = torch.zeros((), device=fabric.device)
        """() 1 from the first bad step on: what a fused optimizer takes for a step not to be made."""
        self._rows: list[Tensor] = []

    @property
    def due(self) -> bool:
        """Whether it is time to look."""
        return len(self._rows) >= (STEPS_BETWEEN_LOOKS if self._fabric.device.type == "cuda" else 1)

    def judge(self, result: Objective, norm: Tensor) -> Tensor:
        """What there is to say of a step before its update, for `keep`: the `norm` () is that of its gradients."""
        loss, elbo, ratios = result.loss.detach(), result.elbo.detach().mean(), result.log_ratios.detach().mean(1)
        # By what is minimised: while the divergences weigh nothing yet, one image of a fresh model may have a log-ratio
        # of millions of nats, from which it recovers. A comparison with what is no number is false.
        sound = torch.isfinite(elbo) & torch.isfinite(norm) & (loss < self.most)
        self.bad.copy_(torch.maximum(self.bad, (~sound).to(self.bad.dtype)))
        if self._fabric.world_size > 1:
            # None goes on with weights that the others do not have.
            torch.distributed.all_reduce(self.bad, torch.distributed.ReduceOp.MAX)
        return torch.cat([torch.stack([self.bad, elbo]), ratios]).float()

    def keep(self, row: Tensor) -> None:
        """Take in what `judge` said of a step."""
        self._rows.append(row)

    def look(self) -> Look:
        """The numbers of the last step; the one place where a step waits for the device."""
        if self._fabric.world_size > 1:
            # Of the whole batch, of which each process has seen its share.
            torch.distributed.all_reduce(last := self._rows[-1][1:].clone())
            self._rows[-1] = torch.cat([self._rows[-1][:1], last / self._fabric.world_size])
        rows = torch.stack(self._rows).tolist()
        self._rows = []
        bad = next((place for place, row in enumerate(rows) if row[0]), None)
        _, elbo, *ratios = rows[-1]
        return Look(elbo, tuple(ratios), bad)


def reason(result: Objective, gradients: Sequence[tuple[str, Tensor]], where: str | None, most: float) -> str:
    """Why a step is not to be made, in words, from its objective and gradients.

    `where` is what the pass first met that is not finite, None where its ELBO and loss are.
    """
    if where is not None:
        return f"{where} is not finite"
    if result.loss >= most:
        layers = result.log_ratios.mean(1)
        worst = f", most of it in layer z_{int(layers.argmin()) + 1}" if len(layers) else ""
        return f"the ELBO fell to {float(result.elbo.mean()):.3g} nats{worst}"
    if broken := [name for name, gradient in gradients if not torch.isfinite(gradient).all()]:
        return f"the gradient of {broken[0]} is not finite"
    if not torch.isfinite(torch.nn.utils.get_total_norm([gradient for _, gradient in gradients])):
        return "the gradient of all weights together is not finite"
    return "another process met a value that is not finite"


def gradients_of(module: nn.Module) -> list[tuple[str, Tensor]]:
    """Gradients by the names of their parameters."""
    return [(name, one.grad) for name, one in module.named_parameters() if one.grad is not None]
