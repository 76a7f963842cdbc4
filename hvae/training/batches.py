"""Minibatches: which images in which order, preprocessed where they are used, and the noise of every step.

Every random number follows from (seed, purpose) alone, by however many processes it is trained. On an accelerator the
images lie there whole, as uint8, where there is room for them, so that no step waits for the host.
"""

from collections.abc import Iterator

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils.data import DistributedSampler

from hvae.config import RunConfig
from hvae.datasets import ImageSet
from hvae.errors import ConfigError
from hvae.models.blocks import channels_last
from hvae.models.drawing import Share, integers, uniforms

SHARE_OF_MEMORY = 0.3
"""Of what is free on an accelerator, that images may take."""
Part = tuple[Tensor, Tensor]
"""Images (n, channel, height, width) uint8 and labels (n,)."""


class Batches:
    """The images of a training on this process's device."""

    def __init__(self, fabric: Fabric, config: RunConfig, fitted: ImageSet) -> None:
        """Hold them. A minibatch that all processes cannot share alike is a `ConfigError`."""
        self._device, self._config = fabric.device, config
        self._rank, self._world = fabric.global_rank, fabric.world_size
        self.images, self.labels = held(fitted, fabric.device)
        self._sampler = DistributedSampler(
            range(len(fitted)),  # type: ignore[arg-type]
            num_replicas=fabric.world_size,
            rank=fabric.global_rank,
            seed=config.training.seed,
            drop_last=True,
        )
        share, left = divmod(config.training.batch_size, fabric.world_size)
        if left:
            raise ConfigError(
                f"training.batch_size={config.training.batch_size} cannot be shared by {fabric.world_size} processes: "
                f"--set training.batch_size={(share + 1) * fabric.world_size}"
            )
        self.size = min(share, len(self._sampler))
        self.steps_per_epoch = len(self._sampler) // self.size
        self._order: tuple[int, Tensor] | None = None

    def of_epoch(self, step: int) -> Iterator[Tensor]:
        """Index batches from a step on to the end of its epoch, where the images are."""
        while True:
            yield self.index(step)
            step += 1
            if step % self.steps_per_epoch == 0:
                return

    def index(self, step: int) -> Tensor:
        """Which images a step takes, (batch,)."""
        epoch, position = divmod(step, self.steps_per_epoch)
        if self._order is None or self._order[0] != epoch:
            self._sampler.set_epoch(epoch)
            self._order = epoch, torch.tensor(list(self._sampler)).to(self.images.device)
        return self._order[1][position * self.size : (position + 1) * self.size]

    def seed(self, *purpose: int) -> int:
        """63 bits that depend on the seed of the training and the purpose alone."""
        # Where the 0 stands was the number of the process.
        entropy = [self._config.training.seed, 0, *purpose]
        return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))

    def generator(self, *purpose: int) -> torch.Generator:
        """A generator that depends on the seed of the training and the purpose alone."""
        return torch.Generator(self._device).manual_seed(self.seed(*purpose))

    def noise(self, step: int) -> torch.Generator:
        """The generator of the noise of a step, of which this process takes that of its own images."""
        seed = self.seed(1, step)
        if self._world == 1:
            return torch.Generator(self._device).manual_seed(seed)
        made = Share(self._device)
        made.part, made.of = self._rank, self._world
        return made.manual_seed(seed)

    def taken(self, index: Tensor) -> Part:
        """The images and labels at an index (batch,) on the device, as they are stored."""
        images, labels = self.images[index], self.labels[index]
        if images.device != self._device and self._device.type == "cuda":
            # From pinned memory the copy needs no waiting for.
            images, labels = images.pin_memory(), labels.pin_memory()
        return images.to(self._device, non_blocking=True), labels.to(self._device, non_blocking=True)

    def preprocess(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Images in [0, 1], channels last; mutated pixels and binarisation are drawn afresh at every read."""
        grey = images.to(self._device, non_blocking=True).float() / 255
        if mutation := self._config.data.mutation:
            uniform = integers(256, grey.shape, generator) / 255
            mutated = uniforms(grey.shape, generator) < mutation
            grey = torch.where(mutated, uniform, grey)
        if self._config.data.preprocessing == "threshold":
            grey = (grey > 0.5).float()
        elif self._config.data.preprocessing == "binarise":
            grey = (grey > uniforms(grey.shape, generator)).float()
        return channels_last(grey)

    def read(self, part: Part, generator: torch.Generator, size: int) -> Iterator[Part]:
        """Batches of images and labels, preprocessed when asked for: binarisation and noise take turns."""
        for x, labels in zip(*(one.split(size) for one in part), strict=True):
            yield self.preprocess(x, generator), labels.to(self._device)


def held(images: ImageSet, device: torch.device) -> Part:
    """Images (n, channel, height, width) uint8 and labels (n,), on the device where they fit there."""
    part = torch.from_numpy(images.images), torch.tensor(images.labels)
    fits = device.type == "cuda" and images.images.nbytes < SHARE_OF_MEMORY * torch.cuda.mem_get_info(device)[0]
    return (part[0].to(device), part[1].to(device)) if fits else part
