"""Which tables of a run may be used, and which images are its own: what is left out is named once, everywhere."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hvae.config import DataConfig
from hvae.errors import TableError
from hvae.report import build, detection_table, gather
from hvae.runs.catalogue import Catalogue, catalogue, own_set
from hvae.runs.folders import find_run
from hvae.runs.score_tables import read_table, write_table
from hvae.runs.settings import Setting
from hvae.verdicts.rule import rule
from tests.hvae.commands import invoke
from tests.hvae.tables import metadata
from tests.synthetic import make_run, make_tables

A, B = "a" * 64, "b" * 64
"""Fingerprints of two sets of one's own."""


def tables_of(run: Path) -> Catalogue:
    return catalogue(find_run(str(run)))


def own_run(root: Path, name: str = "folder:/pictures/训练 v1.2", fingerprint: str = A) -> Path:
    """A run without weights, trained on a folder of one's own that it knows by its fingerprint."""
    run = make_run(root, "own", depth=2)
    tree = json.loads((run / "config.json").read_text())
    tree["data"] |= {"name": name, "fingerprint": fingerprint, "images": 120 if fingerprint else 0}
    (run / "config.json").write_text(json.dumps(tree))
    return run


def add(run: Path, slug: str, split: str, origin: str, n: int = 40) -> None:
    """A made-up table of a part of a set."""
    (path,) = make_tables(run, ("glyphs",), n=n, parts=False)
    table = read_table(path)
    about = table.metadata.model_copy(update={"data": slug, "slug": slug, "split": split, "origin": origin})
    path.unlink()
    write_table(run, replace(table, metadata=about))


@pytest.fixture
def spoilt(tmp_path: Path) -> tuple[Path, list[str]]:
    """A run among whose tables are a damaged one, one of another run, of other weights, and of another depth."""
    run = make_run(tmp_path, "spoilt", depth=2, trained=True)
    make_tables(run, ("fashionmnist", "mnist"), n=60)
    damaged, *_ = make_tables(run, ("digits",), n=20)
    content = bytearray(damaged.read_bytes())
    content[pq.read_metadata(damaged).row_group(0).column(0).total_compressed_size] ^= 1
    damaged.write_bytes(content)
    # Under another seed, so that they stand beside sound tables and not in their place.
    sibling = make_run(tmp_path, "sibling", depth=2, trained=True, seed=1)
    copied = shutil.copy(make_tables(sibling, ("notmnist",), n=20)[0], run / "scores")
    deeper = make_run(tmp_path, "deeper", depth=3)
    (of_depth,) = make_tables(deeper, ("glyphs",), n=20)
    table = read_table(of_depth)
    weights = tables_of(run).entries[0].metadata.weights_sha256
    about = table.metadata.model_copy(update={"weights_sha256": weights})
    foreign = write_table(run, replace(table, metadata=about))
    return run, [damaged.name, Path(copied).name, foreign.name]


def test_what_may_not_be_used_is_named_once(spoilt):
    run, names = spoilt
    found = tables_of(run)
    assert found.sets() == ["fashionmnist", "mnist"]
    assert len(found.problems) == 3
    for name, reason in zip(sorted(names), ("is damaged", "with 3 layers", "other weights"), strict=True):
        (problem,) = [problem for problem in found.problems if name in problem]
        assert reason in problem and problem.startswith("spoilt: ")
        assert "score it again" in problem


def test_report_and_check_leave_out_and_name_the_same(spoilt):
    run, names = spoilt
    gathered = gather([find_run(str(run))])
    assert gathered.problems == tables_of(run).problems
    (comparison,) = gathered.comparisons
    assert [table.metadata.slug for table in comparison.tables] == ["fashionmnist", "mnist"]
    result = invoke("report", run, "--table", "bits")
    assert result.exit_code == 0 and "digits" not in result.stdout and "glyphs" not in result.stdout
    checked = invoke("runs", "check", run)
    assert checked.exit_code == 2
    for name in names:
        assert result.stderr.count(name) == checked.stderr.count(name) == 1
        assert f"scores/{name}:" not in checked.stdout


def test_verdicts_use_no_part_of_other_weights(spoilt, tmp_path):
    run, _ = spoilt
    assert rule(tables_of(run)).setting == Setting()
    shutil.copy(tmp_path / "sibling" / "model.safetensors", run / "model.safetensors")
    found = tables_of(run)
    assert found.sets() == ["notmnist"] and len(found.problems) == 7 and found.rule_settings() == []
    with pytest.raises(TableError, match="hvae score spoilt --data fashionmnist --split reference calibration"):
        rule(found)


def test_a_table_that_is_mended_is_read_again(spoilt):
    run, _ = spoilt
    before = tables_of(run)
    make_tables(run, ("digits",), n=20)
    after = tables_of(run)
    assert len(after.problems) == len(before.problems) - 1
    assert after.sets() == ["fashionmnist", "digits", "mnist"]


