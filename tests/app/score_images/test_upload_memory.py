"""What scoring everything hostile at once adds to the memory of the server."""

import json
import subprocess
import sys

import pytest

from tests.browser.conftest import ROOT

MOST_MIB = 300
PROGRAM = """
import io, json, os, re, sys, zipfile
from concurrent.futures import Future
from pathlib import Path
import numpy as np
from PIL import Image
from app.score_images import work
from app.server import judgements
from app.score_images.work import Given
from hvae.datasets.own.outside import Named
from hvae.runs.folders import find_run
from hvae.runs.settings import Setting
from tests.hvae.datasets.own.test_outside import DAMAGED, READ, REFUSED, encode

run = find_run("fashionmnist-lite-seed0")
settings = judgements.Settings(run=run.name, setting=Setting(), source="", image_shape=(1, 28, 28), fit="pad",
                               invert=False, score="llr", depth=3, statistic="rank")
noise = np.random.default_rng(0).integers(0, 256, (10_000, 8, 8), dtype=np.uint8)

def small(count):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for number, pixels in enumerate(noise[:count]):
            file.writestr(f"{number}.png", encode(pixels))
    return Named("small.zip", archive.getvalue())

def corpus():
    large = Image.new("RGB", (5_000, 5_000), (9, 99, 200))
    yield from (Named(name, content) for name, content in {**READ, **REFUSED}.items())
    yield from (Named(f"{name}.zip", content) for name, (content, _) in DAMAGED.items())
    yield Named("large.png", encode(Image.new("RGBA", (5_100, 5_100), (1, 2, 3, 4)), compress_level=1))
    yield Named("photo.jpg", encode(large.resize((8_000, 6_000)), "JPEG"))
    yield Named("progressive.jpg", encode(large.resize((6_000, 4_300)), "JPEG", progressive=True))

def score(job, sources):
    name = Future()
    name.set_result(job)
    judgements.create(job, settings, lambda job: False)
    given = Given("files", tuple(sources), (job,))
    work.scoring([run], given, settings, name)(lambda done, total: None, lambda: False)
    return judgements.read(job)

def memory(name):
    return int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024

score("A" * 12, [small(32)])
jobs = {"B" * 12: list(corpus()), "C" * 12: [small(10_000)]}
Path("/proc/self/clear_refs").write_text("5")
before, found = memory("VmRSS"), []
for job, sources in jobs.items():
    stored = score(job, sources)
    found.append((len(stored), len(stored.refused), stored.complete, memory("VmHWM") - before))
print(json.dumps(found))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.timeout(1_800)
def test_a_hostile_upload_takes_little_memory(tmp_path, monkeypatch):
    """The corpus of `test_outside` with the largest images there may be, then 10,000 small files in one archive.

    Counted above the application with its model loaded and one batch scored.
    """
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("HVAE_RUNS", str(ROOT / "assets" / "runs"))
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr[-2_000:]
    hostile, many = json.loads(run.stdout.splitlines()[-1])
    print(f"peak above the start: {hostile[3]:.0f} MiB for the corpus, {many[3]:.0f} MiB with 10,000 files")
    assert hostile[0] > 20 and hostile[1] > 20 and hostile[2]
    assert many[:3] == [10_000, 0, True]
    assert many[3] < MOST_MIB
