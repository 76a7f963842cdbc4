"""Training: resumable to the bit, chosen by validation."""

from __future__ import annotations

import io
import os
import random
import shutil
import signal
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

import hvae.models.hierarchical_model
import hvae.training.trainer
from hvae.datasets import ImageSet
from hvae.errors import CheckpointError, ConfigError, DataError
from hvae.inputs import sha256
from hvae.runs.checkpoints import WEIGHTS_FILE, load_checkpoint, read_config
from hvae.runs.folders import FORMER_RESUME_FILE, RESUME_FILE
from hvae.training import resuming
from hvae.training.batches import Batches
from hvae.training.trainer import HISTORY_FILE, Progress, train
from tests.hvae.training.small_runs import CONFIG, FITTED, STEPS, STEPS_PER_EPOCH, VALIDATION, Stopped, digits, stop_at

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    return train(CONFIG, tmp_path_factory.mktemp("runs") / "whole", FITTED, VALIDATION, accelerator="cpu")


def history(folder: Path) -> pd.DataFrame:
    """The learning curve without its wall-clock column."""
    return pd.read_csv(folder / HISTORY_FILE).drop(columns="images_per_second")


def assert_same_run(folder: Path, other: Path) -> None:
    assert sha256(folder / WEIGHTS_FILE) == sha256(other / WEIGHTS_FILE)
    pd.testing.assert_frame_equal(history(folder), history(other), check_exact=True)
    states = [resuming._stored(each / RESUME_FILE) for each in (folder, other)]
    assert states[0][1].step == states[1][1].step == STEPS
    for name, value in states[0][0].items():
        assert torch.equal(value, states[1][0][name]), name


CHILD = """
import sys

import torch

from hvae.training.trainer import train
from tests.hvae.training.small_runs import CONFIG, FITTED, VALIDATION

torch.set_num_threads(1)

def wait(progress):
    print(progress.step, flush=True)
    if not sys.stdin.readline():
        raise SystemExit

train(CONFIG, __import__("pathlib").Path(sys.argv[1]), FITTED, VALIDATION, accelerator="cpu", on_step=wait)
"""


def test_a_killed_run_resumes_to_the_bit(uninterrupted: Path, tmp_path: Path) -> None:
    """SIGKILL at a random moment after the first checkpoint; until then the child waits after each step."""
    folder = tmp_path / "run"
    last = random.Random(7).randrange(CONFIG.training.checkpoint_every + 1, STEPS - 4)
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        for step in range(1, last + 1):
            assert child.stdout.readline() == f"{step}\n"
            if step == last:
                with pytest.raises(CheckpointError, match="another process is writing"):
                    train(CONFIG, folder, FITTED, VALIDATION, resume=True, accelerator="cpu")
            child.stdin.write("\n")
            child.stdin.flush()
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    finally:
        child.kill()
        child.communicate()
    assert (folder / RESUME_FILE).is_file()
    (folder / ".resume.safetensors.left.part").touch()
    train(CONFIG, folder, FITTED, VALIDATION, resume=True, accelerator="cpu")
    assert_same_run(folder, uninterrupted)
    assert not list(folder.glob(".*.part"))


@pytest.mark.parametrize("step", [1, 6, STEPS_PER_EPOCH + 1])
def test_a_run_stopped_at_any_step_resumes_to_the_bit(uninterrupted: Path, tmp_path: Path, step: int) -> None:
    with pytest.raises(Stopped):
        train(CONFIG, tmp_path, FITTED, VALIDATION, accelerator="cpu", on_step=stop_at(step))
    seen: list[int] = []
    train(CONFIG, tmp_path, FITTED, VALIDATION, resume=True, accelerator="cpu", on_step=lambda p: seen.append(p.step))
    assert seen[-1] == STEPS
    assert step - seen[0] < CONFIG.training.checkpoint_every, "no more than the promised steps are repeated"
    assert_same_run(tmp_path, uninterrupted)


