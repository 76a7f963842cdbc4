"""How fast training and scoring are on this CPU: `make bench` writes the table into docs/speed.md.

Ratios alone: what is compared takes turns in one process, and the median over the turns is shown, so that what else
runs on the machine plays little part.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import torch

from hvae.presets import preset
from hvae.runs.settings import Precision
from tests.benchmarks.page import into_page
from tests.benchmarks.speed.work import (
    BATCH,
    Work,
    published_scoring,
    published_training,
    run_of,
    scoring,
    training,
)

BEGIN, END = "<!-- speed: make bench -->", "<!-- speed ends -->"
PAPER, COLOUR = "fashionmnist", "cifar10-biva-lite"
SAMPLES = 64
IMAGES = 32
"""Of a turn."""
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


class Row(NamedTuple):
    """One line of the table: what is done, in which precision, how often it is faster, and what it computes."""

    what: str
    precision: str
    ratio: float
    share: float | None = None


def seconds_of(work: Work, clock: str) -> float:
    began = CLOCKS[clock]()
    work()
    return CLOCKS[clock]() - began


def compared(ours: Work, theirs: Work, turns: int, clock: str) -> tuple[float, float]:
    """(median of how many times longer `theirs` takes, median seconds of `ours`), in turns."""
    ours(), theirs()
    pairs = [(seconds_of(ours, clock), seconds_of(theirs, clock)) for _ in range(turns)]
    return statistics.median(b / a for a, b in pairs), statistics.median(a for a, _ in pairs)


def peak(precision: Precision, clock: str, turns: int = 5) -> float:
    """FLOP/s of a plain convolution of 64 channels, 5x5 at 28x28, channels_last."""
    dtype = torch.bfloat16 if precision == "bf16-mixed" else torch.float32
    x = torch.randn(64, 64, 28, 28).to(dtype).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(64, 64, 5, 5).to(dtype).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        times = [seconds_of(lambda: torch.conv2d(x, weight, padding=2), clock) for _ in range(4 * turns)]
    return 2 * x.numel() * 64 * 25 / statistics.median(times)


def operations(work: Work) -> int:
    """FLOP of the convolutions and dense layers of some work."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def rows(turns: int, clock: str) -> list[Row]:
    """The table of the paper's grey model."""
    config, found = preset(PAPER), []
    peaks: dict[Precision, float] = {one: peak(one, clock) for one in ("32-true", "bf16-mixed")}
    with run_of(PAPER) as (run, model), tempfile.TemporaryDirectory() as folder:
        ratio, _ = compared(training(Path(folder), config), published_training(model, config), turns, clock)
        found.append(Row(f"training, B = {BATCH}", config.training.precision, ratio))
        depth = config.model.depth
        theirs = published_scoring(model, config, IMAGES, 1)
        for samples in (1, SAMPLES):
            for precision in peaks:
                ours = scoring(run, IMAGES, samples, precision)
                ratio, seconds = compared(ours, theirs, turns, clock)
                share = flops_of_scoring(model, IMAGES, samples) / seconds / peaks[precision]
                # Each sample more is one pass more of the same, which is counted rather than waited for.
                found.append(Row(f"S = {samples}, all k", precision, ratio * (samples + depth) / (1 + depth), share))
                if samples == 1:
                    # A script a k computes the ELBO again beside each of the L bounds.
                    found.append(Row("S = 1, a script a k", precision, ratio * 2 * depth / (1 + depth), share))
    return found


def flops_of_scoring(model, count: int, samples: int) -> int:
    """FLOP that one sweep needs of the model, as it is computed with everything shared."""
    import numpy as np

    from hvae.measuring.noise import EvaluationNoise

    x = torch.rand(2, *model.config.image_shape).round()

    def work() -> None:
        def noise(numbers) -> EvaluationNoise:
            return EvaluationNoise(0, "speed", np.arange(len(x)), 0, numbers, model.latent_shapes)

        with torch.no_grad():
            model.measure(x, noise, reading="mean", samples=samples, per_pass=2)

    return operations(work) * count // len(x)


def colour(clock: str, precision: Precision) -> tuple[float, float]:
    """(images a second of one core, peak memory in GB) of all k of BIVA lite, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.speed", "--colour", precision, "--clock", clock]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True)
    speed, memory = map(float, done.stdout.split()[-2:])
    return speed, memory


def alone(precision: Precision, clock: str, count: int = 128) -> str:
    with run_of(COLOUR) as (run, _):
        work = scoring(run, count, 1, precision)
        work()
        seconds = min(seconds_of(work, clock) for _ in range(2))
    threads = torch.get_num_threads() if clock == "wall" else 1
    return f"{count / seconds / threads} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}"


def table(turns: int, clock: str) -> str:
    lines = ["| work | precision | times the published speed | share of the peak |", "|---|---|---|---|"]
    for row in rows(turns, clock):
        share = "" if row.share is None else f"{row.share:.0%}"
        lines.append(f"| {row.what} | {row.precision} | {row.ratio:.2f} | {share} |")
    lines += ["", "| BIVA lite, all k | images/s a core | peak memory, GB |", "|---|---|---|"]
    for precision in ("32-true", "bf16-mixed"):
        speed, memory = colour(clock, precision)
        lines.append(f"| {precision} | {speed:.0f} | {memory:.2f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--print", action="store_true", help="leave the page as it is")
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: where others use the machine as well")
    parser.add_argument("--colour", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads if asked.clock == "wall" else 1)
    if asked.colour:
        print(alone(asked.colour, asked.clock))
        return
    found = table(asked.turns, asked.clock)
    print(found)
    if not asked.print:
        into_page(found, BEGIN, END)


if __name__ == "__main__":
    main()
