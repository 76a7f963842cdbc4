"""Robustness cards on disk: stored and read back, verified, and never of other weights than the run has."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hvae.errors import TableError
from hvae.runs.folders import find_run
from hvae.runs.importing import import_run
from hvae.runs.importing.bundles import bundle_tables
from hvae.runs.measured.cards import Card, cards, read_card, write_card
from tests.synthetic import card_points, make_card, make_run, make_tables


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path, "probe", depth=2, trained=True)


def test_stored_and_read_back_in_little_room(run):
    path = make_card(run)
    card = read_card(path)
    assert path.name == card.metadata.file_name == "mean.S1.R1.seed0.parquet"
    assert len(card.frame) == 4 * len(card_points())
    again = write_card(run, card)
    pd.testing.assert_frame_equal(read_card(again).frame, card.frame, check_exact=True)
    assert path.stat().st_size < 40_000


def test_cards_come_in_the_order_of_their_settings_and_those_of_other_weights_are_named(run):
    make_card(run, draws=16)
    make_card(run)
    make_card(run, draws=8, weights="f" * 64)
    found, problems = cards(find_run(str(run)))
    assert [card.metadata.draws for card in found] == [1, 16]
    (problem,) = problems
    assert "card/mean.S1.R8.seed0.parquet was made with other weights" in problem
    assert "hvae score probe --card --reading mean --samples 1 --draws 8" in problem


def test_a_run_without_weights_keeps_its_cards(tmp_path):
    run = make_run(tmp_path, "scored")
    make_card(run, weights="f" * 64)
    assert [len(part) for part in cards(find_run(str(run)))] == [1, 0]


def test_a_bundle_without_weights_takes_the_cards_of_its_weights_along(run, tmp_path):
    make_tables(run, ("fashionmnist",), n=20, parts=False)
    path = make_card(run)
    make_card(run, draws=8, weights="f" * 64)
    bundle_tables(find_run(str(run)), tmp_path / "bundle", (), (), print)
    copied = tmp_path / "bundle" / "card"
    assert [(one.name, one.read_bytes()) for one in copied.iterdir()] == [(path.name, path.read_bytes())]
    make_card(tmp_path / "bundle", draws=8, weights="f" * 64)
    found, problems = cards(find_run(str(tmp_path / "bundle")))
    assert len(found) == len(problems) == 1, "the tables say which weights count"


def test_values_that_no_card_has_are_refused(run):
    card = read_card(make_card(run))
    for frame, problem in (
        (card.frame.assign(auroc=1.5), "rates outside 0 to 1"),
        (card.frame.assign(caught=float("nan")), "gaps"),
        (card.frame.assign(strength=0.123), "a row twice"),
        (card.frame.iloc[1:], "other families or strengths"),
        (card.frame.replace({"family": {"noise": "<b>noise</b>"}}), "other families or strengths"),
    ):
        with pytest.raises(TableError, match=problem):
            write_card(run, Card(frame, card.metadata))


def test_damaged_and_foreign_files_are_named_and_not_used(run):
    path = make_card(run)
    sound, content = path.read_bytes(), pq.read_table(path)
    spoilt = {
        "another hash": content.set_column(3, "auroc", pa.array([0.5] * len(content))),
        "other rows or columns": content.drop_columns(["caught"]),
        "is no robustness card": content.replace_schema_metadata({b"hvae-card": b"{}"}),
    }
    for problem, table in spoilt.items():
        pq.write_table(table, path)
        found, problems = cards(find_run(str(run)))
        assert not found and problem in problems[0] and "hvae score probe --card" in problems[0]
    for data in (b"PAR1 nothing", sound[: len(sound) // 2], sound[:200] + b"\xff" * 20 + sound[220:]):
        path.write_bytes(data)
        found, problems = cards(find_run(str(run)))
        assert not found and "damaged" in problems[0] and len(problems[0].splitlines()) == 1
    path.write_bytes(sound)
    path.rename(path.with_name("mean.S1.R4.seed0.parquet"))
    assert "holds another card" in cards(find_run(str(run)))[1][0]


def test_an_import_takes_cards_along_and_refuses_damaged_ones(run, tmp_path, monkeypatch):
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path / "runs"))
    (tmp_path / "runs").mkdir()
    path, said = make_card(run), []
    make_card(run, draws=8, weights="f" * 64)
    imported = import_run(run, tmp_path / "runs", "copied", said.append)
    assert read_card(imported / "card" / path.name).metadata == read_card(path).metadata
    assert said == ["1 of 2 robustness cards are of other weights than the run has: measure them again"]
    path.write_bytes(b"PAR1 nothing")
    with pytest.raises(TableError, match="damaged"):
        import_run(run, tmp_path / "runs", "spoilt")