def test_every_epoch_reads_each_image_once_in_an_order_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[list[int]] = []
    step = hvae.training.trainer._Trainer._step

    def spy(self: hvae.training.trainer._Trainer, index: torch.Tensor) -> None:
        read.append(index.tolist())
        step(self, index)

    monkeypatch.setattr(hvae.training.trainer._Trainer, "_step", spy)
    train(CONFIG.override({"training.epochs": 2}), tmp_path, FITTED, VALIDATION, accelerator="cpu")
    epochs = [sum(read[:STEPS_PER_EPOCH], []), sum(read[STEPS_PER_EPOCH:], [])]
    assert all(sorted(order) == list(range(len(FITTED))) for order in epochs)
    assert epochs[0] != epochs[1]
    assert epochs[0] != sorted(epochs[0])


def test_a_model_of_the_background_reads_mutated_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[torch.Tensor] = []
    preprocess = Batches.preprocess

    def spy(self: Batches, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        x = preprocess(self, images, generator)
        if len(images) == CONFIG.training.batch_size:
            read.append((x - images / 255)[images == 0])
        return x

    monkeypatch.setattr(Batches, "preprocess", spy)
    grey = {"data.preprocessing": "grey", "data.mutation": 0.3, "training.epochs": 1}
    train(CONFIG.override(grey), tmp_path, FITTED, VALIDATION, accelerator="cpu")
    values = torch.cat(read)
    # Every 256th mutated pixel stays black; four standard errors of 8,000 black pixels.
    assert float((values > 0).float().mean()) == pytest.approx(0.3 * 255 / 256, abs=4 * 0.5 / len(values) ** 0.5)
    assert float(values[values > 0].mean()) == pytest.approx(0.5, abs=0.03)
    assert len({float(first) for first in [part.sum() for part in read]}) == len(read), "drawn anew at every read"


def test_training_raises_the_validation_elbo(uninterrupted: Path) -> None:
    curve = history(uninterrupted)
    assert list(curve["epoch"]) == [1, 2, 3]
    assert list(curve["step"]) == [STEPS_PER_EPOCH, 2 * STEPS_PER_EPOCH, STEPS]
    assert curve["elbo"].iloc[-1] > curve["elbo"].iloc[0] + 5
    np.testing.assert_allclose(curve["elbo"], curve["log_px"] + curve.filter(regex="log_ratio_").sum(axis=1), rtol=1e-4)
    assert (curve.filter(regex="active_units_") >= 0).all(axis=None)
    assert curve["active_units_1"].max() <= 2 * 4 * 4
    checkpoint = load_checkpoint(uninterrupted)
    assert checkpoint.config == CONFIG


def test_validation_chooses_the_checkpoint(tmp_path: Path) -> None:
    """The weights change at the end of an epoch exactly where it is the best so far."""
    config = CONFIG.override(
        {"training.learning_rate": 0.1, "training.schedule": "constant", "training.ema": 0, "training.epochs": 5}
    )
    stored: list[str] = []

    def on_step(progress: Progress) -> None:
        if progress.step > 1 and progress.step % STEPS_PER_EPOCH == 1:
            stored.append(sha256(tmp_path / WEIGHTS_FILE))

    train(config, tmp_path, FITTED, VALIDATION, accelerator="cpu", on_step=on_step)
    stored.append(sha256(tmp_path / WEIGHTS_FILE))
    elbo = history(tmp_path)["elbo"].to_numpy()
    best = np.maximum.accumulate(elbo)
    improved = np.append(True, elbo[1:] > best[:-1])
    assert not improved.all(), "no epoch was worse: the test shows nothing"
    assert [one != other for one, other in zip(stored[1:], stored[:-1], strict=True)] == list(improved[1:])
    assert stored[-1] == stored[int(elbo.argmax())]


def test_the_moving_average_is_what_is_stored(tmp_path: Path) -> None:
    config = CONFIG.override({"training.epochs": 1})
    train(config, tmp_path / "averaged", FITTED, VALIDATION, accelerator="cpu")
    train(config.override({"training.ema": 0}), tmp_path / "raw", FITTED, VALIDATION, accelerator="cpu")
    for name in ("averaged", "raw"):
        state = load_file(tmp_path / name / RESUME_FILE)
        stored = load_checkpoint(tmp_path / name).model.state_dict()
        same = all(torch.equal(stored[key], state[f"weights.{key}"]) for key in stored)
        assert same == (name == "raw")
        assert all(torch.equal(stored[key], state[f"average.module.{key}"]) for key in stored)


def test_a_folder_holds_one_run(uninterrupted: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="already holds a run"):
        train(CONFIG, uninterrupted, FITTED, VALIDATION, accelerator="cpu")
    other = CONFIG.override({"training.learning_rate": 0.5})
    with pytest.raises(CheckpointError, match="another config"):
        train(other, uninterrupted, FITTED, VALIDATION, resume=True, accelerator="cpu")
    with pytest.raises(CheckpointError, match="to resume from"):
        train(CONFIG, tmp_path / "empty", FITTED, VALIDATION, resume=True, accelerator="cpu")
    (tmp_path / WEIGHTS_FILE).write_bytes(b"imported")
    with pytest.raises(CheckpointError, match="already holds a run"):
        train(CONFIG, tmp_path, FITTED, VALIDATION, accelerator="cpu")
    assert (tmp_path / WEIGHTS_FILE).read_bytes() == b"imported"


def test_a_finished_run_resumes_to_itself(uninterrupted: Path) -> None:
    before = {path.name: sha256(path) for path in uninterrupted.iterdir()}
    train(CONFIG, uninterrupted, FITTED, VALIDATION, resume=True, accelerator="cpu")
    assert {path.name: sha256(path) for path in uninterrupted.iterdir()} == before


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04 cut off"])
def test_a_damaged_resume_file_is_one_line(uninterrupted: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes((uninterrupted / "config.json").read_bytes())
    (tmp_path / RESUME_FILE).write_bytes(content)
    with pytest.raises(CheckpointError, match="cannot be resumed from") as caught:
        train(CONFIG, tmp_path, FITTED, VALIDATION, resume=True, accelerator="cpu")
    assert "\n" not in str(caught.value)


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def as_before(path: Path, **changed: object) -> None:
    """What versions that pickled left, with some fields changed."""
    tensors, progress = resuming._stored(path)
    parts: dict[str, Any] = {"weights": {}, "average": {}, "optimizer": {"state": {}, "param_groups": []}}
    for name, value in tensors.items():
        part, _, rest = name.partition(".")
        if part == "optimizer":
            number, _, rest = rest.partition(".")
            parts[part]["state"].setdefault(int(number), {})[rest] = value
        else:
            parts[part][rest] = value
    torch.save(parts | vars(progress) | changed, path.with_name(FORMER_RESUME_FILE))
    path.unlink()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"step": -1}, "step: Input should be greater"),
        ({"step": "5"}, "step: Input should be a valid integer"),
        ({"step": STEPS + 1}, f"{STEPS + 1} steps are done, of {STEPS}"),
        ({"step": STEPS_PER_EPOCH}, "a learning curve of 3 epochs after 1"),
        ({"best_elbo": float("nan")}, "best_elbo: Input should be a finite number"),
        ({"best_elbo": 1e9}, "best ELBO is none of its learning curve"),
        ({"history": "abc"}, "history: Input should be a valid list"),
        ({"weights": {}}, "of another model: 'weights."),
        (None, "another hash"),
    ],
)
def test_what_no_training_leaves_is_no_way_on(uninterrupted: Path, tmp_path: Path, changed: Any, said: str) -> None:
    run = Path(shutil.copytree(uninterrupted, tmp_path / "run"))
    if changed is None:
        flipped(run / RESUME_FILE)
    else:
        as_before(run / RESUME_FILE, **changed)
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    with pytest.raises(CheckpointError, match="cannot be resumed from") as caught:
        train(CONFIG, run, FITTED, VALIDATION, resume=True, accelerator="cpu")
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_a_pickle_of_former_versions_is_read_once(uninterrupted: Path, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        train(CONFIG, tmp_path, FITTED, VALIDATION, accelerator="cpu", on_step=stop_at(14))
    as_before(tmp_path / RESUME_FILE)
    train(CONFIG, tmp_path, FITTED, VALIDATION, resume=True, accelerator="cpu")
    assert not (tmp_path / FORMER_RESUME_FILE).exists()
    assert_same_run(tmp_path, uninterrupted)


def test_an_odd_pickle_is_refused_quietly(tmp_path: Path) -> None:
    """A stream that calls the tensor it has made is refused after a comparison at which torch warns."""
    buffer = io.BytesIO()
    torch.save({"weights": torch.zeros(1)}, buffer)
    with zipfile.ZipFile(buffer) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / FORMER_RESUME_FILE, "w") as archive:
        for name, content in members.items():
            made = content.rindex(b"R") + 1 if b"R" in content else 0
            archive.writestr(name, content[:made] + b")R" + content[made:] if name.endswith("data.pkl") else content)
    learnt = resuming.Learnt(*(torch.nn.Linear(1, 1) for _ in range(2)), torch.optim.Adam([torch.zeros(1)]))
    with warnings.catch_warnings(record=True) as heard, pytest.raises(CheckpointError, match="cannot be resumed from"):
        warnings.simplefilter("always")
        resuming.read(tmp_path, learnt, 1, 1)
    assert not heard


