"""Density of states: the known density of normal statistics, which of them have a part, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from hvae.errors import TableError
from hvae.scores import score
from hvae.scores.densities.dose import informative
from hvae.stats import auroc
from tests.hvae.tables import drawn, table_of

DOSE = score("dose", 0)
RANDOM = np.random.default_rng(0)
LATENT, VOLUME = RANDOM.normal(-900, 10, 4000), RANDOM.normal(-300, 5, 4000)


def of_a_flow(latent: np.ndarray, volume: np.ndarray, **changes: object):
    """A table of a flow, whose ELBO, L_S and log p(x) are one number."""
    total = np.float32(latent + volume)
    columns = {"elbo": total, "iw": total, "log_px": total, "log_pz": np.float32(latent), "log_det": np.float32(volume)}
    return table_of(columns, 0, **changes)


REFERENCE = of_a_flow(LATENT, VOLUME)


def test_the_sum_of_known_log_densities():
    """Normal statistics under a kernel density are normal, wider by the bandwidth."""
    far = np.linspace(-2, 2, 9)
    found = DOSE.of(of_a_flow(-900 + 10 * far, np.full(9, -300.0)), REFERENCE)
    wider = 1 + 4000**-0.4
    constant = sum(np.log(2 * np.pi * wider * scale**2) / 2 for scale in (np.hypot(10, 5), 10, 5))
    share = 100 / 125  # log p(x) = log p(z) + log|det| is this many of its own deviations away, squared
    np.testing.assert_allclose(found, constant + far**2 / 2 / wider * (1 + share), atol=0.25)


def test_rarer_is_higher_on_either_side_and_never_infinite():
    steps = np.array([-1e7, -3000, -1000, -920, -900, -880, -800, 1000, 1e7])
    values = DOSE.of(of_a_flow(steps, np.full(9, -300.0)), REFERENCE)
    assert (np.diff(values[:5]) < 0).all() and (np.diff(values[4:]) > 0).all() and np.isfinite(values).all()


def test_a_statistic_that_repeats_another_or_never_varies_has_no_part():
    assert list(informative(REFERENCE)) == ["iw", "log_pz", "log_det"]
    constant = of_a_flow(LATENT, np.full(4000, -300.0) + RANDOM.normal(0, 1e-4, 4000))
    assert list(informative(constant)) == ["iw"]
    exact = table_of({name: LATENT for name in ("elbo", "iw", "log_px")}, 0)
    assert list(informative(exact)) == ["iw"]
    hierarchy = ["iw", "log_px", *(f"log_ratio_{level}" for level in (1, 2, 3)), *(f"L>{k}" for k in (1, 2, 3))]
    assert list(informative(drawn(1000, 0))) == hierarchy


def test_a_strange_set_scores_higher_and_a_fresh_one_does_not():
    one, known = score("dose", 3), drawn(1000, 0)
    own, fresh, strange = (one.of(table, known) for table in (known, drawn(1000, 1), drawn(1000, 2, shift=100)))
    assert abs(auroc(own, fresh).value - 0.5) < 0.03 and auroc(fresh, strange).value > 0.95


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (
            of_a_flow(np.full(50, -9.0), np.full(50, -3.0)),
            "DoSE cannot be fitted to digits (test): nothing varies there",
        ),
        (of_a_flow(np.r_[np.nan, LATENT], np.r_[0, VOLUME]), "iw: 1 of 4001 values are NaN or infinite"),
        (None, "DoSE is fitted to the reference part of the run's training set"),
        (of_a_flow(LATENT, VOLUME, samples=5), "was measured with samples = 1, the test part with samples = 5"),
    ],
)
def test_what_it_cannot_be_fitted_to(reference, said):
    with pytest.raises(TableError) as caught:
        DOSE.of(REFERENCE, reference)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_table_needs_all_that_the_reference_has():
    bare = table_of({"elbo": LATENT, "iw": LATENT, "log_px": LATENT}, 0)
    assert "DoSE needs `log_pz`: digits (test) has not been measured so" in str(DOSE.obstacle(bare, REFERENCE))
