"""Score tables: equal to the committed ones, and to themselves however they are made.

`python -m tests.hvae.test_golden` writes the golden tables anew; a change of their numbers belongs in the changelog.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits

import hvae.measuring.measure
from hvae.config import DataConfig, RunConfig, TrainingConfig
from hvae.datasets import ImageSet, load
from hvae.errors import CheckpointError
from hvae.measuring.measure import CHUNK, score
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.hierarchical_config import Family
from hvae.runs.checkpoints import save_weights, write_config
from hvae.runs.score_tables import KEYS, read_table
from hvae.runs.settings import Setting
from tests.hvae.small_models import small_config

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"
CASES = {
    "mean": Setting(),
    "sample": Setting(reading="sample"),
    "auxiliary": Setting(reading="auxiliary", seed=1),
    "early-release": Setting(reading="early-release"),
    "mean-S5-R3": Setting(samples=5, draws=3),
}
BUNDLED = [
    table
    for weights in sorted(ROOT.glob("assets/runs/*/model.safetensors"))
    if (table := weights.parent / "scores" / "digits.all.mean.S1.R1.seed0.parquet").is_file()
]
"""Tables of the bundled runs whose images need no download."""
FAMILIES: tuple[Family, ...] = ("ladder", "bidirectional")
"""Families beside the bottom-up one, each with a golden table of `mean-S5-R3`."""
NATS = 1e-3
"""What hardware and versions of torch may differ by."""
HALF = 2**-10
"""Of a standard error: one step of half precision, as such a difference may turn its rounding."""


def digits(count: int) -> ImageSet:
    """The first of scikit-learn's digits at their own 8x8 pixels."""
    data = load_digits()
    images = np.rint(data.images[:count] * (255 / 16)).astype(np.uint8)[:, None]
    return ImageSet("digits", "all", images, data.target[:count].astype(np.int64))


def make_fixed_run(folder: Path, family: Family = "bottom-up") -> Path:
    """A run whose weights come from raw Philox words: the same under every version of torch and NumPy."""
    model = small_config(family=family)
    config = RunConfig(model=model, data=DataConfig(name="digits"), training=TrainingConfig(epochs=1))
    bits = np.random.Philox(key=20210713)
    weights: dict[str, torch.Tensor] = {}
    for name, value in sorted(HierarchicalVAE(config.model).state_dict().items()):
        uniform = (bits.random_raw(value.numel()) >> np.uint64(40)).astype(np.float64) / 2**24
        centred = torch.from_numpy(2 * uniform - 1).float().view(value.shape)
        # Gains near 1 keep the bounds at tens of nats, where float32 resolves a thousandth.
        weights[name] = 0.8 + 0.2 * centred if name.endswith("original0") else 0.5 * centred
    write_config(folder, config)
    save_weights(folder, weights, config)
    return folder


def table(run: Path, images: ImageSet, how: Setting, batch_size: int = 100) -> pd.DataFrame:
    return read_table(score(run, images, how, batch_size=batch_size, accelerator="cpu")).frame


def columns(draws: int) -> list[str]:
    return [*KEYS, *small_config().statistics(draws)]


def assert_close(frame: pd.DataFrame, expected: pd.DataFrame, tolerance: float = NATS) -> None:
    errors = [name for name in expected if name.endswith("_se")]
    # Tables hold standard errors in half precision, and nothing else.
    for names, rtol in ((expected.columns.difference(errors), 0), (errors, HALF)):
        pd.testing.assert_frame_equal(
            frame[names], expected[names], check_dtype=False, check_exact=False, rtol=rtol, atol=tolerance
        )
    assert list(frame) == list(expected)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_fixed_run(tmp_path_factory.mktemp("runs") / "fixed")