def test_a_reason_is_short_and_a_tensor_is_no_mapping(
    tmp_path: Path, recwarn: pytest.WarningsRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt = resuming.Learnt(*(torch.nn.Linear(1, 1) for _ in range(2)), torch.optim.Adam([torch.zeros(1)]))
    torch.save(torch.zeros(2, 2), tmp_path / FORMER_RESUME_FILE)
    with pytest.raises(CheckpointError, match="cannot be resumed from"):
        resuming.read(tmp_path, learnt, 1, 1)
    assert not recwarn

    def lengthy(*_: object, **__: object) -> None:
        raise ValueError("x" * 9_999)

    monkeypatch.setattr(torch, "load", lengthy)
    with pytest.raises(CheckpointError, match="cannot be resumed from: xxx") as caught:
        resuming.read(tmp_path, learnt, 1, 1)
    assert len(str(caught.value)) < 1_000


def test_images_have_to_fit(tmp_path: Path) -> None:
    wide = ImageSet("wide", "train", np.zeros((4, 1, 8, 10), np.uint8), np.zeros(4, np.int64))
    with pytest.raises(ConfigError, match=r"\(1, 8, 10\)"):
        train(CONFIG, tmp_path, wide, VALIDATION, accelerator="cpu")
    with pytest.raises(DataError, match="no images"):
        train(CONFIG, tmp_path, FITTED, FITTED.take(np.arange(0)), accelerator="cpu")
    assert not list(tmp_path.iterdir())


def test_the_last_batch_may_be_the_only_one(tmp_path: Path) -> None:
    few = FITTED.take(np.arange(10))
    train(CONFIG.override({"training.epochs": 2}), tmp_path, few, VALIDATION, accelerator="cpu")
    assert list(history(tmp_path)["step"]) == [1, 2]


def test_training_notes_the_set_that_its_images_were_taken_from(tmp_path: Path) -> None:
    whole = digits(slice(0, 200), "train")
    fitted, held = whole.take(np.arange(160)), whole.take(np.arange(160, 200))
    config = CONFIG.override({"training.epochs": 1})
    for name, given, images in (("given", whole, len(whole)), ("taken", None, 0)):
        train(config, tmp_path / name, fitted, held, whole=given, accelerator="cpu")
        noted = read_config(tmp_path / name).data
        assert (noted.fingerprint, noted.images) == (whole.fingerprint, images)
