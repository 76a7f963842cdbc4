"""Numbers in words."""

import math

from app.looks.wording import asked_for, per_layer, significant


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


def test_a_set_from_outside_is_asked_for_by_its_path() -> None:
    assert asked_for("mnist-as-32x32-colour") == "mnist-as-32x32-colour"
    assert asked_for("test-0e772160") == "folder:PATH"