@pytest.mark.parametrize("name", CASES)
def test_tables_equal_the_golden_ones(run: Path, name: str) -> None:
    how = CASES[name]
    frame = table(run, digits(25), how)
    assert list(frame.columns) == columns(how.draws)
    golden = pd.read_csv(GOLDEN / f"{name}.csv")
    assert golden["elbo"].std() > 1, "the golden table holds numbers that differ"
    assert_close(frame, golden)


@pytest.mark.parametrize("family", FAMILIES)
def test_tables_of_other_families_equal_the_golden_ones(family: Family, tmp_path: Path) -> None:
    other = make_fixed_run(tmp_path / "run", family)
    frame = table(other, digits(25), CASES["mean-S5-R3"])
    assert list(frame.columns) == columns(3)
    assert_close(frame, pd.read_csv(GOLDEN / f"{family}.csv"))
    assert_close(table(other, digits(9), CASES["mean-S5-R3"], batch_size=2), frame.head(9))


def test_configs_from_before_an_option_keep_the_model_they_describe(run: Path, tmp_path: Path) -> None:
    """A file that does not name padding and activation loads the same weights and gives the same values to the bit."""
    older = shutil.copytree(run, tmp_path / "older", ignore=shutil.ignore_patterns("scores"))
    stated = json.loads((older / "config.json").read_text(encoding="utf-8"))
    assert [stated["model"].pop(name) for name in ("padding", "likelihood_activation")] == ["symmetric", True]
    (older / "config.json").write_text(json.dumps(stated), encoding="utf-8")
    pd.testing.assert_frame_equal(
        table(older, digits(25), Setting()), table(run, digits(25), Setting()), rtol=0, atol=0
    )


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.parents[1].name)
def test_bundled_runs_score_as_their_tables_say(path: Path, tmp_path: Path) -> None:
    stored = read_table(path)
    bundled = shutil.copytree(path.parents[1], tmp_path / "run", ignore=shutil.ignore_patterns("scores"))
    images = load("digits", "all")
    some = images.take(np.arange(20))
    how = Setting(precision=stored.metadata.precision)  # type: ignore[arg-type]
    assert images.fingerprint == stored.metadata.data_fingerprint
    assert_close(table(bundled, some, how), stored.frame.head(20), tolerance=0.01)


def test_the_same_command_gives_the_same_file(run: Path) -> None:
    path = score(run, digits(25), CASES["mean-S5-R3"], accelerator="cpu")
    before = path.read_bytes()
    path.unlink()
    assert score(run, digits(25), CASES["mean-S5-R3"], accelerator="cpu") == path
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["mean", "mean-S5-R3"])
def test_no_value_depends_on_the_batch_size(run: Path, name: str) -> None:
    whole = table(run, digits(25), CASES[name])
    for batch_size in (1, 3, 8, 1000):
        assert_close(table(run, digits(25), CASES[name], batch_size), whole)


def test_no_value_depends_on_the_images_beside_it(run: Path) -> None:
    assert_close(table(run, digits(9), CASES["mean"]), table(run, digits(25), CASES["mean"]).head(9))


def test_columns_fit_together(run: Path) -> None:
    single, many = table(run, digits(25), CASES["mean"]), table(run, digits(25), CASES["mean-S5-R3"])
    for frame in (single, many):
        terms = frame["log_px"] + frame[[f"log_ratio_{layer}" for layer in (1, 2, 3)]].sum(axis=1)
        np.testing.assert_allclose(frame["elbo"], terms, atol=NATS)
        assert list(frame["example"]) == list(range(25))
        assert list(frame["label"]) == list(digits(25).labels)
    np.testing.assert_array_equal(single["iw"], single["elbo"])
    assert (many["iw"] >= many["elbo"]).all()
    assert (many["elbo_se"] > 0).all()