def test_the_own_set_is_known_by_its_pixels(tmp_path):
    """Two folders of the same name, and one that another machine calls otherwise."""
    run = own_run(tmp_path)
    add(run, "v1-2-bbbbbbbb", "reference", B)
    assert tables_of(run).own is None
    add(run, "moved-aaaaaaaa", "reference", A)
    add(run, "v1-2-bbbbbbbb", "test", B)
    found = tables_of(run)
    assert found.own == "moved-aaaaaaaa"
    assert found.sets() == ["moved-aaaaaaaa", "v1-2-bbbbbbbb"]
    assert found.whole("moved-aaaaaaaa") == ("reference", "calibration")


def test_reference_parts_of_another_set_judge_nothing(tmp_path):
    run = own_run(tmp_path)
    for part in ("reference", "calibration"):
        add(run, "v1-2-bbbbbbbb", part, B)
    found = tables_of(run)
    assert found.rule_settings() == []
    with pytest.raises(TableError, match="a part of another set than the 120 images that the run was trained on"):
        rule(found)
    add(run, "训练-v1-2-aaaaaaaa", "reference", A, n=50)
    with pytest.raises(TableError, match="no scores of the calibration part"):
        rule(tables_of(run))
    add(run, "训练-v1-2-aaaaaaaa", "calibration", A, n=30)
    made = rule(tables_of(run))
    assert (len(made.reference), len(made.calibration)) == (50, 30)


def test_the_reference_part_stands_in_for_a_folder_and_no_other_set_does(tmp_path):
    run = own_run(tmp_path, "folder:/pictures/A")
    for part in ("reference", "calibration", "fitted"):
        add(run, "a-aaaaaaaa", part, A)
    for slug in ("b-bbbbbbbb", "mnist"):
        add(run, slug, "test", B)
    # Of one's own set `test` is all of it, fitted images included.
    add(run, "a-aaaaaaaa", "test", A)
    gathered = gather([find_run(str(run))])
    (comparison,) = gathered.comparisons
    assert comparison.in_table is not None
    assert (comparison.in_data, comparison.in_table.metadata.split) == ("a-aaaaaaaa", "reference")
    assert [table.metadata.slug for table in comparison.others] == ["b-bbbbbbbb", "mnist"]
    (note,) = gathered.problems
    assert "its own images (a-aaaaaaaa) have no test split, so their reference part" in note
    assert set(detection_table([comparison], ("llr",), n_boot=2)["ood_data"]) == {"b-bbbbbbbb", "mnist"}
    alarms = build([comparison], ["alarms"])["alarms"]
    assert list(alarms["role"][alarms["alpha"] == 0.05]) == ["held-out half", "ood", "ood"]


def test_only_foreign_sets_leave_nothing_to_compare_with(tmp_path):
    run = own_run(tmp_path, "folder:/pictures/A")
    for slug in ("b-bbbbbbbb", "mnist"):
        add(run, slug, "test", B)
    gathered = gather([find_run(str(run))])
    assert gathered.comparisons[0].in_table is None
    assert "nothing to compare with" in gathered.problems[0]
    assert build(gathered.comparisons, ["detection", "control", "alarms"]) == {}


def about(slug: str, split: str = "reference", origin: str = ""):
    return metadata(slug=slug, split=split, origin=origin)


@pytest.mark.parametrize(
    ("name", "tables", "own"),
    [
        ("mnist", [about("fashionmnist")], "mnist"),
        ("folder:/x/训练", [about("训练-12345678")], "训练-12345678"),
        ("folder:/x/训练", [about("folder-12345678")], "folder-12345678"),
        ("folder:/x/v1.2", [about("v1-2-12345678")], "v1-2-12345678"),
        ("folder:/x/v1.2", [about("v1-12345678")], "v1-12345678"),
        ("npz:/x/my.set.npz", [about("my-set-12345678")], "my-set-12345678"),
        ("folder:/x/cats", [about("cats-12345678", "test")], None),
        ("folder:/x/cats", [about("cats-12345678"), about("cats-87654321")], None),
        ("folder:/x/cats", [about("cats-12345678"), about("dogs-87654321")], "cats-12345678"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_run_from_before_fingerprints_knows_its_set_by_name(name, tables, own):
    assert own_set(DataConfig(name=name), tables) == own


def test_settings_that_both_parts_share(tmp_path):
    run = make_run(tmp_path, "settings", depth=2)
    make_tables(run, ("fashionmnist",), n=20, readings=("sample", "mean"), draws=(1, 4))
    (path,) = [path for path in (run / "scores").glob("*.calibration.mean.S1.R1.*")]
    path.unlink()
    found = tables_of(run)
    usual, four = Setting(reading="sample"), Setting(draws=4)
    assert found.rule_settings() == [four, usual, Setting(reading="sample", draws=4)]
    assert found.rule_setting() == four
    assert found.rule_setting(reading="sample") == usual
    assert found.rule_setting(reading="sample", draws=4, samples=None) == Setting(reading="sample", draws=4)
    assert found.rule_setting(samples=7) == Setting(samples=7)
    assert found.settings("fashionmnist") == [Setting(), four, usual, Setting(reading="sample", draws=4)]
    assert found.find("fashionmnist", Setting(seed=1)) is None
