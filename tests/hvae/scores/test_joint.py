"""`joint`: additive, of each image alone, at any depth, with collapsed levels, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest
from sklearn.metrics import roc_auc_score

from hvae.errors import TableError
from hvae.runs.score_tables import ScoreTable
from hvae.scores import score
from hvae.scores.densities.joint import Joint, JointFit
from tests.hvae.tables import drawn, table_of

REFERENCE, FRESH, STRANGE = drawn(1000, 0), drawn(2000, 1), drawn(500, 2, shift=30)
JOINT = score("joint", 3)


@pytest.mark.parametrize("name", ["joint", "joint-input"])
@pytest.mark.parametrize("table", [FRESH, STRANGE], ids=["fresh", "strange"])
def test_it_is_the_sum_of_its_parts(name, table):
    one = score(name, 3)
    found = one.explain(table, REFERENCE)
    assert found is not None and list(found.parts) == ["terms of the ELBO", "differences given the terms", "LLR>1"]
    np.testing.assert_allclose(found.parts.sum(axis=1), one.of(table, REFERENCE), rtol=0, atol=1e-9)
    assert (found.parts.to_numpy() > 0).all()
    assert ((found.shares > 0) & (found.shares <= 1)).all(axis=None)
    beside = ["input_entropy"] if name == "joint-input" else []
    levels = [f"{letter}_{level}" for letter in ("log r", "D") for level in (1, 2, 3)]
    assert list(found.shares) == list(found.statistics) == ["log p(x|z)", *beside, *levels]
    np.testing.assert_array_equal(found.statistics["D_2"], table.bound(1) - table.bound(2))


def test_of_each_image_alone():
    """No image's value depends on its batch or order, to the bit."""
    whole = JOINT.of(FRESH, REFERENCE)
    order = np.random.default_rng(5).permutation(len(FRESH))
    np.testing.assert_array_equal(JOINT.of(FRESH.take(order), REFERENCE), whole[order])
    for part in (np.arange(1), np.arange(1, 700), np.arange(700, 2000)):
        np.testing.assert_array_equal(JOINT.of(FRESH.take(part), REFERENCE), whole[part])


def test_a_strange_set_scores_higher_and_a_fresh_one_does_not():
    fresh, strange, own = (JOINT.of(table, REFERENCE) for table in (FRESH, STRANGE, drawn(2000, 7)))
    labels = np.r_[np.zeros(len(fresh)), np.ones(len(strange))]
    assert roc_auc_score(labels, np.r_[fresh, strange]) > 0.97
    assert kstest(fresh, own).pvalue > 0.01


def test_the_normal_case_is_the_mahalanobis_distance():
    """On normal statistics Q_C and Q_{D|C} follow chi-squared laws of as many degrees as they have coordinates."""
    random = np.random.default_rng(0)
    mixed = random.normal(size=(30_000, 5)) @ (np.eye(5) + 0.2 * random.normal(size=(5, 5)))
    columns = {"log_px": mixed[:, 0], "log_ratio_1": mixed[:, 1] - 20, "log_ratio_2": mixed[:, 2] - 20}
    columns |= {"iw": mixed[:, 0], "L>1": mixed[:, 0] - mixed[:, 3]}
    columns |= {"L>2": columns["L>1"] - mixed[:, 4]}
    table = table_of(columns, 2)
    q_c, q_d = JointFit(table).distances(table)
    for values, degrees in ((q_c, 3), (q_d, 2)):
        assert abs(values.mean() - degrees) < 0.1 and abs(values.var() - 2 * degrees) < 0.5


@pytest.mark.parametrize(
    ("kl", "groups", "k"),
    [
        ((20.0,), ["1"], 1),
        ((20.0, 0.0, 5.0), ["1-2", "3"], 1),
        ((20.0, 8.0, 0.0), ["1", "2-3"], 1),
        ((0.0, 8.0, 5.0), ["1-2", "3"], 2),
        ((0.0, 0.0), ["1-2"], 1),
        ((0.5, 1.9), ["1-2"], 1),
        ((20.0, 0.0, 0.0, 0.0, 5.0), ["1-4", "5"], 1),
    ],
)
def test_collapsed_levels_are_pooled(kl, groups, k):
    reference, fresh = drawn(1000, 0, kl), drawn(300, 1, kl)
    if not any(kl):
        reference, fresh = drawn(1000, 0, (1e-3,) * len(kl)), drawn(300, 1, (1e-3,) * len(kl))
    found = Joint().explain(fresh, reference)
    assert found is not None and [name[2:] for name in found.shares if name.startswith("D_")] == groups
    assert list(found.parts)[-1] == f"LLR>{k}"
    np.testing.assert_allclose(found.parts.sum(axis=1), Joint().of(fresh, reference), rtol=0, atol=1e-9)


