"""How fast training and scoring are on this CPU: `make bench` writes the table into docs/speed.md.

Ratios alone: what is compared takes turns in one process, and the median over the turns is shown, so that what else
runs on the machine plays little part.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch

from hvae.config import RunConfig
from hvae.models.hierarchical_model import HierarchicalModel
from hvae.presets import preset
from hvae.runs.settings import Precision
from tests.benchmarks.page import into_page, peak_megabytes
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
PAPER = "fashionmnist"
ALONE = {PAPER: "the paper's grey model", "cifar10-biva-lite": "BIVA lite"}
MAKE = """
import pathlib, sys
from tests.benchmarks.speed.work import make_run
make_run(sys.argv[1], pathlib.Path(sys.argv[2]))
"""
PRECISIONS: tuple[Precision, ...] = ("32-true", "bf16-mixed")
LEAST_TURNS = 2
"""Beside the first, which is not counted."""
SAMPLES = 64
IMAGES = 64
"""Of a turn."""
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


class Row(NamedTuple):
    """One line of the table: what is done, in which precision, how often it is faster, and what it computes."""

    what: str
    precision: str
    ratio: float
    share: float
    """Of the measured peak, by what it has to compute."""


def seconds_of(work: Work, clock: str) -> float:
    began = CLOCKS[clock]()
    work()
    return CLOCKS[clock]() - began


def compared(ours: Work, theirs: Work, seconds: float, clock: str) -> tuple[float, float]:
    """(median of how many times longer `theirs` takes, median seconds of `ours`), in turns for about so long."""
    ours(), theirs()
    pairs: list[tuple[float, float]] = []
    while len(pairs) < LEAST_TURNS or sum(map(sum, pairs)) < seconds:
        pairs.append((seconds_of(ours, clock), seconds_of(theirs, clock)))
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


def rows(seconds: float, clock: str) -> Iterator[Row]:
    """The table of the paper's grey model, each row for about so many seconds."""
    config = preset(PAPER)
    peaks: dict[Precision, float] = {one: peak(one, clock) for one in PRECISIONS}
    with run_of(PAPER) as (run, model), tempfile.TemporaryDirectory() as folder:
        ours, precision = training(Path(folder), config), config.training.precision
        ratio, each = compared(ours, published_training(model, config), seconds, clock)
        yield Row(
            f"training, B = {BATCH}", precision, ratio, flops_of_training(model, config) / each / peaks[precision]
        )
        depth = config.model.depth
        theirs = published_scoring(model, config, IMAGES, 1)
        for samples in (1, SAMPLES):
            for precision in PRECISIONS:
                ratio, each = compared(scoring(run, IMAGES, samples, precision), theirs, seconds, clock)
                share = flops_of_scoring(model, IMAGES, samples) / each / peaks[precision]
                # Each sample more is one pass more of the same, which is counted rather than waited for.
                yield Row(f"S = {samples}, all k", precision, ratio * (samples + depth) / (1 + depth), share)
                if samples == 1:
                    # A script a k computes the ELBO again beside each of the L bounds.
                    yield Row("S = 1, a script a k", precision, ratio * 2 * depth / (1 + depth), share)


def flops_of_training(model: HierarchicalModel, config: RunConfig) -> int:
    """FLOP of one step, forward and backward."""
    x, labels = torch.rand(2, *model.config.image_shape).round(), torch.zeros(2, dtype=torch.int64)

    def work() -> None:
        weights, generator = model.schedule(config.training, 0.5), torch.Generator().manual_seed(0)
        model.objective(x, labels, generator, config.training, weights).loss.backward()

    return operations(work) * BATCH // len(x)


def flops_of_scoring(model: HierarchicalModel, count: int, samples: int) -> int:
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


def in_a_process(name: str, precision: Precision, clock: str) -> tuple[float, float]:
    """(images a second of one core, peak memory in GB) of all k of a preset, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.speed", "--alone", name, precision, "--clock", clock]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True)
    speed, memory = map(float, done.stdout.split()[-2:])
    return speed, memory


def alone(name: str, precision: Precision, clock: str, count: int = 128) -> str:
    """(images a second of one core, peak memory in GB): of scoring, so another process makes the run."""
    with tempfile.TemporaryDirectory(prefix="hvae-bench-") as run:
        subprocess.run([sys.executable, "-c", MAKE, name, run], check=True)
        work = scoring(Path(run), count, 1, precision)
        work()
        seconds = min(seconds_of(work, clock) for _ in range(2))
    threads = torch.get_num_threads() if clock == "wall" else 1
    return f"{count / seconds / threads} {peak_megabytes() * 1.048576e-3}"


def table(seconds: float, clock: str) -> str:
    began, lines = (
        time.monotonic(),
        ["| work | precision | times the published speed | share of the peak |", "|---|---|---|---|"],
    )

    def add(line: str) -> None:
        lines.append(line)
        print(f"{time.monotonic() - began:5.0f} s {line}", file=sys.stderr, flush=True)

    for row in rows(seconds, clock):
        add(f"| {row.what} | {row.precision} | {row.ratio:.2f} | {row.share:.0%} |")
    lines += ["", "| S = 1, all k | precision | images/s a core | peak memory, GB |", "|---|---|---|---|"]
    for name, model in ALONE.items():
        for precision in PRECISIONS:
            speed, memory = in_a_process(name, precision, clock)
            add(f"| {model} | {precision} | {speed:.0f} | {memory:.2f} |")
    how = "by CPU time of one thread" if clock == "cpu" else f"by wall clock, {torch.get_num_threads()} threads"
    return "\n".join([*lines, "", f"(Measured {how}, on {processor()}.)"])


def processor() -> str:
    """The CPU in words, with AMX where it has it."""
    about = Path("/proc/cpuinfo")
    text = about.read_text() if about.exists() else ""
    name = re.search(r"model name\s*: (.*)", text)
    return (name[1] if name else platform.processor() or "an unknown CPU") + (" with AMX" if "amx_tile" in text else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--print", action="store_true", help="leave the page as it is")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each row, beside its first turn; default 30")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: where others use the machine as well")
    parser.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads if asked.clock == "wall" else 1)
    if asked.alone:
        print(alone(*asked.alone, asked.clock))
        return
    found = table(asked.seconds, asked.clock)
    print(found)
    if not asked.print:
        into_page(found, BEGIN, END)


if __name__ == "__main__":
    main()
