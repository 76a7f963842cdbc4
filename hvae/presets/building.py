"""What presets are put together from."""

from __future__ import annotations

from typing import Literal

from hvae.models.hierarchical_config import BlockConfig, LatentConfig, StageConfig

Block = tuple[int, Literal[1, 3, 5, 7], Literal[1, 2]]
"""(channels, kernel, stride)."""


def stage(kind: Literal["conv", "dense"], size: int, blocks: tuple[Block, ...]) -> StageConfig:
    """A stage from its latent and its blocks."""
    return StageConfig(
        blocks=tuple(
            BlockConfig(channels=channels, kernel=kernel, stride=stride) for channels, kernel, stride in blocks
        ),
        latent=LatentConfig(kind=kind, size=size),
    )
