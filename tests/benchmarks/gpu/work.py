"""The tasks: tests, trainings, and rows of speed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from hvae.config import RunConfig
from hvae.measuring.measure import score
from hvae.measuring.scorer import Scorer
from hvae.models.contract import Model
from hvae.models.latents import generator_noise
from hvae.runs.images.training_set import part_of
from hvae.runs.score_tables import read_table
from hvae.runs.settings import Setting
from tests.benchmarks.gpu.bench import Bench, require_sound
from tests.benchmarks.gpu.packed import is_whole
from tests.benchmarks.gpu.plan import Task, TimeIsUp

ROOT = Path(__file__).resolve().parents[3]
Rows = list[dict[str, Any]]
PRECISIONS = ("bf16-mixed", "32-true")


def tasks(bench: Bench, dry: bool) -> list[Task]:
    """All of them, in their order, with their seconds in a call of eight minutes, of one in a dry run."""
    grey, colour = bench.scale.grey, bench.scale.colour

    def packed(name: str) -> str:
        data = bench.preset(name).data.name
        return "" if is_whole(bench.data, data) else f"not all files of {data} have been carried here"

    def has(*names: str) -> Callable[[], str]:
        return lambda: next((why for name in names if (why := packed(name))), "")

    found = [
        Task("gpu tests", 55, run_tests, lambda: "a dry run has no GPU" if dry else ""),
        Task("peak", 8, lambda until: peak(bench)),
        Task("speed of training", 40, lambda until: training_rows(bench, until), has(grey[0])),
        Task("batch and learning rate", 45, lambda until: pilot(bench, until), has(grey[0])),
        *(Task(name, 120 - 40 * place, partial(train_one, bench, name), has(name)) for place, name in enumerate(grey)),
        Task("speed of scoring", 35, lambda until: scoring_rows(bench, until), has(grey[0])),
        Task("tables", 30, lambda until: tables(bench, until), has(*grey)),
        Task("many samples", 45, lambda until: many_samples(bench, until), has(grey[0])),
        Task(colour, 150, partial(train_one, bench, colour), has(colour)),
    ]
    return [replace(task, seconds=task.seconds / 30) for task in found] if dry else found


def run_tests(until: float) -> Rows:
    """The tests that need a GPU."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", "tests/hvae/test_gpu.py"]
    left = max(1, until - time.monotonic())
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=left)
    if done.returncode:
        raise AssertionError(" / ".join(line for line in done.stdout.splitlines()[-12:] if line.strip()))
    return [{"said": done.stdout.strip().splitlines()[-1]}]


def peak(bench: Bench) -> Rows:
    """TFLOP/s of products of square matrices, the best of some."""
    rows = []
    for precision, kind in zip(PRECISIONS, (torch.bfloat16, torch.float32), strict=True):
        size = bench.scale.matrix
        one = torch.randn(size, size, device=bench.device, dtype=kind)
        best = min(_seconds(bench, lambda one=one: one @ one) for _ in range(6))
        rows.append({"precision": precision, "TFLOP/s": 2 * size**3 / best / 1e12})
    return rows


def _seconds(bench: Bench, work: Callable[[], object]) -> float:
    bench.synchronise()
    began = time.perf_counter()
    work()
    bench.synchronise()
    return time.perf_counter() - began


def training_rows(bench: Bench, until: float) -> Rows:
    """Images/s of training by precision, batch, and steps (played from a CUDA graph or not); what share of the peak."""
    name, batches, rows = bench.scale.grey[0], bench.scale.batches, []
    cases = [(PRECISIONS[0], batch, True) for batch in batches]
    # A graph spares the host, which small batches wait for most.
    cases += [(PRECISIONS[0], batches[0], False), (PRECISIONS[1], batches[-1], True)]
    each = (until - time.monotonic()) / len(cases)
    work = _flops_of_training(bench.preset(name))
    for precision, batch, graph in cases:
        config = bench.configured(name, batch, 1e-4, 1, **{"training.precision": precision})
        rate = bench.pace(config, 0.8 * each, graph)
        steps = "CUDA graph" if graph and bench.device == "cuda" else "plain"
        of_peak = _share(bench, precision, rate * work)
        rows.append({"precision": precision, "batch": batch, "steps": steps, "images/s": rate, **of_peak})
    return rows


def pilot(bench: Bench, until: float) -> Rows:
    """Validation ELBO of some batches with learning rates, each after the same time."""
    name, rows = bench.scale.grey[0], []
    each = (until - time.monotonic()) / len(bench.scale.candidates)
    for batch, rate in bench.scale.candidates:
        folder = f".pilot-{batch}-{rate}"
        shutil.rmtree(bench.runs / folder, ignore_errors=True)
        config = bench.configured(name, batch, rate, 1)
        config = config.override({"training.epochs": bench.epochs_in(config, each, _pace(bench, batch))})
        try:
            rows += bench.train_until(config, folder, time.monotonic() + 1.5 * each)
        finally:
            shutil.rmtree(bench.runs / folder, ignore_errors=True)
    return rows


def _pace(bench: Bench, batch: int) -> float:
    """Images/s of training in bf16 with the nearest batch that was measured."""
    rows = [row for row in bench.state.rows("speed of training") if row["precision"] == PRECISIONS[0]]
    return min(rows, key=lambda row: (abs(row["batch"] - batch), -row["images/s"]))["images/s"]


