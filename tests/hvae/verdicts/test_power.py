"""What a rule catches, said beside its verdicts, and the pixels that are looked at within its budget."""

import numpy as np
import pytest

from hvae.runs.catalogue import catalogue
from hvae.runs.folders import find_run
from hvae.stats import conformal
from hvae.verdicts import power, words
from hvae.verdicts.rule import Rule, rule


@pytest.fixture(scope="module")
def clothes() -> Rule:
    return rule(catalogue(find_run("fashionmnist-lite-seed0")))


def test_what_is_caught_stands_in_words(clothes: Rule) -> None:
    found = catalogue(find_run("fashionmnist-lite-seed0"))
    sets = power.measured(found, clothes)
    assert sets[0].own and sets[0].label == "FashionMNIST" and len(sets[0].p) == power.MOST
    assert {one.label for one in sets[1:]} == {"MNIST", "notMNIST", "Digits (scikit-learn)", "Glyphs (DejaVu fonts)"}
    said = power.catches(sets, 0.05)
    mnist = next(one for one in sets if one.label == "MNIST")
    assert f"{100 * mnist.share(0.05):.1f} % of MNIST" in said and "FashionMNIST, its own kind" in said
    assert mnist.share(0.05) > 0.95
    assert "not known" in power.catches(sets[:1], 0.05)


def test_pixels_within_the_budget_keep_it_and_cost_little(clothes: Rule) -> None:
    found = catalogue(find_run("fashionmnist-lite-seed0"))
    alone = rule(found, pixels=False)
    assert clothes.pixels and not alone.pixels and not rule(found, score="zlib").pixels
    half = np.arange(len(clothes.calibration)) % 2 == 0
    fresh = clothes.calibration.take(np.flatnonzero(half))
    kept = Rule("run", clothes.reference, clothes.calibration.take(np.flatnonzero(~half)), "joint", pixels=True)
    p = kept.judge(fresh).p
    for alpha in (0.01, 0.05, 0.1):
        low, high = conformal.false_alarm_interval(alpha, int((~half).sum()), int(half.sum()))
        assert low <= np.mean(p <= alpha) <= high
    for with_pixels, without in zip(power.measured(found, clothes), power.measured(found, alone), strict=True):
        assert with_pixels.share(0.05) > without.share(0.05) - 0.05


@pytest.mark.parametrize(
    ("alarms", "doubtful", "refused", "said"),
    [
        (0, 0, 0, ["No alarm on 40 images", "no proof"]),
        (2, 3, 0, ["no more than mistakes explain (0 to 8)", "Doubtful before any verdict: 3"]),
        (20, 0, 1, ["20 of 40 images raise an alarm, more than the 8", "Not read, so not judged: 1 file."]),
    ],
)
def test_the_conclusion_is_plain(alarms: int, doubtful: int, refused: int, said: list[str]) -> None:
    text = words.conclusion({"n": 40, "alarms": alarms, "low": 0, "high": 8}, doubtful, refused)
    assert all(part in text for part in said) and "typical" not in text
