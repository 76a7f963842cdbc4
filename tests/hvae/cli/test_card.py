"""`hvae score --card` and `hvae report --card`: the same whatever the batch, and printed without torch."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hvae import stats
from hvae.datasets import load
from hvae.datasets.families import FAMILIES
from hvae.files import read_sealed
from hvae.measuring import card as measuring
from hvae.measuring.scorer import Measurer
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import find_run
from hvae.runs.measured.cards import read_card
from hvae.scores import score
from hvae.stats import conformal
from tests.hvae.commands import fail, invoke, succeed
from tests.hvae.tables import the_row
from tests.synthetic import make_card, make_run

NAME = "mean.S1.R1.seed0.parquet"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on digits whose two parts are scored, and its card of 2 x 20 images."""
    root = tmp_path_factory.mktemp("root")
    make_run(root, "probe", depth=2, trained=True, data="digits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HVAE_RUNS", str(root))
        succeed("score", "probe", "--split", "reference", "calibration", "--limit", 60)
        said = succeed("score", "probe", "--card", "--limit", 20).output
        assert "hvae report probe --card" in said and "left out" not in said
    return root


@pytest.fixture
def run(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, to be changed."""
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path))
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    return tmp_path / "probe"


def test_a_row_is_what_scores_and_metrics_say_of_disjoint_images(run):
    card = read_card(run / "card" / NAME)
    entry = find_run("probe")
    found = catalogue(entry)
    reference, calibration = (
        found.read(found.find("digits", card.metadata.setting, (part,))) for part in ("reference", "calibration")
    )
    images = load("digits").spread(40)
    assert card.metadata.data_fingerprint == images.fingerprint and card.metadata.n == card.metadata.n_unaltered == 20
    changed = FAMILIES["blur"].of(images.images[0::2], 1, 0)
    measurer = Measurer(entry, card.metadata.setting)
    inside, outside = measurer.table(images.images[1::2]), measurer.table(changed)
    for one in (score("joint", 2), score("llr", 2, 1), score("zlib", 2)):
        row = the_row(card.frame, family="blur", strength=1.0, score=one.label)
        own = one.of(outside, reference)
        area = stats.auroc(one.of(inside, reference), own)
        assert (row["auroc"], row["auroc_low"], row["auroc_high"]) == (area.value, area.low, area.high)
        p = conformal.p_values(-one.of(calibration, reference), -own)
        assert row["caught"] == np.mean(p <= 0.05)


def test_the_same_to_the_bit_whatever_the_batch_and_after_an_interruption(run, monkeypatch):
    before = (run / "card" / NAME).read_bytes()
    (run / "card" / NAME).unlink()
    auroc, left = stats.auroc, [100]

    def interrupted(*scores: np.ndarray) -> stats.Estimate:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return auroc(*scores)

    with monkeypatch.context() as patch:
        patch.setattr(measuring.stats, "auroc", interrupted)
        assert measure_with(run, 33) == 130
    parts = sorted((run / "card" / ".partial").rglob("*.json"))
    assert parts and all(len(json.loads(read_sealed(part, 10**6) or b"[]")) == 7 for part in parts)
    content = bytearray(parts[0].read_bytes())
    content[len(content) // 2] ^= 1
    parts[0].write_bytes(content)
    measured: list[object] = []
    monkeypatch.setattr(measuring.stats, "auroc", lambda *scores: measured.append(0) or auroc(*scores))
    assert measure_with(run, 33) == 0
    points = 1 + sum(len(family.strengths) for family in FAMILIES.values())
    assert len(measured) == 7 * (points - len(parts) + 1), "what was finished and whole is not measured again"
    assert (run / "card" / NAME).read_bytes() == before
    assert not list((run / "card" / ".partial").iterdir())


def measure_with(run: Path, batch_size: int) -> int:
    return invoke("score", run, "--card", "--limit", 20, "--batch-size", batch_size).exit_code


def test_what_is_missing_is_said_with_the_command(run, tmp_path):
    assert "probe has no robustness card" not in succeed("report", "probe", "--card").output
    make_run(tmp_path, "fresh", depth=2, trained=True, data="digits")
    assert "hvae score fresh --data digits --split reference calibration" in fail("score", "fresh", "--card")
    assert "hvae score RUN --card" in fail("report", "fresh", "--card")
    assert "--split does not apply with --card" in fail("score", "probe", "--card", "--split", "test")
    assert "--data does not apply with --card" in fail("score", "probe", "--card", "--data", "digits")
    assert "--alpha does not apply with --card" in fail("report", "probe", "--card", "--alpha", 0.1)
    assert "R = 4" in fail("score", "probe", "--card", "--draws", 4)


def test_cards_of_other_weights_are_named_and_not_reported(run):
    make_card(run, draws=3, weights="f" * 64)
    said = succeed("report", "probe", "--card")
    assert "made with other weights" in said.stderr and "R = 3" not in said.stdout
    (run / "card" / NAME).unlink()
    assert "nothing to report" in fail("report", "probe", "--card")
    (run / "card" / "mean.S1.R3.seed0.parquet").unlink()
    succeed("runs", "check", "probe")
    make_card(run, weights="f" * 64)
    assert "made with other weights" in fail("runs", "check", "probe")


def test_every_format_and_no_torch(tmp_path):
    make_card(make_run(tmp_path, "made"), draws=2)
    csv = pd.read_csv(io.StringIO(succeed("report", tmp_path / "made", "--card", "--format", "csv").stdout))
    assert set(csv["table"]) == {"card", "limits"}
    row = the_row(csv[csv["table"] == "card"], family="blur", strength=2.0, score="joint")
    assert (round(row["auroc"], 9), row["shown"], row["n_ood"], row["draws"]) == (0.82, "joint", 60, 2)
    assert set(csv[csv["shown"] == "best baseline"]["score"]) == {"H"}
    for form, words in (
        ("text", "below 2 not seen"),
        (
            "markdown",
            "| Gaussian noise | 0.1 | 0.740 [0.700, 0.780] | 37.0% | 0.530 [0.490, 0.570] | 26.5% | "
            "Entropy of the binarisation 0.900",
        ),
        ("latex", r"Gaussian noise (standard deviation, white = 1) & $\mathrm{LLR}^{>1}$ & not seen up to 0.4"),
    ):
        assert words in succeed("report", tmp_path / "made", "--card", "--format", form).stdout
    code = (
        "import sys; from hvae.cli import app; app(sys.argv[1:], standalone_mode=False); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", code, "report", str(tmp_path / "made"), "--card"], check=True, capture_output=True
    )
