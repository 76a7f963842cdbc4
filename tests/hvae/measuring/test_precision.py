"""The precision that is chosen where nobody names one: tables decide, then the machine, then a measured error."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from hvae.measuring.precision import choosing
from hvae.measuring.precision.choosing import Change, Choice, choose, is_fast, measured
from hvae.runs.folders import find_run
from hvae.runs.score_tables import read_metadata
from hvae.runs.settings import Setting
from tests.hvae.commands import fail, succeed
from tests.synthetic import make_run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of digits, on a machine that computes fast in bf16, without a table."""
    monkeypatch.setattr(choosing, "is_fast", lambda device: True)
    return make_run(tmp_path, "run", trained=True, data="digits")


def changes_by(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "measured", lambda *_: Change("LLR>1", share * 3.0, 3.0))


def scored(run: Path, *options: object) -> tuple[str, str]:
    """(the precision that the table names, what was said)."""
    result = succeed("score", run, "--data", "digits", "--split", "test", "--limit", 20, "--device", "cpu", *options)
    return read_metadata(next((run / "scores").glob("*.parquet"))).precision, result.stderr


@pytest.mark.parametrize(("share", "expected"), [(0.09, "bf16-mixed"), (0.11, "32-true")])
def test_bf16_is_chosen_where_it_changes_little(
    run: Path, share: float, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes_by(share, monkeypatch)
    precision, said = scored(run, "--precision", "auto")
    assert precision == expected
    (line,) = [one for one in said.splitlines() if one.startswith("note: run is scored in")]
    assert f"scored in {expected}: " in line and "LLR>1" in line


def test_nothing_is_chosen_on_a_machine_without_it_or_by_one_of_several(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes_by(0.0, monkeypatch)
    entry, how = find_run(str(run)), Setting()
    assert choose(entry, how, accelerator="cpu").precision == "bf16-mixed"
    assert choose(entry, how, accelerator="cpu", alone=False).precision == "32-true"
    monkeypatch.setattr(choosing, "is_fast", lambda device: False)
    assert choose(entry, how, accelerator="cpu") == Choice("32-true")


def test_what_is_named_is_what_is_done_and_later_tables_follow(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes_by(0.0, monkeypatch)
    assert scored(run, "--precision", "32-true")[0] == "32-true"
    entry = find_run(str(run))
    assert choose(entry, Setting(precision="bf16-mixed"), accelerator="cpu") == Choice("32-true")
    assert choose(entry, Setting(seed=1), accelerator="cpu").precision == "bf16-mixed", "another setting is free"
    assert scored(run, "--precision", "bf16-mixed")[0] == "bf16-mixed"
    changes_by(1.0, monkeypatch)
    assert choose(entry, Setting(), accelerator="cpu") == Choice(
        "bf16-mixed", "bf16-mixed, as its tables of this setting are"
    )
    assert "precision" in fail("score", run, "--data", "digits", "--precision", "fp8")


def test_shards_follow_the_first_of_them(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes_by(0.0, monkeypatch)
    for shard, options in (("1/2", ("--precision", "bf16-mixed")), ("2/2", ("--precision", "auto"))):
        succeed(
            "score",
            run,
            "--data",
            "digits",
            "--split",
            "test",
            "--limit",
            20,
            "--device",
            "cpu",
            "--shard",
            shard,
            *options,
        )
    succeed("merge", run)
    assert read_metadata(next((run / "scores").glob("*.parquet"))).precision == "bf16-mixed"


def test_the_error_is_measured_on_the_same_noise(run: Path) -> None:
    plain, fast = (Fabric(accelerator="cpu", devices=1, precision=one) for one in ("32-true", "bf16-mixed"))
    entry = find_run(str(run))
    found = measured(entry, Setting(draws=4), plain, fast)
    assert found == measured(entry, Setting(draws=4), plain, fast)
    assert 0 < found.error < found.monte_carlo
    assert measured(entry, Setting(draws=4), plain, plain).error == 0
    assert Change("L", 0.0, 0.0).share == 0 and Change("L", 1e-9, 0.0).share == float("inf")


def test_a_limit_of_the_instructions_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    monkeypatch.delenv("DNNL_MAX_CPU_ISA", raising=False)
    for limit, fast in (("", True), ("AVX512_CORE_AMX", True), ("AVX512_CORE_BF16", True), ("AVX2", False)):
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
        assert is_fast(torch.device("cpu")) == fast
