"""Where each z comes from under every reading, spelled out for L = 3."""

from __future__ import annotations

import pytest

from hvae.errors import ConfigError
from hvae.models.proposal import (
    READINGS,
    Draw,
    Proposal,
    Reading,
    bound_proposal,
    complementary_proposal,
    elbo_proposal,
    sample_proposal,
    switched_proposal,
)

DRAWS = {"q": Draw.POSTERIOR, "m": Draw.POSTERIOR_MEAN, "p": Draw.PRIOR, "c": Draw.PRIOR_MEAN}


def spelled(proposal: Proposal) -> tuple[str, str]:
    """Lowest layer first: q posterior, m its mean, p prior, c its mean (centre)."""
    letters = {draw: letter for letter, draw in DRAWS.items()}
    inference, generation = (
        "".join(letters[draw] for draw in walk) for walk in (proposal.inference, proposal.generation)
    )
    return inference, generation


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        ("mean", [("qqq", "qqq"), ("mqq", "cqq"), ("mmq", "ccq"), ("mmm", "ccc")]),
        ("sample", [("qqq", "qqq"), ("mqq", "pqq"), ("mmq", "ppq"), ("mmm", "ppp")]),
        ("auxiliary", [("qqq", "qqq"), ("qqq", "pqq"), ("qqq", "ppq"), ("qqq", "ppp")]),
        ("early-release", [("qqq", "qqq"), ("qqq", "cqq"), ("qqq", "ccq"), ("qqq", "ccc")]),
    ],
)
def test_the_four_readings(reading: Reading, expected: list[tuple[str, str]]) -> None:
    assert [spelled(bound_proposal(3, k, reading)) for k in range(4)] == expected
    assert set(READINGS) == {"mean", "sample", "auxiliary", "early-release"}


def test_the_default_reading_is_the_released_one() -> None:
    assert bound_proposal(3, 1) == bound_proposal(3, 1, "mean")


def test_the_other_proposals() -> None:
    assert spelled(elbo_proposal(3)) == ("qqq", "qqq")
    assert spelled(sample_proposal(3)) == ("qqq", "ppp")
    lower = [spelled(complementary_proposal(3, level))[1] for level in range(4)]
    assert lower == ["ppp", "qpp", "qqp", "qqq"]


@pytest.mark.parametrize("depth", [1, 3, 5])
def test_switches_name_every_bound(depth: int) -> None:
    for k in range(depth + 1):
        assert switched_proposal("p" * k + "q" * (depth - k)) == bound_proposal(depth, k, "mean")
    for level in range(1, depth + 1):
        assert switched_proposal("q" * level + "p" * (depth - level)) == complementary_proposal(depth, level)


def test_mixed_switches_forget_below_the_lowest_q_and_sample_above_it() -> None:
    assert spelled(switched_proposal("qpq")) == ("qqq", "qpq")
    assert spelled(switched_proposal("pqpqp")) == ("mqqqq", "cqpqp")


def test_which_draws_need_noise_and_which_a_posterior() -> None:
    assert [draw for draw in "qmpc" if DRAWS[draw].sampled] == ["q", "p"]
    assert [draw for draw in "qmpc" if DRAWS[draw].from_posterior] == ["q", "m"]


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: bound_proposal(3, 4), "outside 0..3"),
        (lambda: bound_proposal(3, -1), "outside 0..3"),
        (lambda: bound_proposal(3, 1, "median"), "unknown reading 'median'"),  # type: ignore[arg-type]
        (lambda: complementary_proposal(3, 4), "outside 0..3"),
        (lambda: Proposal((Draw.PRIOR,), (Draw.PRIOR,)), "inference walk"),
        (lambda: Proposal((Draw.POSTERIOR,), ()), "one draw per layer"),
        (lambda: switched_proposal("qxp"), "'qxp' does not name"),
        (lambda: switched_proposal(""), "one letter each"),
        (lambda: Proposal((), ()), "one draw per layer"),
    ],
)
def test_impossible_proposals_are_refused(make, part: str) -> None:
    with pytest.raises(ConfigError, match=part):
        make()
