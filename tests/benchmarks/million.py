"""How memory and speed of scoring keep up to a million images: `python -m tests.benchmarks.million`.

Made images of 8x8 in shards, half arrays and half tables of PNG, and a tiny model, so that what is no pass of the model
weighs most. Each number of images is scored by processes of their own; some are killed midway and go on. Its table
goes into docs/speed.md. CPU seconds of one thread, so that what else runs on the machine plays little part.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from tests.benchmarks.page import into_page, peak_megabytes
from tests.synthetic import make_run

BEGIN, END = "<!-- million: python -m tests.benchmarks.million -->", "<!-- million ends -->"
ROOT = Path(__file__).resolve().parents[2]
SIZES = (10_000, 100_000, 1_000_000)
SHARD = 5_000
SHAPE = (1, 8, 8)
COMPARED = 100_000
"""Up to so many images the table of a run that was killed is compared with that of one that was not."""
FLOOR = """
import lightning_fabric, torch
torch.nn.functional.conv2d(torch.zeros(256, 8, 28, 28), torch.zeros(8, 8, 3, 3))
from tests.benchmarks.page import peak_megabytes
print(peak_megabytes())
"""


class Spent(NamedTuple):
    """What the scoring of a set took one process."""

    reading: float
    """CPU seconds until the first image is scored, beside the start of Python and its imports."""
    scoring: float
    rest: float
    """Of the table, its summary, and the statistics of the pixels."""
    scored: int
    """Images; those scored by an earlier process are not among them."""
    peak: float
    """Resident memory, in MB."""
    content: str
    """Hash of the table."""

    def microseconds(self, images: int) -> list[float]:
        """Of CPU an image: reading, scoring, the rest."""
        return [1e6 * self.reading / images, 1e6 * self.scoring / self.scored, 1e6 * self.rest / images]


def make_shards(place: Path, images: int) -> None:
    """So many images of noise."""
    place.mkdir()
    random = np.random.default_rng(0)
    for number in range(images // SHARD):
        pixels = random.integers(0, 2, (SHARD, *SHAPE[1:]), np.uint8) * np.uint8(255)
        if number % 2:
            encoded = pa.table({"image": [encode(one) for one in pixels], "label": np.arange(SHARD) % 10})
            pq.write_table(encoded, place / f"{number:03d}.parquet")
        else:
            np.savez(place / f"{number:03d}.npz", images=pixels, labels=np.arange(SHARD) % 10)


def encode(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def score(run: str, place: str) -> Spent:
    """What `hvae score` does, in this process."""
    import torch

    from hvae.cli.scoring.tables import write_tables
    from hvae.measuring import measure
    from hvae.measuring.scorer import Scorer
    from hvae.runs.folders import find_run
    from hvae.runs.score_tables import read_metadata
    from hvae.runs.settings import Setting

    torch.set_num_threads(1)
    marks, scored, whole, values = [time.process_time()], [0], measure.score, Scorer.values

    def watched(*arguments: Any, on_progress: Any, **more: Any) -> Path:
        def noting(done: int, total: int) -> None:
            on_progress(done, total)
            if done == total:
                marks.append(time.process_time())

        marks.append(time.process_time())
        return whole(*arguments, on_progress=noting, **more)

    def counted(self: Scorer, images: np.ndarray, *more: Any) -> np.ndarray:
        scored[0] += len(images)
        return values(self, images, *more)

    measure.score, Scorer.values = watched, counted  # type: ignore[method-assign]
    machine = {"accelerator": "cpu", "devices": 1}
    write_tables(find_run(run), [f"shards:{place}"], ["all"], Setting(), None, machine, [])
    marks.append(time.process_time())
    (table,) = (Path(run) / "scores").glob("*.parquet")
    return Spent(*np.diff(marks).tolist(), scored[0], peak_megabytes(), read_metadata(table).content_sha256)


def started(*arguments: object, runs: Path) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HVAE_RUNS": str(runs)}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def by_a_process(run: Path, place: Path) -> Spent:
    """What it took."""
    process = started("-m", "tests.benchmarks.million", "--score", run, place, runs=run.parent)
    said, _ = process.communicate()
    assert process.returncode == 0, "scoring failed"
    return Spent(*json.loads(said.splitlines()[-1]))


def kill_midway(run: Path, place: Path, images: int) -> None:
    """Kill a scoring once half of the images are done."""
    process = started("-m", "tests.benchmarks.million", "--score", run, place, runs=run.parent)
    while not any(int(one.stem) >= images // 2 for one in (run / "scores" / ".partial").glob("*/*.chunk")):
        assert process.poll() is None, "it ended before it was killed"
        time.sleep(0.1)
    process.kill()
    process.communicate()


def row(images: int, scratch: Path) -> str:
    """A line of the table."""
    place, run = scratch / "shards", make_run(scratch, f"tiny-{images}", depth=1, image_shape=SHAPE, trained=True)
    make_shards(place, images)
    whole = None
    if images <= COMPARED:
        whole = by_a_process(run, place)
        shutil.rmtree(run / "scores")
        shutil.rmtree(scratch / "pixels")
    kill_midway(run, place, images)
    resumed = by_a_process(run, place)
    assert resumed.scored < images, "nothing that was finished was kept"
    assert whole is None or whole.content == resumed.content, "the table of a run that was killed is another"
    shutil.rmtree(place)
    shutil.rmtree(scratch / "pixels")
    each = (whole or resumed).microseconds(images)
    numbers = f"{images:,} | {1e6 / sum(each):,.0f} | {' | '.join(f'{one:.0f}' for one in each)}"
    peak = max(one.peak for one in (whole, resumed) if one is not None)
    how = "the same table" if whole else f"{images - resumed.scored:,} were kept"
    return f"| {numbers} | {peak:,.0f} | {how} |"


def table(most: int) -> str:
    """The rows, and below them what torch takes by itself."""
    lines = [
        "| images | images a CPU second | reading, µs each | scoring | table, pixels | peak, MB | killed midway |",
        "|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory(prefix="hvae-bench-") as scratch:
        for images in SIZES:
            if images <= most:
                lines.append(row(images, Path(scratch)))
                print(lines[-1], file=sys.stderr, flush=True)
        floor, _ = started("-c", FLOOR, runs=Path(scratch)).communicate()
    return "\n".join([*lines, "", f"PyTorch and Lightning alone, one convolution: {float(floor):,.0f} MB."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--print", action="store_true", help="leave the page as it is")
    parser.add_argument("--most", type=int, default=SIZES[-1], help="images; default a million")
    parser.add_argument("--score", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.score:
        print(json.dumps(score(*asked.score)))
        return
    found = table(asked.most)
    print(found)
    if not asked.print:
        into_page(found, BEGIN, END)


if __name__ == "__main__":
    main()
