"""Presets: the README states their sizes, and a misspelt name is answered with the closest."""

import re
from pathlib import Path

import pytest

from hvae.errors import ConfigError
from hvae.models.hierarchical import parameter_count
from hvae.presets import names, preset

README = Path(__file__).resolve().parents[2] / "README.md"


def documented() -> dict[str, int]:
    """Parameters of each preset, as the table of the README has them."""
    rows = re.findall(r"^\| (`[^|]+`) \| [^|]+ \| ([\d,]+) \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: int(count.replace(",", "")) for cell, count in rows for name in re.findall(r"`([^`]+)`", cell)}


def test_the_readme_states_every_preset() -> None:
    assert set(documented()) == set(names())


@pytest.mark.parametrize("name", names())
def test_parameters_are_as_documented(name: str) -> None:
    assert parameter_count(preset(name).model) == documented()[name]


def test_an_unknown_preset_is_answered_with_the_closest() -> None:
    with pytest.raises(ConfigError, match="there is no preset 'fashionmist': did you mean fashionmnist"):
        preset("fashionmist")