def train_one(bench: Bench, name: str, until: float) -> Rows:
    """A run of its own, with the batch and the learning rate that the pilot found best."""
    begun = bench.runs / name / "config.json"
    if begun.exists():
        held = json.loads(begun.read_text())
        held.pop("weights_sha256", None)
        return bench.train_until(RunConfig.from_json(json.dumps(held)), name, until)
    rows = bench.state.rows("batch and learning rate")
    first = bench.scale.candidates[-1]
    best = max(rows, key=lambda row: row["best validation ELBO, nats"]) if rows else None
    batch, rate = (best["batch"], best["learning rate"]) if best else first
    if name == bench.scale.colour:
        batch, rate = bench.preset(name).training.batch_size, bench.preset(name).training.learning_rate
    config = bench.configured(name, batch, rate, 1)
    known = name != bench.scale.colour and bench.state.is_done("speed of training")
    pace = _pace(bench, batch) if known else bench.pace(config, 0.08 * (until - time.monotonic()))
    epochs = bench.epochs_in(config, until - time.monotonic(), pace)
    return bench.train_until(config.override({"training.epochs": epochs}), name, until)


def scoring_rows(bench: Bench, until: float) -> Rows:
    """Images/s of all statistics at S = 1 by precision, noise and lanes, and what share of the peak that is."""
    run = require_sound(bench.runs / bench.scale.grey[0])
    images = bench.sets(bench.preset(bench.scale.grey[0]).data.name, "test").spread(bench.scale.images)
    rows, work = [], _flops_of_scoring(bench.preset(bench.scale.grey[0]))
    cases = [(precision, noise, lanes) for precision in PRECISIONS for noise in (2, 1) for lanes in bench.scale.lanes]
    for precision, noise, lanes in cases:
        if time.monotonic() > until:
            break
        scorer = Scorer(run, Setting(precision=precision, noise=noise), bench.fabric(precision), lanes)
        scorer.lanes.keep()

        def all_of_them(scorer: Scorer = scorer, lanes: int = lanes) -> None:
            for start in range(0, len(images), lanes):
                index = np.arange(start, min(start + lanes, len(images)))
                scorer.values(images.images[index], "bench", index)

        index = np.arange(min(lanes, len(images)))
        scorer.values(images.images[index], "bench", index)
        rate = len(images) / _seconds(bench, all_of_them)
        shares = _share(bench, precision, rate * work)
        rows.append({"precision": precision, "noise": noise, "lanes": lanes, "images/s": rate, **shares})
    return rows


def _share(bench: Bench, precision: str, flops: float) -> dict[str, float]:
    peaks = {row["precision"]: row["TFLOP/s"] for row in bench.state.rows("peak")}
    return {"TFLOP/s": flops / 1e12, "share of the peak": flops / 1e12 / peaks.get(precision, float("nan"))}


def _flops_of_training(config: RunConfig) -> float:
    """Of one image, forward and backward."""
    model, x = _model(config)
    with FlopCounterMode(display=False) as counter:
        generator = torch.Generator().manual_seed(0)
        model.objective(
            x, torch.zeros(len(x)), generator, config.training, model.schedule(config.training, 1.0)
        ).loss.backward()
    return counter.get_total_flops() / len(x)


def _flops_of_scoring(config: RunConfig) -> float:
    """Of all statistics of one image at S = 1."""
    model, x = _model(config)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        noise = generator_noise(len(x), torch.Generator().manual_seed(0))
        model.measure(x, lambda samples: noise, reading="mean", samples=1, per_pass=1)
    return counter.get_total_flops() / len(x)


def _model(config: RunConfig) -> tuple[Model, torch.Tensor]:
    return config.model.build(), torch.rand(4, *config.model.image_shape).round()


def tables(bench: Bench, until: float) -> Rows:
    """Tables at S = 1 of the parts that judge and of both test sets, under every grey run."""
    rows: Rows = []
    names = [bench.preset(one).data.name for one in bench.scale.grey]
    for run, own in zip(bench.scale.grey, names, strict=True):
        whole = bench.sets(own, "train")
        parts = [part_of(whole, part, 0) for part in ("reference", "calibration")]
        for images in [*parts, *(bench.sets(name, "test") for name in names)]:
            rows.append(_scored(bench, run, images.spread(bench.scale.images), Setting(), until))
    return rows


def many_samples(bench: Bench, until: float) -> Rows:
    """S = 1000 of 1,000 images, in bf16 under noise of the device."""
    name = bench.scale.grey[0]
    images = bench.sets(bench.preset(name).data.name, "test").spread(bench.scale.many)
    setting = Setting(samples=bench.scale.samples, precision="bf16-mixed", noise=2)
    return [_scored(bench, name, images, setting, until)]


def _scored(bench: Bench, run: str, images: Any, setting: Setting, until: float) -> dict[str, Any]:
    def watch(done: int, total: int) -> None:
        if done < total and time.monotonic() > until + 20:
            raise TimeIsUp(f"{run}: {done:,} of {total:,} images of {images.name}")

    began = time.monotonic()
    folder = require_sound(bench.runs / run)
    path = score(folder, images, setting, accelerator=bench.device, devices=1, on_progress=watch)
    seconds, frame = time.monotonic() - began, read_table(path).frame
    return {
        "run": run, "images of": f"{images.name} {images.split}", "images": len(images), "setting": str(setting),
        "images/s": len(images) / seconds, "ELBO, nats": float(frame["elbo"].mean()),
        "L_S, nats": float(frame["iw"].mean()),
    }  # fmt: skip