def test_draws_and_seeds_differ_and_readings_share_the_elbo(run: Path) -> None:
    mean, sample = table(run, digits(25), CASES["mean"]), table(run, digits(25), CASES["sample"])
    assert_close(mean[["elbo", "log_px"]], sample[["elbo", "log_px"]])
    assert (mean["L>1"] - sample["L>1"]).abs().min() > 0
    other = table(run, digits(25), Setting(seed=1))
    assert (mean["elbo"] - other["elbo"]).abs().min() > 0


CHILD = """
import sys
from pathlib import Path

import torch

from hvae.measuring.measure import score
from hvae.runs.settings import Setting
from tests.hvae.test_golden import digits

torch.set_num_threads(1)

def wait(done, total):
    print(done, flush=True)
    if not sys.stdin.readline():
        raise SystemExit

score(Path(sys.argv[1]), digits(int(sys.argv[2])), Setting(), accelerator="cpu", on_progress=wait)
"""


def test_a_killed_scoring_keeps_its_chunks_and_gives_the_same_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL while the second chunk is being made; the child waits after the first one."""
    count = 2 * CHUNK + 50
    whole = score(make_fixed_run(tmp_path / "whole"), digits(count), Setting(), accelerator="cpu")
    killed = make_fixed_run(tmp_path / "killed")
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(killed), str(count)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == f"{CHUNK}\n"
        with pytest.raises(CheckpointError, match="another process is scoring"):
            score(killed, digits(count), Setting(), accelerator="cpu")
        child.stdin.write("\n")
        child.stdin.flush()
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    finally:
        child.kill()
        child.communicate()
    chunks = sorted((killed / "scores" / ".partial").rglob("*.chunk"))
    assert chunks
    assert not list((killed / "scores").glob("*.parquet"))
    made: list[int] = []
    chunk = hvae.measuring.measure._Scoring._chunk

    def spy(self: hvae.measuring.measure._Scoring, index: np.ndarray) -> np.ndarray:
        made.append(int(index[0]))
        return chunk(self, index)

    monkeypatch.setattr(hvae.measuring.measure._Scoring, "_chunk", spy)
    resumed = score(killed, digits(count), Setting(), accelerator="cpu")
    assert 0 not in made, "the finished chunk is kept"
    assert made[-1] == 2 * CHUNK
    assert resumed.read_bytes() == whole.read_bytes()
    assert not chunks[0].exists(), "nothing partial is left beside a finished table"


def cut(content: bytes) -> bytes:
    return content[:-100]


def flipped(content: bytes) -> bytes:
    """The lowest bit of a number's mantissa: it stays finite and plausible."""
    return bytes([content[0] ^ 1]) + content[1:]


@pytest.mark.parametrize("damage", [cut, flipped])
def test_a_damaged_chunk_is_made_again(run: Path, damage: Callable[[bytes], bytes]) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(done: int, total: int) -> None:
        raise Interrupted

    how = Setting(seed=9)
    with pytest.raises(Interrupted):
        score(run, digits(25), how, accelerator="cpu", on_progress=interrupt)
    (chunk,) = (run / "scores" / ".partial").rglob("*.chunk")
    whole = chunk.read_bytes()
    chunk.write_bytes(damage(whole))
    made: list[bytes] = []
    write = hvae.measuring.measure.write_sealed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hvae.measuring.measure, "write_sealed", lambda *what: made.append(what[1]) or write(*what))
        frame = table(run, digits(25), how)
    assert np.isfinite(frame.to_numpy()).all()
    assert len(frame) == 25
    assert [whole[:-32]] == made


if __name__ == "__main__":
    import tempfile

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        fixed = make_fixed_run(Path(temporary) / "bottom-up")
        for name, how in CASES.items():
            table(fixed, digits(25), how).to_csv(GOLDEN / f"{name}.csv", index=False, float_format="%.4f")
        for family in FAMILIES:
            fixed = make_fixed_run(Path(temporary) / family, family)
            frame = table(fixed, digits(25), CASES["mean-S5-R3"])
            frame.to_csv(GOLDEN / f"{family}.csv", index=False, float_format="%.4f")
