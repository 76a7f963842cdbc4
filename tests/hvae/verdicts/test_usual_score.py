"""What judges where no score is named: `joint`, what replaces it and why, its parts, and how images are measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import hvae
from hvae.cli import app
from hvae.datasets import load
from hvae.errors import ConfigError, TableError
from hvae.measuring.scorer import Measurer
from hvae.report.alarms import BUDGETS, rule_alarms
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import find_run
from hvae.runs.score_tables import ScoreTable, read_table, write_table
from hvae.runs.settings import Setting
from hvae.scores import score
from hvae.stats import conformal
from hvae.verdicts import rule as verdict_rule
from hvae.verdicts.choice import usual_score
from hvae.verdicts.rule import Rule, of_parts
from tests.hvae.tables import drawn
from tests.synthetic import make_run, make_tables

REFERENCE, CALIBRATION, FRESH = drawn(400, 0), drawn(2000, 1), drawn(2000, 2)
PARTS = ["joint: terms of the ELBO", "joint: differences given the terms", "joint: LLR>1"]
UNUSUAL = Setting(samples=2, draws=2, seed=3, precision="bf16-mixed")


def usual(reference: ScoreTable = REFERENCE, **how: object) -> Rule:
    return of_parts("run", reference, CALIBRATION, **how)  # type: ignore[arg-type]


def changed(table: ScoreTable, **columns: object) -> ScoreTable:
    return replace(table, frame=table.frame.assign(**columns))


def test_joint_judges_where_it_can() -> None:
    made = usual()
    assert (made.score, made.note) == ("joint", "")
    for budget in BUDGETS:
        low, high = conformal.false_alarm_interval(budget, len(CALIBRATION), len(FRESH))
        assert low <= made.judge(FRESH).alarms(budget).mean() <= high
    assert made.judge(drawn(500, 3, shift=30)).alarms(0.05).mean() > 0.9
    assert usual(drawn(200, 0)).score == "joint"


def test_a_density_without_levels_is_judged_by_typicality_and_says_why() -> None:
    made = verdict_rule.rule(catalogue(find_run("fashionmnist-pixelcnn-seed0")))
    assert (made.score, made.statistic) == ("typicality", "rank")
    assert made.note.startswith("judged by Typicality instead of Joint score: ") and "0 latent layers" in made.note


def test_fewer_reference_images_fall_back_to_the_rank_of_the_ratio_and_say_what_they_cost() -> None:
    made = usual(drawn(199, 0))
    assert (made.score, made.statistic, len(made.levels)) == ("llr", "rank", 3)
    assert made.note.startswith(
        "judged by Likelihood ratio instead of Joint score: 199 reference images are few (200 are wanted): "
    )
    assert "96.5 / 98.1 / 98.9 % of MNIST at a 5 % budget (AUROC .989 / .993 / .995" in made.note
    assert usual(drawn(199, 0), statistic="difference").statistic == "difference"


def test_joint_of_few_images_is_used_where_asked_for_with_a_warning() -> None:
    made = usual(drawn(50, 0), score="joint")
    assert made.score == "joint" and made.note.startswith("50 reference images are few") and "instead" not in made.note
    assert 0 < made.judge(FRESH).alarms(0.05).mean() < 0.1, "its p-values hold whatever it was fitted to"
    assert usual(drawn(50, 0), score="llr").note == usual(score="joint").note == ""
    with pytest.raises(ConfigError, match="there is no score 'jont'"):
        usual(score="jont")


def test_a_run_without_the_columns_falls_back_and_one_line_says_so() -> None:
    for part in (0, 1):
        parts = [REFERENCE, CALIBRATION]
        parts[part] = replace(parts[part], frame=parts[part].frame.drop(columns="log_ratio_2"))
        name, note = usual_score(*parts)
        assert name == "llr" and note.startswith(
            "judged by Likelihood ratio instead of Joint score: joint needs `log_ratio_2`: "
        )
        assert "\n" not in note
        with pytest.raises(TableError, match="^run: joint needs `log_ratio_2`"):
            of_parts("run", *parts, score="joint")


def test_a_reference_part_that_joint_cannot_be_fitted_to() -> None:
    constant = changed(REFERENCE, log_px=-100.0)
    made = usual(constant)
    assert made.score == "llr" and "joint cannot be fitted to digits (test): log p(x|z) is the same" in made.note
    with pytest.raises(TableError, match="^run: joint cannot be fitted"):
        usual(constant, score="joint")
    with pytest.raises(TableError, match="^run: LLR>1 of digits .test. is not finite"):
        usual(changed(REFERENCE, iw=np.nan))


@pytest.mark.parametrize("judge", [None, "llr", "bound"])
@pytest.mark.parametrize(
    "changes",
    [{"samples": 2}, {"draws": 2}, {"reading": "sample"}, {"precision": "bf16-mixed"}, {"weights_sha256": "1" * 64}],
    ids=lambda changes: next(iter(changes)),
)
def test_statistics_that_were_measured_otherwise_are_refused(judge, changes) -> None:
    other = replace(FRESH, metadata=FRESH.metadata.model_copy(update=changes))
    with pytest.raises(TableError, match=r"only compare alike|other weights each") as caught:
        usual(score=judge).judge(other)
    assert "\n" not in str(caught.value)
    with pytest.raises(TableError, match=r"only compare alike|other weights each"):
        of_parts("run", REFERENCE, replace(CALIBRATION, metadata=other.metadata), score=judge)


def test_the_parts_and_the_statistic_that_is_most_unusual() -> None:
    odd = FRESH.take(np.arange(3))
    odd = changed(odd, **{"log_ratio_2": odd.log_ratio(2) - [0, 60, 0], "L>3": odd.bound(3) - [0, 0, 90]})
    frame = usual().judge(odd).frame(0.05)
    explained = score("joint", 3).explain(odd, REFERENCE)
    assert explained is not None and [name for name in frame if ":" in name] == PARTS
    np.testing.assert_allclose(frame[PARTS].sum(axis=1), score("joint", 3).of(odd, REFERENCE), rtol=0, atol=1e-9)
    assert list(frame["differs_at"])[1:] == ["log r_2", "D_3"]
    assert frame["differs_at"][0] == explained.shares.iloc[0].idxmin()
    assert not {*PARTS, "rank"} & set(usual(score="llr").judge(odd).frame(0.05))


@pytest.mark.parametrize("n", [400, 199])
def test_one_half_of_the_calibration_part_against_the_other(n) -> None:
    """Exchangeable by construction: the rate lies in the 99.9 % interval at every budget, whichever score judges."""
    made = usual(drawn(n, 0))
    for seed in range(5):
        rows = list(rule_alarms(made, None, (), "digits", seed=seed))
        assert [row["alpha"] for row in rows] == [0.01, 0.05, 0.1] and {row["role"] for row in rows} == {
            "held-out half"
        }
        for row in rows:
            assert row["score"] == made.score and row["note"] == made.note
            assert (row["n_calibration"], row["n"]) == (1000, 1000)
            assert (row["low"], row["high"]) == conformal.false_alarm_interval(row["alpha"], 1000, 1000, 0.999)
            assert row["low"] <= row["rate"] <= row["high"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory):
    """`usual` has 220 images in each part under one unusual setting, `few` 60; both have weights."""
    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HVAE_RUNS", str(root))
        for name, n in (("usual", 220), ("few", 60)):
            folder = make_run(root, name, depth=2, trained=True)
            for path in make_tables(folder, ("fashionmnist",), n=n, samples=(2,), draws=(2,)):
                table = read_table(path)
                path.unlink()
                about = table.metadata.model_copy(update={"seed": 3, "precision": "bf16-mixed"})
                write_table(folder, ScoreTable(table.frame, about))
        yield root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, image in enumerate(load("digits").images[:3]):
        Image.fromarray(image[0]).save(tmp_path / f"{number}.png")
    return tmp_path


def command(*words: str) -> str:
    result = CliRunner().invoke(app, ["score", *words, "--device", "cpu"])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_images_are_measured_as_the_reference_part_was(runs, folder) -> None:
    digits, run = load("digits").images[:3], find_run("usual")
    assert verdict_rule.rule(catalogue(run)).setting == UNUSUAL
    measured = Measurer(run, UNUSUAL, accelerator="cpu").table(digits)
    judged = hvae.load("usual").judge(digits)
    (record,) = json.loads(command("usual", "--images", str(folder), "--json"))
    assert {name: record["setting"][name] for name in UNUSUAL.fields} == UNUSUAL.fields
    for name in ("iw", "log_px", "L>1", "L>2", "log_ratio_1", "log_ratio_2"):
        assert judged[name].tolist() == measured.column(name).tolist() == [one[name] for one in record["images"]]
    plain = Measurer(run, Setting(), accelerator="cpu").table(digits)
    assert (plain.column("L>1") != measured.column("L>1")).all()


def test_the_command_and_python_say_parts_level_and_note(runs, folder) -> None:
    digits = load("digits").images[:3]
    (record,) = json.loads(command("usual", "--images", str(folder), "--json"))
    judged = hvae.load("usual").judge(digits)
    assert judged.attrs == {"score": "joint", "statistic": "rank", "note": ""}
    assert (record["setting"]["score"], record["setting"]["levels"], record["setting"]["note"]) == (
        "joint",
        ["joint"],
        "",
    )
    for one, row in zip(record["images"], judged.to_dict("records"), strict=True):
        assert sum(one[part] for part in PARTS) == pytest.approx(one["joint"], abs=1e-9)
        assert {name: one[name] for name in (*PARTS, "differs_at", "p")} == {
            name: row[name] for name in (*PARTS, "differs_at", "p")
        }
    text = command("usual", "--images", str(folder))
    assert "differs at" in text and str(judged["differs_at"][0]) in text and "k = " not in text
    assert f"usual (joint, {UNUSUAL})" in " ".join(text.split()) and "are few" not in text
    (record,) = json.loads(command("few", "--images", str(folder), "--json"))
    judged = hvae.load("few").judge(digits)
    assert judged.attrs["score"] == record["setting"]["score"] == "llr"
    assert (
        judged.attrs["note"] == record["setting"]["note"] and "60 reference images are few" in record["setting"]["note"]
    )
    text = " ".join(command("few", "--images", str(folder)).split())
    assert f"few: {record['setting']['note']}" in text and "k = " in text
    asked = " ".join(command("few", "--images", str(folder), "--score", "joint").split())
    assert "few: 60 reference images are few" in asked and "instead" not in asked
    asked = command("usual", "--images", str(folder), "--score", "llr", "--statistic", "difference", "--json")
    assert json.loads(asked)[0]["setting"]["statistic"] == "difference"


def test_the_report_says_who_judges(runs) -> None:
    for name, judge, more in (("usual", "joint", False), ("few", "llr", True)):
        result = CliRunner().invoke(app, ["report", name, "--table", "alarms", "--alpha", "0.1", "--alpha", "0.2"])
        assert result.exit_code == 0, result.output
        text = " ".join(result.stdout.split())
        assert (
            "99.9 % beta-binomial" in text and f" {judge} " in text and ("60 reference images are few" in text) == more
        )
        assert " 0.2 " in text and " 0.05 " not in text