def test_pooling_sums_what_is_pooled():
    kl = (20.0, 0.5, 5.0)
    found = Joint().explain(drawn(300, 1, kl), drawn(1000, 0, kl))
    fresh = drawn(300, 1, kl)
    assert found is not None
    np.testing.assert_array_equal(found.statistics["log r_1-2"], fresh.log_ratio(1) + fresh.log_ratio(2))
    np.testing.assert_array_equal(found.statistics["D_1-2"], fresh.bound(0) - fresh.bound(2))


def test_a_model_without_latent_layers_has_none():
    assert Joint.levels(0) == () and Joint.levels(1) == (None,)


def refusal(table: ScoreTable, reference: ScoreTable, name: str = "joint") -> str:
    with pytest.raises(TableError) as caught:
        score(name, 3).of(table, reference)
    assert "\n" not in (said := str(caught.value))
    return said


def changed(table: ScoreTable, **columns: object) -> ScoreTable:
    return ScoreTable(table.frame.assign(**columns), table.metadata, table.run)


def test_a_constant_statistic_is_named():
    said = refusal(FRESH, changed(REFERENCE, log_px=-200.0))
    assert said == (
        "joint cannot be fitted to digits (test): log p(x|z) is the same for all 1,000 reference images, so no image "
        "stands out in it"
    )


def test_coordinates_that_say_the_same_do_no_harm():
    """A singular covariance is shrunk; the score stays finite, and its direction right."""
    twin = {"log_ratio_2": REFERENCE.log_ratio(1)}
    fresh, strange = (changed(table, log_ratio_2=table.log_ratio(1)) for table in (FRESH, STRANGE))
    reference = changed(REFERENCE, **twin)
    low, high = (JOINT.of(table, reference) for table in (fresh, strange))
    assert np.isfinite(low).all() and np.isfinite(high).all() and np.median(high) > np.median(low) + 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"samples": 5}, "was measured with samples = 5, the test part with samples = 1"),
        ({"draws": 16}, "was measured with draws = 16, the test part with draws = 1"),
        ({"reading": "sample"}, "was measured with reading = sample, the test part with reading = mean"),
        ({"weights_sha256": "f" * 64}, "have other weights each: score both again"),
    ],
)
def test_a_reference_that_was_measured_otherwise(changes, said):
    assert said in refusal(drawn(50, 3, **changes), REFERENCE)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite(value):
    where = np.where(np.arange(len(FRESH)) == 3, value, FRESH.column("log_px"))
    assert "is not finite: score it again" in refusal(changed(FRESH, log_px=where), REFERENCE)
    assert "log p(x|z): 1 of 1000 values are NaN or infinite" in refusal(
        FRESH, changed(REFERENCE, log_px=where[: len(REFERENCE)])
    )


def test_what_is_missing_is_said_with_the_command():
    bare = ScoreTable(FRESH.frame.drop(columns="L>2"), FRESH.metadata)
    assert "joint needs `L>2`: digits (test) has not been measured so: hvae score RUN" in refusal(bare, REFERENCE)
    bare = ScoreTable(FRESH.frame.drop(columns="input_entropy"), FRESH.metadata)
    assert "hvae data measure digits" in refusal(bare, REFERENCE, "joint-input")
    assert "fitted to the reference part" in str(JOINT.obstacle(FRESH, None))


def test_complexity_stands_for_the_input_of_colour_images():
    tables = [drawn(n, seed, preprocessing="integer") for n, seed in ((1000, 0), (200, 1))]
    reference, fresh = (changed(one, zlib_bytes=one.column("input_entropy") * 10) for one in tables)
    found = score("joint-input", 3).explain(fresh, reference)
    assert found is not None and "zlib_bytes" in found.shares
