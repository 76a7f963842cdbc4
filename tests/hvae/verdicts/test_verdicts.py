"""The label-free rule on single images: p-values, their uncertainty, words, and false alarms on the bundled runs."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from hvae.errors import ConfigError, HvaeError, TableError
from hvae.runs import folders
from hvae.runs.catalogue import catalogue
from hvae.runs.settings import Setting
from hvae.stats import conformal
from hvae.verdicts import judgement, words
from hvae.verdicts import rule as verdict_rule
from hvae.verdicts.rule import Rule
from tests.hvae.tables import ratio_table
from tests.synthetic import make_run, make_tables

BUNDLED_RUNS = folders.find_runs([folders.BUNDLED_RUNS])


def gaussian_rule(**changes) -> Rule:
    generator = np.random.default_rng(0)
    parts = dict(reference=generator.normal(size=(999, 3)), calibration=generator.normal(size=(1999, 3)))
    parts = {part: ratio_table(changes.pop(part, values)) for part, values in parts.items()}
    return Rule("run", **parts, score="llr", **changes)


@pytest.mark.parametrize("statistic", verdict_rule.STATISTICS)
@pytest.mark.parametrize("two_sided", [False, True])
def test_p_values_of_fresh_images_are_uniform(statistic, two_sided) -> None:
    rule = gaussian_rule(statistic=statistic, two_sided=two_sided)
    p = rule.judge(ratio_table(np.random.default_rng(1).normal(size=(4000, 3)))).p
    for alpha in (0.01, 0.05, 0.1):
        low, high = conformal.false_alarm_interval(alpha, 1999, 4000)
        assert low <= np.mean(p <= alpha) <= high


@pytest.mark.parametrize("statistic", verdict_rule.STATISTICS)
def test_the_level_that_differs_is_named(statistic) -> None:
    images = np.zeros((3, 3))
    images[0, 2] = images[1, 0] = images[2, 1] = 9
    found = gaussian_rule(statistic=statistic).judge(ratio_table(images))
    assert [found.levels[column] for column in found.level] == list(found.frame(0.05)["differs_at"]) == [3, 1, 2]


def test_low_ratios_raise_no_alarm_unless_both_sides_count() -> None:
    images = np.full((1, 3), -9.0)
    assert gaussian_rule().judge(ratio_table(images)).words(0.05) == ["no alarm"]
    assert gaussian_rule(two_sided=True).judge(ratio_table(images)).alarms(0.05).all()


def test_the_interval_covers_the_true_share() -> None:
    covered = []
    for seed in range(400):
        generator = np.random.default_rng(seed)
        rule = gaussian_rule(
            reference=generator.normal(size=(200, 1)), calibration=generator.normal(size=(500, 1)),
            statistic="difference",
        )  # fmt: skip
        found = rule.judge(ratio_table(np.array([[1.5]])))
        covered.append(found.low[0] <= stats.norm.sf(1.5) <= found.high[0])
    assert np.mean(covered) >= 0.93


@pytest.mark.parametrize("statistic", verdict_rule.STATISTICS)
def test_of_images_with_one_p_the_furthest_out_comes_first(statistic) -> None:
    images = np.array([[0, 0, 0], [30, 0, 0], [0, 50, 0], [40, 0, 0], [-90, 0, 0], [0, 0, 2.0]])
    for two_sided, wanted in ((False, [2, 3, 1, 5]), (True, [4, 2, 3, 1, 5])):
        frame = gaussian_rule(statistic=statistic, two_sided=two_sided).judge(ratio_table(images)).frame(0.05)
        assert frame["p"].nunique() < len(frame) and judgement.order(frame)[: len(wanted)].tolist() == wanted
    alike = frame.assign(p=0.5, T=0.5)
    found = [judgement.order(one).tolist() for one in (alike, alike.drop(columns="T"))]
    assert found == [[0, 1, 2, 3, 4, 5]] * 2, "as they are"


def test_words() -> None:
    rule = gaussian_rule()
    calm, unusual, unlike = rule.judge(ratio_table(np.array([[0.0] * 3, [2.6, 0, 0], [50.0] * 3]))).words(0.05)
    assert calm == "no alarm"
    assert unusual.startswith("unusual: 1 in ") and "in-distribution images is as far out (1 in " in unusual
    assert unlike == "unlike anything in the reference: none of 1,999 in-distribution images is as far out"
    assert rule.judge(ratio_table(np.full((1, 3), 50.0))).p[0] == 1 / 2000


def test_many_images() -> None:
    rule = gaussian_rule()
    images = np.concatenate([np.random.default_rng(2).normal(size=(190, 3)), np.full((10, 3), 50.0)])
    found = words.summary(rule.judge(ratio_table(images)).p, 1999, 0.05)
    assert found["n"] == 200 and found["expected"] == 10
    assert found["low"] <= 10 <= found["high"]
    assert 10 <= found["discoveries"] <= found["alarms"]
    assert found["least_rejections"] == conformal.least_rejections(200, 0.05, 1999) == 2


@pytest.mark.parametrize(
    ("p", "wanted"),
    [
        ([0.5], ["No alarm on 1 image: it does not look", "that it is fine.", "0 of 1 image raises", "If it were"]),
        ([0.001], ["1 of 1 image raises", "look at it, it is one that", "calls 1 OOD"]),
        ([0.001, 0.5, 0.5], ["1 of 3 images raises an alarm", "look at them, but", "If all were"]),
        ([0.001, 0.001, 0.5], ["2 of 3 images raise an alarm"]),
    ],
)
def test_one_image_and_several_are_told_as_such(p, wanted) -> None:
    found = words.summary(np.array(p), 1999, 0.05) | ({"high": 0} if p == [0.001] else {})
    said = f"{words.conclusion(found, 0, 0)} {words.together(found, 1999, 0.05)}"
    assert [one for one in wanted if one not in said] == [], said
    alone = words.together(words.summary(np.array([0.05]), 19, 0.05) | {"least_rejections": 2}, 19, 0.05)
    assert alone.endswith("so with 1 image that procedure can call none.")


def test_another_number_of_layers_is_said() -> None:
    for statistic in verdict_rule.STATISTICS:
        with pytest.raises(HvaeError, match="2 columns, the reference has 3"):
            gaussian_rule(statistic=statistic).judge(ratio_table(np.zeros((1, 2))))
    with pytest.raises(HvaeError, match="alpha"):
        gaussian_rule().judge(ratio_table(np.zeros((1, 3)))).alarms(1.5)


def test_a_rule_from_stored_tables(tmp_path) -> None:
    run = make_run(tmp_path, "run")
    entry = folders.find_runs([tmp_path])[0]
    with pytest.raises(TableError, match="--split reference calibration"):
        verdict_rule.rule(catalogue(entry))
    make_tables(run, ("fashionmnist", "mnist"), n=200)
    found = catalogue(entry)
    assert found.rule_settings() == [Setting()]
    rule = verdict_rule.rule(found)
    assert rule.depth == 3 and len(rule.reference) == len(rule.calibration) == 200
    with pytest.raises(TableError, match="R = 4"):
        verdict_rule.rule(found, found.rule_setting(draws=4))
    with pytest.raises(ConfigError, match="did you mean llr"):
        verdict_rule.rule(found, score="lrr")


ONLY_BESIDE_OTHERS = {*(f"fashionmnist-vae8-seed{seed}" for seed in (1, 2, 3, 4))} | {
    *(f"fashionmnist-classifier-seed{seed}" for seed in (1, 2))
}
"""Bundled for WAIC and the ensemble alone, without the parts that a verdict needs."""


def judges() -> Iterator[tuple[str, str | None, str]]:
    """Every bundled run with the scores that may judge by it: those over levels, or what is usual where it has none."""
    for entry in BUNDLED_RUNS:
        assert entry.config is not None
        layered = entry.config.model.depth > 0
        ways = [("joint", "rank"), ("llr", "rank"), ("llr", "difference")] if layered else [(None, "rank")]
        if entry.name not in ONLY_BESIDE_OTHERS:
            yield from ((entry.name, *way) for way in ways)


@pytest.mark.parametrize(("name", "score", "statistic"), list(judges()))
def test_false_alarms_of_every_bundled_run_on_held_out_images(name, score, statistic) -> None:
    found = catalogue(folders.find_run(name))
    assert found.rule_settings()
    for setting in found.rule_settings():
        rule = verdict_rule.rule(found, setting, score=score, statistic=statistic)
        order = np.random.default_rng(0).permutation(len(rule.calibration))
        half = len(order) // 2
        halved = replace(rule, calibration=rule.calibration.take(order[half:]))
        p = halved.judge(rule.calibration.take(order[:half])).p
        for alpha in (0.01, 0.05, 0.1):
            low, high = conformal.false_alarm_interval(alpha, len(order) - half, half)
            assert low <= np.mean(p <= alpha) <= high, (name, setting, alpha)


def test_the_run_with_the_largest_p_value_knows_an_image_best() -> None:
    p = np.array([[0.3, 0.2, 0.01], [0.5, 0.1, 0.5], [0.05, 0.04, 0.001], [0.01, 0.051, 0.05]])
    best = words.knows_best(p, 0.05)
    assert best.tolist() == [[True, False, False], [True, False, True], [False] * 3, [False, True, False]]
    assert words.knows_best(p, 0.02)[2].tolist() == [True, False, False], "a smaller budget raises fewer alarms"
    for order in ([2, 0, 1], [1, 2, 0]):
        assert np.array_equal(words.knows_best(p[:, order], 0.05), best[:, order])
    with pytest.raises(HvaeError, match="alpha"):
        words.knows_best(p, 1.0)
    with pytest.raises(HvaeError, match="NaN"):
        words.knows_best(np.array([[0.1, np.nan]]), 0.05)


def test_runs_side_by_side() -> None:
    runs, p = ["a", "b", "c"], [np.array([0.3, 0.5, 0.05]), np.array([0.2, 0.1, 0.04]), np.array([0.01, 0.5, 0.001])]
    frame = words.side_by_side(runs, p, 0.05)
    assert list(frame["knows_best"]) == ["a", "tie: a, c", "none of them"]
    assert list(frame["no_alarm_from"]) == [2, 3, 0]
    assert list(frame["p c"]) == [0.01, 0.5, 0.001] and list(frame["alarm c"]) == [True, False, True]
    assert words.best_in_words(runs, frame) == (
        "Of 3 images, a knows 1 best, b knows 0 best, c knows 0 best, 1 is a tie, and none of them knows 1."
    )
    with pytest.raises(HvaeError, match="only on the same images, these judged a 3, b 2"):
        words.side_by_side(["a", "b"], [p[0], p[1][:2]], 0.05)


def test_equal_shares_of_calibration_parts_of_other_sizes_are_a_tie() -> None:
    small, large = gaussian_rule(calibration=np.zeros((999, 3))), gaussian_rule(calibration=np.zeros((1999, 3)))
    p = [rule.judge(ratio_table(np.zeros((1, 3)))).p for rule in (small, large)]
    assert words.side_by_side(["small", "large"], p, 0.05)["knows_best"][0] == "tie: small, large"


def test_bundled_runs_know_the_test_images_of_their_own_set_best_and_letters_not_at_all() -> None:
    runs = ["fashionmnist-lite-seed0", "mnist-lite-seed0"]
    shares = {}
    for slug in ("fashionmnist", "mnist", "notmnist"):
        p = []
        for name in runs:
            found = catalogue(folders.find_run(name))
            entry = found.find(slug, Setting(), ("test",))
            assert entry is not None
            table = found.read(entry)
            # The same 2,000 images, as one of the runs has scored no more.
            table = table.take(np.linspace(0, len(table) - 1, 2000).round().astype(int))
            p.append(verdict_rule.rule(found, score="llr").judge(table).p)
        known = words.side_by_side(runs, p, 0.05)["knows_best"]
        shares[slug] = known.value_counts(normalize=True)
    assert shares["fashionmnist"][runs[0]] > 0.94 and shares["mnist"][runs[1]] > 0.94
    assert shares["notmnist"][words.NONE_KNOWS] > 0.98
