"""What presets are put together from: stages, and how they are trained."""

from typing import Literal

from hvae.config import FreeBits, TrainingConfig
from hvae.models.hierarchical_config import BlockConfig, LatentConfig, StageConfig

Block = tuple[int, Literal[1, 3, 5, 7], Literal[1, 2]]
"""(channels, kernel, stride)."""


def stage(kind: Literal["conv", "dense"], size: int, *blocks: Block) -> StageConfig:
    """A stage from its latent and its blocks."""
    made = tuple(BlockConfig(channels=channels, kernel=kernel, stride=stride) for channels, kernel, stride in blocks)
    return StageConfig(blocks=made, latent=LatentConfig(kind=kind, size=size))


PAPER_TRAINING = TrainingConfig(
    epochs=1000, batch_size=128, learning_rate=3e-4, schedule="constant", learning_rate_warm_up=0.0, ema=0.0
)
"""Schedules of the paper: Adam at 3e-4 without decay or moving average, warm-up over 200 epochs, free bits to 400."""

_BY_CHANNEL = FreeBits(nats=0.5, unit="channel", average="minibatch", constant=0.2, gone=0.4)
BIVA_TRAINING = PAPER_TRAINING.model_copy(update={"ema": 0.999, "free_bits": _BY_CHANNEL})
"""The paper's schedule with a moving average, and free bits that hold many layers (see `LITE_COLOUR_TRAINING`)."""

LITE_TRAINING = TrainingConfig(
    epochs=10, batch_size=64, learning_rate=1e-3, free_bits=FreeBits(constant=0.1, gone=0.2), checkpoint_every=400
)
"""Moving average, cosine decay and small batches reach a given validation ELBO in far fewer epochs."""

TINY_TRAINING = TrainingConfig(
    epochs=3,
    batch_size=64,
    learning_rate=3e-3,
    ema=0.9,
    precision="32-true",
    checkpoint_every=5,
    free_bits=FreeBits(nats=0.5),
)

LITE_COLOUR_TRAINING = LITE_TRAINING.model_copy(
    update={"free_bits": _BY_CHANNEL.model_copy(update={"constant": 0.3, "gone": 0.6})}
)
"""Free bits by channel and minibatch (Kingma et al., 2016): by element and example they do not hold the many upper
layers, whose divergences fell within 50 steps to a tenth of the floor."""
