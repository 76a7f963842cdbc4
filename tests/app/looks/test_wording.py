"""Numbers in words."""

import math
from pathlib import Path

import numpy as np

from app.looks.wording import asked_for, per_layer, significant
from hvae.datasets import load
from hvae.runs.images.sources import remember


def test_large_numbers_are_whole_and_never_scientific() -> None:
    shown = [significant(value) for value in (0.01234, -3.456, 999.4, 999.7, -16929.4, math.nan, math.inf)]
    assert shown == ["0.0123", "−3.46", "999", "1,000", "−16,929", "–", "–"]
    assert significant(9931.2, 4) == "9931"


def test_of_a_deep_model_the_lowest_layers_and_the_top_are_named() -> None:
    assert per_layer([331.0, 10.9]) == "331 / 10.9" and per_layer([]) == "–"
    assert per_layer([1.0, 2.0, 3.0, 4.0, 5.0]) == "1 / 2 / 3 / 4 / 5"
    assert (
        per_layer([6.0, 5.0, 4.0, 3.0, 2.0, 1.0]) == '<span title="6 / 5 / 4 / 3 / 2 / 1">6 / 5 / 4 / 3 / … / 1</span>'
    )


def test_a_set_from_outside_is_asked_for_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "my sets").mkdir()
    np.savez(tmp_path / "my sets" / "test.npz", images=np.zeros((3, 28, 28), np.uint8))
    images = load(f"npz:{tmp_path / 'my sets' / 'test.npz'}")
    assert asked_for("mnist-as-32x32-colour", tmp_path) == "mnist-as-32x32-colour"
    assert asked_for(images.slug, tmp_path) == "folder:PATH"
    remember(tmp_path, images)
    assert asked_for(images.slug, tmp_path) == f"'npz:{tmp_path / 'my sets' / 'test.npz'}'"
    (tmp_path / "my sets" / "test.npz").unlink()
    assert asked_for(images.slug, tmp_path) == "folder:PATH"
