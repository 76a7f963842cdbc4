"""A threshold with its consequences, and the file that takes a chosen one to the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.deciding import consequences
from app.deciding.consequences import Costs
from app.frame import parts
from hvae.datasets.own.preparing import Treatment
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import find_run
from hvae.verdicts.chosen import chosen
from hvae.verdicts.power import Measured
from hvae.verdicts.rule import rule
from tests.app.conftest import judging_run, sound
from tests.app.score_images.kept_jobs import png
from tests.hvae.commands import fail, succeed


def test_what_is_expected_of_a_day_follows_from_rates_and_costs():
    p = np.linspace(0.001, 0.2, 200)
    sets = [Measured("own", True, p), Measured("other", False, p / 4)]
    found = consequences.table(sets, 99, Costs(1000, 0.1, 50, 1)).set_index("budget")
    assert list(found.index) == [0.01, 0.02, 0.05, 0.1, 0.2], "with 99 images no alarm is possible below 1 %"
    assert found["false_alarms"].tolist() == pytest.approx([9, 18, 45, 90, 180])
    assert found.loc[0.05, "caught_share"] == 1 and found.loc[0.05, "cost"] == pytest.approx(45)
    assert (found["caught"] + found["missed"]).tolist() == pytest.approx([100] * 5), "they add up to the unusual ones"
    assert found.index[consequences.cheapest(found)] == 0.05
    free = consequences.table(sets, 99, nothing := Costs(1000, 0.1, 0, 0))
    assert "every budget costs the same, 0 a day" in consequences.in_words(free, nothing)
    assert consequences.cheapest(free) is None and "caught" in free
    told = consequences.reckoned(sets, 99, 0.05)
    assert "reckoned at 5.0 % of ordinary images" in told and "the run's test images (own) 25.0 % did" in told
    alone = consequences.table(sets[:1], 99, Costs(1000, 0.1, 50, 1))
    assert consequences.cheapest(alone) is None and "not known" in consequences.in_words(alone, Costs(9, 0.1, 1, 1))


def test_a_chosen_rule_judges_on_the_command_line_as_on_the_page(clothes: Path, tmp_path: Path):
    made = rule(catalogue(find_run("clothes")), score="llr", two_sided=True, statistic="difference")
    how = Treatment((1, 28, 28), "crop", True)
    file = tmp_path / "clothes.rule.json"
    file.write_text(chosen(made, 0.03, how).model_dump_json())
    (tmp_path / "one.png").write_bytes(png(200))
    common = ("score", "clothes", "--images", tmp_path / "one.png", "--json", "--device", "cpu")
    spelt = ("--score", "llr", "--two-sided", "--statistic", "difference", "--alpha", 0.03, "--fit", "crop", "--invert")
    by_file, by_hand = (json.loads(succeed(*common, *more).stdout) for more in (("--rule", file), spelt))
    assert by_file == by_hand and by_file[0]["setting"]["alpha"] == 0.03

    assert "--alpha does not apply with --rule" in fail(*common, "--rule", file, "--alpha", 0.1)
    judging_run(clothes.parent, "second-one")
    other = ("score", "second-one", "--images", tmp_path / "one.png", "--rule", file)
    assert "second-one has other weights than the rule was chosen for (clothes" in fail(*other)
    file.write_text('{"kind": "hvae rule", "alpha": 2}')
    assert "is no rule that this version reads" in fail(*common, "--rule", file)
    assert "cannot be read: No such file" in fail(*common, "--rule", tmp_path / "gone.json")


def test_the_scores_page_says_what_a_threshold_costs_and_saves_the_rule(clothes: Path, visit: Callable[..., AppTest]):
    values = {"part": parts.CHECKS, "score": "llr", "volume": "5000", "miss": "20"}
    app = visit("scores", run="clothes", data="fashionmnist", ood=["mnist"], **values)
    text = sound(app)
    assert "What a threshold costs" in text and "hvae score clothes --images PATH --rule clothes.rule.json" in text
    assert app.number_input(key="volume").value == 5000
    assert any(one.proto.label.startswith("Save the rule at") for one in app.get("download_button"))
