"""What a pipeline is told: every exit code of the table in the documentation, and JSON that every parser reads."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import hvae
from hvae.cli import terminal
from hvae.datasets.own.caveats import Caveat, in_words
from hvae.errors import TableError
from tests.hvae.commands import fail, invoke, succeed
from tests.synthetic import make_run, make_tables

ROOT = Path(__file__).resolve().parents[3]
P = {"known": 0.8, "odd": 0.02}
"""p-value of an image by its grey value: above 127 is odd."""


class Fixed:
    """A judge who knows dark images and no light ones."""

    def __init__(self, run: object, rule, **options: object) -> None:
        self.labels = [one.label for one in rule.levels]

    def __call__(self, images: np.ndarray, alpha: float, caveats: Sequence[Sequence[Caveat]]) -> pd.DataFrame:
        p = np.where(images.mean((1, 2, 3)) > 127, P["odd"], P["known"])
        frame = pd.DataFrame({label: np.full(len(images), np.nan) for label in self.labels})
        frame["caveats"] = list(map(in_words, caveats))
        return frame.assign(differs_at=1, p=p, p_low=-np.inf, p_high=np.nan, ood=p <= alpha, verdict="a verdict")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """`gate` has 60 images to calibrate on, `few` 12."""
    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HVAE_RUNS", str(root))
        make_tables(make_run(root, "gate", depth=2, trained=True), ("fashionmnist",), n=60)
        make_tables(make_run(root, "few", depth=2, trained=True), ("fashionmnist",), n=12)
        yield


@pytest.fixture(autouse=True)
def here(runs: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hvae.verdicts.judge.Judge", Fixed)
    monkeypatch.chdir(tmp_path)
    for name, value in {"known": 0, "odd": 255}.items():
        Path(name).mkdir()
        Image.new("L", (28, 28), value).save(f"{name}/000.png")
    for name in ("known", "odd"):
        Path(f"{name}+").mkdir()
        Path(f"{name}+/000.png").write_bytes(Path(f"{name}/000.png").read_bytes())
        Path(f"{name}+/notes.txt").write_text("words")
    Path("words").mkdir()
    for number in range(3):
        Path(f"words/{number}.png").write_text("words")
    Path("empty").mkdir()


FAIL = "--fail-if-ood"
CODES = {
    0: [("gate", "known"), ("gate", "known", FAIL), ("gate", "odd"), ("few", "odd", "--alpha", "0.08")],
    2: [("few", "known"), ("few", "known", FAIL), ("gate", "none"), ("gate", "empty"), ("nobody", "known"),
        ("gate", "known", "--alpha", "2"), ("gate", "known", "--limit", "9"), ("gate", "known", "--ofit", "pad"),
        ("gate", "words", "--alpha", "0.001")],
    3: [("gate", "odd", FAIL), ("gate", "odd", "known", FAIL), ("gate", "known", FAIL, "--alpha", "0.9")],
    4: [("gate", "known+"), ("gate", "known+", FAIL), ("gate", "odd+"), ("gate", "odd+", FAIL), ("gate", "words"),
        ("gate", "words", FAIL), ("gate", "known", "words", FAIL), ("gate", "words", "--json")],
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "words"), [(code, words) for code, all_words in CODES.items() for words in all_words], ids=str
)
def test_the_exit_code_of_a_judgement(code, words):
    run, *others = words
    result = invoke("score", run, "--images", *others, "--device", "cpu")
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    if code == 2 and "--ofit" not in words:
        assert len(result.stderr.splitlines()) == 1


def test_ctrl_c(monkeypatch):
    def stop(self: Fixed, *images: object) -> pd.DataFrame:
        raise KeyboardInterrupt

    monkeypatch.setattr(Fixed, "__call__", stop)
    assert invoke("score", "gate", "--images", "odd+", FAIL).exit_code == 130


def test_the_documentation_has_these_codes_in_one_table():
    text = (ROOT / "docs" / "your-own-images.md").read_text()
    rows = re.findall(r"^\| `(\d+)` \|", text, re.MULTILINE)
    assert [int(code) for code in rows] == [0, 2, 3, 4, 130]
    assert (terminal.FAILED, terminal.ALARM, terminal.UNREAD, terminal.INTERRUPTED) == (2, 3, 4, 130)
    assert sorted(CODES) == [int(code) for code in rows[:-1]]


def test_too_few_calibration_images_are_said_with_the_number_it_takes():
    result = invoke("score", "few", "--images", "odd", "--alpha", "0.05")
    said = "with 12 calibration images nothing can raise an alarm at alpha 0.05: it takes 19"
    assert said in result.stderr and "alpha of at least 0.077" in result.stderr
    pixels = np.zeros((1, 28, 28), np.uint8)
    with pytest.raises(TableError, match=said):
        hvae.load("few").judge(pixels)
    assert succeed("score", "few", "--images", "odd", "--alpha", "0.077")


@pytest.mark.parametrize(
    ("alpha", "needed"), [(0.5, 1), (0.1, 9), (0.05, 19), (0.01, 99), (0.001, 999), (0.3, 3), (0.07, 14)]
)
def test_the_least_calibration_part(alpha, needed):
    from hvae.stats.conformal import least_calibration

    assert least_calibration(alpha) == needed
    assert 1 / (needed + 1) <= alpha * (1 + 1e-9) and (needed == 1 or 1 / needed > alpha)


def strict(text: str) -> list:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_json_is_strict_and_complete():
    Path("odd+/.hidden").touch()
    os.symlink(".", "odd+/up")
    said = invoke("score", "gate", "--images", "odd+", "known", "--json", "--report", "said.html")
    assert said.exit_code == 4, (said.output, said.exception)
    (record,) = strict(said.stdout)
    report = Path("said.html").read_text()
    assert record["conclusion"] in report and "odd+/000.png" in report and "odd+/notes.txt" in report
    assert "must end in .html" in fail("score", "gate", "--images", "known", "--report", "said.pdf")
    assert [image["image"] for image in record["images"]] == ["odd+/000.png", "known/000.png"]
    assert record["images"][0]["p_high"] is record["images"][0]["p_low"] is None
    assert [one["image"] for one in record["refused"]] == ["odd+/notes.txt"]
    assert [one["name"] for one in record["left_out"]] == ["odd+/up", "odd+/1 hidden"]
    (record,) = strict(invoke("score", "gate", "--images", "words", "--json").stdout)
    assert record["images"] == [] and record["together"] is None and len(record["refused"]) == 3


def test_what_is_doubtful_and_left_out_is_said():
    Image.fromarray(np.eye(28, dtype=np.uint8)).save("known/eye.png")
    Path("known/.hidden").touch()
    said = " ".join(succeed("score", "gate", "--images", "known").stdout.split())
    assert (
        "doubtful: known/eye.png: zero-one: it holds 0 and 1 alone" in said
        and "left out: known/1 hidden: .hidden" in said
    )
    (record,) = strict(succeed("score", "gate", "--images", "known", "--json").stdout)
    assert ["it holds 0 and 1 alone" in image["caveats"] for image in record["images"]] == [False, True]


@pytest.mark.parametrize("option", [(), ("--json",)], ids=["text", "json"])
def test_bytes_that_are_no_text_never_end_a_command(option):
    odd = os.fsdecode(b"odd/\xff\xfe.png")
    Path("odd/000.png").rename(odd)
    for source in ("odd", odd):
        result = invoke("score", "gate", "--images", source, *option)
        assert result.exit_code == 0 and "\\xff" in result.output.replace("\\\\", "\\")
    Path(odd).write_text("words")
    for source in ("odd", odd, os.fsdecode(b"none\xff")):
        result = invoke("score", "gate", "--images", source, *option)
        assert result.exit_code == (2 if "none" in source else 4)
        assert "Traceback" not in result.output


def test_data_says_what_it_left_out_and_is_prepared_alike(monkeypatch):
    rows = []
    monkeypatch.setattr("hvae.measuring.measure.score", lambda run, images, *_, **__: rows.append(images) or Path("t"))
    monkeypatch.setattr("hvae.cli.scoring.tables.summary", lambda path: "")
    result = invoke("score", "gate", "--data", "folder:odd+", "--invert", "--device", "cpu")
    assert result.exit_code == 4 and "notes.txt: not an image" in " ".join(result.stderr.split())
    assert rows[0].images.max() == 0 and rows[0].slug.startswith("odd-invert-")
    assert "does not apply with --data digits" in invoke("score", "gate", "--data", "digits", "--invert").stderr
    assert invoke("score", "gate", "--data", "folder:odd", "--fit", "padd").exit_code == 2
    assert invoke("score", "gate", "--data", "folder:odd", "--device", "cpu").exit_code == 0


def test_reconstruct_says_which_file_it_could_not_read():
    assert invoke("reconstruct", "gate", "--images", "words/0.png", "--out", "x.png", "--device", "cpu").exit_code == 4
    assert invoke("reconstruct", "gate", "--images", "none.png", "--out", "x.png", "--device", "cpu").exit_code == 2
