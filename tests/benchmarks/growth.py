"""How the cost of scoring grows: `python -m tests.benchmarks.growth` writes its table into docs/speed.md.

CPU seconds of one thread, so that what else runs on the machine plays little part.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from hvae.measuring.noise import EvaluationNoise, prepare
from hvae.models.bounds import Sweep
from hvae.models.hierarchical_config import BlockConfig, HierarchicalConfig, LatentConfig, StageConfig
from hvae.models.hierarchical_model import HierarchicalModel
from tests.benchmarks.page import into_page

BEGIN, END = "<!-- growth: python -m tests.benchmarks.growth -->", "<!-- growth ends -->"
USUAL = {"width": 32, "depth": 3, "samples": 1, "images": 256}
AXES = {
    "S, importance samples": ("samples", (1, 4, 16)),
    "L, layers": ("depth", (1, 2, 3, 4)),
    "images": ("images", (256, 512, 1024)),
    "width, channels": ("width", (16, 32, 64)),
}


def model_of(width: int, depth: int) -> HierarchicalModel:
    """A grey hierarchy of 28x28 whose first two stages halve the map, the others keep it."""
    stages = []
    for level in range(depth):
        last = BlockConfig(channels=width, kernel=3, stride=2 if level < 2 else 1)
        blocks = (BlockConfig(channels=width, kernel=3), last)
        latent = LatentConfig(kind="conv", size=8) if level == 0 else LatentConfig(kind="dense", size=16)
        stages.append(StageConfig(blocks=blocks, latent=latent))
    return HierarchicalConfig(image_shape=(1, 28, 28), stages=tuple(stages), likelihood="bernoulli").build().eval()


def measure(width: int, depth: int, samples: int, images: int, least: int = 3) -> float:
    """CPU seconds of all statistics of so many images, the least of some tries."""
    model = model_of(width, depth)
    pixels = np.random.default_rng(0).integers(0, 256, (images, 1, 28, 28), np.uint8)

    def score() -> None:
        for start in range(0, images, 64):
            index = np.arange(start, start + 64)
            x = prepare(pixels[index], "binarise", 0, "growth", index)

            def noise(numbers, index=index) -> EvaluationNoise:
                return EvaluationNoise(0, "growth", index, 0, numbers, model.latent_shapes)

            model.measure(x, noise, reading="mean", samples=samples, per_pass=4)

    return best(score, least)


def levels(width: int, depth: int) -> dict[int, float]:
    """CPU seconds of the ELBO (k = 0) and of what each L^{>k} takes beside it, 256 images."""
    model = model_of(width, depth)
    x = torch.rand(256, 1, 28, 28).round()
    noise = EvaluationNoise(0, "growth", np.arange(256), 0, [0], model.latent_shapes)

    def swept(k: int) -> None:
        # A new one each time: it remembers what it computed.
        sweep = Sweep(model, x, noise)
        sweep.elbo()
        if k:
            sweep.bound(k, "mean")

    found = {k: best(lambda k=k: swept(k), 5) for k in range(depth + 1)}
    return {k: seconds - found[0] * (k > 0) for k, seconds in found.items()}


def best(work: Callable[[], object], least: int) -> float:
    seconds = []
    for _ in range(least):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


def table() -> str:
    """The rows: what is changed, its values with seconds, and the power of it by which the cost grows at the end."""
    rows = ["| what grows | CPU seconds | grows as |", "|---|---|---|"]
    for name, (field, values) in AXES.items():
        seconds = [measure(**USUAL | {field: value}) for value in values]
        power = np.log(seconds[-1] / seconds[-2]) / np.log(values[-1] / values[-2])
        shown = ", ".join(f"{value:,}: {one:.2f}" for value, one in zip(values, seconds, strict=True))
        rows.append(f"| {name} | {shown} | {name.split(',')[0]}<sup>{power:.2f}</sup> |")
    found = levels(USUAL["width"], 4)
    shown = ", ".join(f"{'ELBO' if not k else f'k = {k}'}: {one:.2f}" for k, one in found.items())
    together = sum(found.values()) / found[0]
    rows.append(f"| k, each L<sup>&gt;k</sup> beside the ELBO (L = 4) | {shown} | together {together:.1f} ELBOs |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--print", action="store_true", help="leave the page as it is")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with torch.inference_mode():
        found = table()
    print(found)
    if not asked.print:
        into_page(found, BEGIN, END)


if __name__ == "__main__":
    main()
