"""What scoring takes in memory, and how fast it is, does not depend on the number of images."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.synthetic import make_run

ROOT = Path(__file__).resolve().parents[3]
FLOOR = """
import resource, sys, lightning_fabric, torch
torch.nn.functional.conv2d(torch.zeros(256, 8, 28, 28), torch.zeros(8, 8, 3, 3))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
SCORE = """
import json, resource, sys, time
from pathlib import Path
from hvae.cli.scoring.tables import summary, write_tables
from hvae.measuring.scorer import Scorer
from hvae.runs.folders import find_run
from hvae.runs.settings import Setting
spent, values = [], Scorer.values
def timed(self, images, *rest):
    began = time.process_time()
    found = values(self, images, *rest)
    spent.append((time.process_time() - began) / len(images))
    return found
Scorer.values = timed
write_tables(find_run(sys.argv[1]), [sys.argv[2]], ["all"], Setting(), None, {"accelerator": "cpu", "devices": 1}, [])
print(json.dumps([resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, sorted(spent)[len(spent) // 10]]))
"""


def measured(code: str, *arguments: object) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "HVAE_RUNS": str(arguments[0] if arguments else ""),
    }
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_memory_and_speed_stay_level_from_ten_thousand_images_to_a_hundred_thousand(tmp_path: Path) -> None:
    """Shards of 10,000 made images; peak resident MB beside those of torch and Lightning; images a CPU second."""
    place = tmp_path / "shards"
    place.mkdir()
    random, taken, rates = np.random.default_rng(0), [], []
    floor = int(measured(FLOOR)) / 1024
    for number in range(10):
        images = random.integers(0, 2, (10_000, 28, 28), np.uint8) * 255
        np.savez(place / f"{number}.npz", images=images)
        if number in (0, 9):
            run = make_run(tmp_path, f"tiny{number}", depth=1, trained=True)
            peak, seconds = json.loads(measured(SCORE, run, f"shards:{place}"))
            taken.append(peak / 1024)
            rates.append(1 / seconds)
    print(f"floor {floor:.0f} MB; 10,000 images {taken[0]:.0f} MB, 100,000 {taken[1]:.0f} MB; images/s {rates}")
    assert taken[1] - taken[0] < 60 and taken[1] < floor + 300
    assert rates[1] > 0.7 * rates[0]
