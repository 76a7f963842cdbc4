"""The nearest images by posterior means, level by level."""

import numpy as np

from hvae.measuring.lab.neighbours import nearest


def test_the_nearest_come_first_at_every_level_and_ties_keep_their_order() -> None:
    line = np.arange(6, dtype=np.float32)[:, None]
    plane = np.array([[0, 3], [4, 0], [0, 0], [3, 4], [0, 0], [9, 9]], np.float32)
    found = nearest([line, plane], [np.array([[1.9]], np.float32), np.zeros((1, 2), np.float32)], 3)
    assert [[place for place, _ in level] for level in found] == [[2, 1, 3], [2, 4, 0]]
    np.testing.assert_allclose([distance for _, distance in found[0]], [0.1, 0.9, 1.1], rtol=1e-5)
    assert [distance for _, distance in found[1]] == [0.0, 0.0, 3.0]
    assert [len(level) for level in nearest([line], [line[:1]], 9)] == [6]
