"""One idea of reading, S, R, seed and precision."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from typer.testing import CliRunner

from hvae.cli import app
from hvae.errors import ConfigError
from hvae.models.proposal import READINGS
from hvae.runs.settings import Setting
from tests.hvae.tables import metadata

SETTINGS = [
    Setting(),
    Setting(reading="sample", samples=250),
    Setting(draws=16, precision="bf16-mixed"),
    Setting(seed=3),
]


@pytest.mark.parametrize(
    ("setting", "words", "options"),
    [
        (Setting(), "reading mean, S = 1, R = 1", "--reading mean --samples 1 --draws 1"),
        (
            Setting(reading="sample", samples=250, draws=4, seed=3, precision="bf16-mixed"),
            "reading sample, S = 250, R = 4, seed 3, bf16-mixed",
            "--reading sample --samples 250 --draws 4 --seed 3 --precision bf16-mixed",
        ),
    ],
)
def test_words_and_options(setting, words, options):
    assert str(setting) == words and setting.options == options


@pytest.mark.parametrize("setting", SETTINGS)
def test_it_is_what_metadata_hold(setting):
    assert Setting(**setting.fields) == setting == metadata(**setting.fields).setting
    assert len({setting, Setting(**setting.fields)}) == 1


@pytest.mark.parametrize("setting", SETTINGS)
def test_its_options_are_those_of_the_command(setting, monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr("hvae.cli.scoring.command.write_tables", lambda *arguments: seen.append(arguments[3]))
    run = ["score", "mnist-lite-seed0", "--data", "digits", "--device", "cpu"]
    result = CliRunner().invoke(app, [*run, *setting.options.split()])
    assert result.exit_code == 0 and seen == [setting], result.output


def test_their_order_is_that_of_the_readings_then_of_the_numbers():
    mixed = [Setting(reading=reading, samples=s, draws=r) for r in (16, 2) for s in (250, 3) for reading in READINGS]
    ordered = sorted(mixed, key=lambda setting: setting.order)
    assert [one.reading for one in ordered[::4]] == list(READINGS)
    assert [(one.samples, one.draws) for one in ordered[:4]] == [(3, 2), (3, 16), (250, 2), (250, 16)]


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"samples": 0}, "samples"),
        ({"samples": 1_000_001}, "samples"),
        ({"draws": 0}, "draws"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**31}, "seed"),
        ({"reading": "median"}, "reading"),
        ({"precision": "64"}, "precision"),
        ({"sample": 1}, "sample"),
    ],
)
def test_values_that_mean_nothing_are_refused(values, part):
    with pytest.raises(ConfigError, match=f"^scoring: {part}") as caught:
        Setting.of(**values)
    assert "\n" not in str(caught.value)


def test_it_does_not_change():
    with pytest.raises(FrozenInstanceError):
        Setting().seed = 1  # type: ignore[misc]
