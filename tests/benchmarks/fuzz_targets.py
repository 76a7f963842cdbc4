"""What has to hold for any bytes: as a foreign image or archive of images, as a file or archive of a foreign run."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hvae.config import RunConfig
from hvae.datasets.own import outside
from hvae.datasets.own.outside import Named, Picture, Refusal, Treatment, collect
from hvae.errors import HvaeError
from hvae.runs.checkpoints import read_config, read_weights, write_config
from hvae.runs.folders import FORMER_RESUME_FILE, RESUME_FILE
from hvae.runs.importing import import_archive
from hvae.runs.tensor_files import read_header
from hvae.training import resuming
from hvae.training.resuming import Learnt
from tests.benchmarks import fuzz_seeds
from tests.benchmarks.fuzz_bounds import bounded

HOWS = (
    Treatment((1, 28, 28)),
    Treatment((3, 8, 8), fit="crop"),
    Treatment((1, 5, 9), fit="squash", invert=True),
    Treatment((3, 9, 5), invert=True),
)
MOST_MEMBERS = 50
RUN_MIB = 250
"""For a run: its config may describe a model of many layers, and weights are read into memory."""


@dataclass(frozen=True)
class Images:
    """Any bytes under a zip's name: opened as an archive where they are one, as an image where they are not.

    Attributes:
        good: an image that has to be read all the same, behind whatever the bytes do.
    """

    good: bytes

    def __call__(self, data: bytes) -> None:
        """One outcome a file, each within the bounds; raises whatever is wrong."""
        how = HOWS[len(data) % len(HOWS)]
        sources = (Named("any.zip", data), Named("good.png", self.good))
        found = iter(collect(sources, how, max_files=MOST_MEMBERS))
        outcomes = []
        while True:
            with bounded():
                one = next(found, None)
            if one is None:
                break
            outcomes.append(one)
            _check_outcome(one, how)
        assert len(outcomes) <= MOST_MEMBERS + 1
        full = len(outcomes) == MOST_MEMBERS + 1
        last = outcomes[-1]
        assert full or (isinstance(last, Picture) and last.name == "good.png"), last
        with bounded():
            counted = outside.count(sources, MOST_MEMBERS)
        # An array may announce what it lacks, or more than is read.
        announced = outside._kind_of(io.BytesIO(data), "any.zip") == "arrays"
        assert full or announced or counted == len(outcomes), (counted, len(outcomes))


def _check_outcome(one: object, how: Treatment) -> None:
    assert isinstance(one, Picture | Refusal), one
    assert one.name and one.name.isprintable() and len(one.name) <= outside.MAX_NAME, one.name
    if isinstance(one, Picture):
        assert one.image.shape == how.image_shape and one.image.dtype == np.uint8 and one.image.flags.owndata
        assert all(change.isprintable() for change in one.changes), one.changes
    else:
        assert 0 < len(one.reason) <= outside.MAX_REASON and one.reason.isprintable(), one.reason


@dataclass(frozen=True)
class Runs:
    """Any bytes as an archive of a run, its weights or its config, whichever they look like.

    Attributes:
        config: of the run that weights are read for.
        home: a folder of its own for what is written.
    """

    config: RunConfig
    home: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="hvae-fuzz-", dir=_memory())))

    def __call__(self, data: bytes) -> None:
        """A run that can be read, or one line on why not, within the bounds; raises whatever is wrong."""
        with bounded(RUN_MIB):
            try:
                self._read(data)
            except HvaeError as error:
                line = str(error)
                assert line and len(line.splitlines()) == 1 and len(line) < 1_000, line
        runs = self.home / "runs"
        for left in runs.iterdir():
            # Nothing or a whole run, whatever happened.
            read_config(left)
            shutil.rmtree(left)

    def _read(self, data: bytes) -> None:
        runs, one = self.home / "runs", self.home / "one"
        runs.mkdir(exist_ok=True)
        one.mkdir(exist_ok=True)
        os.environ["HVAE_RUNS"] = str(runs)
        if b"PK\5\6" in data:
            (one / "any.zip").write_bytes(data)
            import_archive(one / "any.zip", runs, "any")
        elif data[:1] in (b"{", b"["):
            (one / "config.json").write_bytes(data)
            read_config(one)
        else:
            (one / "model.safetensors").write_bytes(data)
            write_config(one, self.config)
            read_header(one / "model.safetensors")
            read_weights(one, self.config)


@dataclass(frozen=True)
class Checkpoints:
    """Any bytes as what a stopped training goes on from: `resume.safetensors`, or the pickle of former versions.

    Attributes:
        learnt: what is put back where the bytes are a checkpoint of this model.
        home: a folder of its own for what is written.
    """

    learnt: Learnt
    home: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="hvae-fuzz-", dir=_memory())))

    def __call__(self, data: bytes) -> None:
        """Progress that a training may have made, or one line on why not, within the bounds."""
        name, other = (FORMER_RESUME_FILE, RESUME_FILE) if data[:2] == b"PK" else (RESUME_FILE, FORMER_RESUME_FILE)
        (self.home / other).unlink(missing_ok=True)
        (self.home / name).write_bytes(data)
        with bounded(RUN_MIB):
            try:
                found = resuming.read(self.home, self.learnt, fuzz_seeds.STEPS, fuzz_seeds.STEPS_PER_EPOCH)
            except HvaeError as error:
                line = str(error)
                assert line and len(line.splitlines()) == 1 and len(line) < 1_000, line
                return
        assert 0 <= found.step <= fuzz_seeds.STEPS and len(found.history) == found.step // fuzz_seeds.STEPS_PER_EPOCH
        assert np.isfinite([value for row in found.history for value in row.values()]).all()


Target = Callable[[bytes], None]


def _memory() -> str | None:
    """A folder in memory, where there is one: files are written by the thousand."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
