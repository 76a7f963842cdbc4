"""Every score of several runs on the same images: a table by hand, and which runs may stand in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hvae.config import RunFile
from hvae.errors import ConfigError, TableError
from hvae.report import line_up, render, rivals
from hvae.report.line_ups import Entrant, LineUp
from hvae.report.tables import METRICS
from hvae.runs.catalogue import Catalogue, catalogue
from hvae.runs.folders import find_run
from hvae.runs.score_tables import ScoreTable, read_table, write_table
from hvae.runs.settings import Setting
from hvae.scores.prior_knowledge.complexity import code_length
from hvae.stats import auroc, metrics, paired_auroc_difference
from tests.hvae.tables import table_of, the_row
from tests.synthetic import make_run, make_tables

INSIDE, OUTSIDE = np.array([3.0, 0.0, 1.0, 2.0]), np.array([2.5, 4.0, 5.0, 6.0])


def hand_made(root: Path, **runs: tuple[np.ndarray, np.ndarray]) -> LineUp:
    """Runs of depth 1 by name whose -L>0 of four images each are these, L>1 being zero."""
    entrants = []
    for name, both in runs.items():
        run = find_run(str(make_run(root, name, depth=1)))
        tables = {
            slug: table_of({"iw": -one, "L>1": np.zeros(4)}, 1, name, slug=slug)
            for slug, one in zip(("fashionmnist", "mnist"), both, strict=True)
        }
        rows = {slug: np.arange(4) for slug in tables}
        entrants.append(Entrant(Catalogue(run, (), (), "fashionmnist", None), Setting(), tables, None, rows))
    return LineUp("fashionmnist", ("mnist",), tuple(entrants), ())


def catalogues(*runs: Path) -> list[Catalogue]:
    return [catalogue(find_run(str(run))) for run in runs]


def changed(run: Path, file: str, rows: np.ndarray | None = None, **metadata: str) -> None:
    """Write a table of a run anew, of some of its rows and under other metadata."""
    old = run / "scores" / file
    table = read_table(old)
    frame = table.frame if rows is None else table.frame.iloc[rows].assign(example=np.arange(len(rows)))
    old.unlink()
    write_table(run, ScoreTable(frame, table.metadata.model_copy(update=metadata)))


def test_numbers_by_hand(tmp_path):
    found = hand_made(tmp_path, one=(INSIDE, OUTSIDE), other=(INSIDE, INSIDE + 0.5))
    made, absent = rivals.columns(found, ["bound", "llr", "typicality"])
    assert [one.name for one in made] == [f"{label} of {run}" for run in ("one", "other") for label in (
        "-L>0", "-L>1", "LLR>1"
    )]  # fmt: skip
    assert absent and all("typicality is fitted to the reference part" in one.why for one in absent)
    frame = rivals.table(found, made, made[0], n_boot=20)
    row = the_row(frame, run="one", score="-L>0")
    assert (row["auroc"], row["auprc"], row["fpr80"], row["fpr95"]) == (15 / 16, 0.95, 0.25, 0.25)
    assert (row["group"], row["passes"], row["n_in"], row["k"]) == ("neither", 1, 4, 0)
    assert [row[f"difference{end}"] for end in ("", "_low", "_high")] == [0, 0, 0] and row["p"] == 1
    other = the_row(frame, run="other", score="-L>0")
    assert other["auroc"] == 10 / 16 and other["against"] == "-L>0 of one"
    gain = paired_auroc_difference(INSIDE, INSIDE + 0.5, INSIDE, OUTSIDE)
    assert (other["difference"], other["difference_low"], other["p"]) == (-5 / 16, gain.low, gain.p_value)
    published = the_row(frame, name="odin")
    assert (published["published_auroc"], published["group"], published["run"]) == (0.752, "labels or OOD data", "")
    assert np.isnan(published["auroc"]) and frame["auroc"].notna().sum() == 6
    blocks = [list(rivals.GROUPS).index(one) for one in frame["group"]]
    assert blocks == sorted(blocks)


def test_intervals_are_paired(tmp_path):
    """The same images are resampled whatever the score: a score and twice it have one interval."""
    random = np.random.default_rng(0)
    inside, outside = random.normal(size=50), random.normal(1, 1, 40)
    found = metrics(inside, outside, n_boot=50)
    assert found == metrics(2 * inside, 2 * outside, n_boot=50)
    assert list(found) == list(METRICS) and found["auroc"] == auroc(inside, outside)


def test_groups_by_what_a_score_takes():
    assert rivals.group(("labels", "prior knowledge")) == rivals.group(("OOD data",)) == "labels or OOD data"
    assert rivals.group(("prior knowledge", "several runs")) == "prior knowledge"
    assert rivals.group(("a batch",)) == rivals.group(()) == "neither"


def test_what_the_others_are_set_against(tmp_path):
    made, _ = rivals.columns(hand_made(tmp_path, one=(INSIDE, OUTSIDE), other=(INSIDE, OUTSIDE)))
    usual = rivals.against(made)
    assert usual is not None and usual.name == "-L>0 of one", "the first, where no run has joint"
    for asked, name in (("llr", "LLR>1 of one"), ("-L>1", "-L>1 of one"), ("LLR>1 of other", "LLR>1 of other")):
        found = rivals.against(made, asked)
        assert found is not None and found.name == name
    with pytest.raises(ConfigError, match="--against best: no run here has that score; name one of bound, llr"):
        rivals.against(made, "best")


def test_in_words(tmp_path):
    found = hand_made(tmp_path, one=(INSIDE, OUTSIDE))
    made, _ = rivals.columns(found)
    table = rivals.table(found, made, made[0], n_boot=5)
    text = render({"rivals": table}, "text", {"mnist": "MNIST"})
    assert "Scores that have seen labels or OOD images" in text and "OOD MNIST, 4 / 4 images" in text
    assert "differences in AUROC from -L>0 of one" in text and "0.752 / 0.763 / 0.432" in text
    assert "0.938 [" in text and "+0.000 [+0.000, +0.000]" in text and "Ren et al. (2019)" in text
    latex = render({"rivals": table}, "latex")
    assert latex.count("{") == latex.count("}") and latex.count(r"\begin{table}") == 3


def test_a_table_of_some_images_is_aligned_with_one_of_all(tmp_path):
    whole, part = make_run(tmp_path, "whole"), make_run(tmp_path, "part", seed=1)
    for run in (whole, part):
        make_tables(run, ("fashionmnist", "mnist"), n=40)
    name = "mnist.test.mean.S1.R1.seed0.parquet"
    about = read_table(whole / "scores" / name).metadata
    rows = np.linspace(0, 39, 20).round().astype(int)
    changed(part, name, rows, data_fingerprint="f" * 64, origin=about.data_fingerprint)
    found = line_up(catalogues(whole, part), ["mnist"])
    assert found.refused == ()
    first, second = found.entrants
    np.testing.assert_array_equal(first.rows["mnist"], rows)
    np.testing.assert_array_equal(second.rows["mnist"], np.arange(20))
    np.testing.assert_array_equal(first.images("mnist").column("iw"), second.images("mnist").column("iw"))
    assert len(first.images("fashionmnist")) == 40
    rest = make_run(tmp_path, "rest", seed=2)
    make_tables(rest, ("fashionmnist", "mnist"), n=40)
    changed(rest, name, rows[:10], data_fingerprint="e" * 64, origin=about.data_fingerprint)
    assert "rest has scored other images of mnist" in line_up(catalogues(part, rest), ["mnist"]).refused[0]


def test_runs_that_cannot_be_compared_are_refused_in_a_line(tmp_path):
    first, alien, unlike, unscored = (make_run(tmp_path, name) for name in ("first", "alien", "unlike", "unscored"))
    alien = make_run(tmp_path, "alien", data="mnist")
    make_tables(first, ("fashionmnist", "mnist"), n=30)
    make_tables(alien, ("fashionmnist", "mnist"), n=30)
    make_tables(unlike, ("fashionmnist",), n=30)
    make_tables(unlike, ("mnist",), n=20)
    make_tables(unscored, ("fashionmnist",), n=30)
    found = line_up(catalogues(first, alien, unlike, unscored), ["mnist"])
    assert [one.name for one in found.entrants] == ["first"]
    assert found.refused == (
        "alien was trained on mnist, first on fashionmnist: only runs of one training set can be compared",
        "unscored has no scores of mnist under reading mean, S = 1, R = 1: hvae score unscored --data mnist --reading "
        "mean --samples 1 --draws 1",
        "unlike has scored other images of mnist (test, 20 of them) than first (test, 30): score both alike, with one "
        "--split and --limit",
    )
    with pytest.raises(TableError, match="no scores of svhn"):
        line_up(catalogues(first), ["svhn"])
    with pytest.raises(TableError, match="name a set beside fashionmnist"):
        line_up(catalogues(first), ["fashionmnist"])
    with pytest.raises(TableError, match="no scores of fashionmnist with draws = 16"):
        line_up(catalogues(first), ["mnist"], draws=16, reading=None)


def test_companions_among_the_runs_take_part(tmp_path):
    runs = [make_run(tmp_path, f"seed{seed}", depth=1, seed=seed) for seed in range(5)]
    background = make_run(tmp_path, "background", depth=1)
    config = RunFile.from_json((background / "config.json").read_bytes()).config.override({"data.mutation": 0.2})
    (background / "config.json").write_text(config.to_json())
    for run in (*runs, background):
        make_tables(run, ("fashionmnist", "mnist"), n=20, parts=False)
    found = line_up(catalogues(*runs, background), ["mnist"])
    assert [one.name for one in found.entrants] == [run.name for run in runs], "a background is nothing by itself"
    made, _ = rivals.columns(found, ["bound", "waic", "background-ratio"])
    assert [one.name for one in made if one.score.name == "waic"] == ["WAIC of seed0"], "one for all five"
    ratio = next(one for one in made if one.score.name == "background-ratio")
    assert ratio.run == "seed0" and ratio.passes == 2 and rivals.group(ratio.score.needs) == "prior knowledge"


def test_own_calibration_images_choose_the_background_model(tmp_path, monkeypatch):
    """Of three models the one whose ratio follows the code length least, either way; OOD images have no say."""
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path))
    run, *others = [make_run(tmp_path, name, depth=1) for name in ("run", "little", "right", "much")]
    sets = ("fashionmnist", "mnist")
    make_tables(run, sets, n=40, pixels=True)
    own = catalogue(find_run("run"))
    table = own.read(own.find("fashionmnist", Setting(), ("calibration",)))
    code, apart = code_length(table), np.random.default_rng(0).normal(0, 60, len(table))
    for share, background in zip((-1, 0, 1), others, strict=True):
        config = RunFile.from_json((background / "config.json").read_bytes()).config
        background.joinpath("config.json").write_text(config.override({"data.mutation": 0.2 + share / 10}).to_json())
        make_tables(background, sets, n=40)
        catalogued = catalogue(find_run(background.name))
        one = catalogued.read(catalogued.find("fashionmnist", Setting(), ("calibration",)))
        likelihood = table.column("iw") - apart + share * 5 * (code - code.mean())
        write_table(background, replace(one, frame=one.frame.assign(iw=likelihood)))
    names = ["run", "little", "right", "much"]
    found = line_up(catalogues(*names), ["mnist"])
    (line,) = found.choices
    assert line.startswith("run takes right as its background: over own calibration images") and "at 20 %" in line
    made, absent = rivals.columns(found, ["background-ratio"])
    by_label = {one.score.label: one for one in made}
    assert list(by_label) == ["-(L-L_bg)", *(f"-(L-L_bg) at {percent} %" for percent in (10, 20, 30))] and not absent
    chosen = by_label["-(L-L_bg)"]
    np.testing.assert_array_equal(chosen.inside, by_label["-(L-L_bg) at 20 %"].inside)
    assert chosen.is_usual and not by_label["-(L-L_bg) at 30 %"].is_usual

    next((tmp_path / "much" / "scores").glob("fashionmnist.calibration*")).unlink()
    made, absent = rivals.columns(line_up(catalogues(*names), ["mnist"]), ["background-ratio"])
    assert [one.score.k for one in made] == [10, 20, 30]
    assert "much has not scored them: hvae score much --data fashionmnist --split calibration" in absent[0].why


def test_bundled_densities_of_clothing_find_digits_likelier():
    """The failure that the rivals are to mend, and where our bits/dim stand beside those of the talk."""
    found = line_up(catalogues("fashionmnist-glow-seed0", "fashionmnist-pixelcnn-seed0"), ["mnist"])
    made, _ = rivals.columns(found, ["bound"])
    table = rivals.table(found, made, None, n_boot=2).query("run != ''")
    assert len(table) == 2 and (table["auroc_high"] < 0.5).all()
    for column in made:
        known, foreign = (one.mean() / (784 * np.log(2)) for one in (column.inside, column.outside["mnist"]))
        assert 2.9 < known < 3.8 and 1.4 < foreign < 2.6, "bits/dim; the talk's Glow has 2.96 and 1.83"
