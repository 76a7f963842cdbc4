"""Repeatable options take several values at once."""

import pytest

from hvae.cli.terminal import spread


@pytest.mark.parametrize(
    ("given", "spelt"),
    [
        ("run --data a b c --samples 3", "run --data a --data b --data c --samples 3"),
        ("run --data a --data b", "run --data a --data b"),
        ("run other --samples 3 --data a b", "run other --samples 3 --data a --data b"),
        ("run --samples 3", "run --samples 3"),
        ("--data", "--data"),
    ],
)
def test_values_up_to_the_next_option_belong_to_it(given: str, spelt: str) -> None:
    assert spread(given.split(), {"--data"}) == spelt.split()
