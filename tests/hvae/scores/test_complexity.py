"""Input complexity: the closed form, its direction under a density that is known, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from hvae.errors import TableError
from hvae.measuring.pixels import pixel_statistics
from hvae.scores import in_unit, score
from tests.hvae.tables import table_of

COMPLEXITY = score("complexity", 0)


def test_closed_form():
    sizes = {"png_bytes": [70.0, 90.0], "zlib_bytes": [60.0, 100.0]}
    table = table_of({"iw": [-500.0, -400.0]} | sizes, preprocessing="integer")
    bits = in_unit(COMPLEXITY.of(table), "bits/dim", 4) * 4
    np.testing.assert_allclose(bits, [500 / np.log(2) - 480, 400 / np.log(2) - 720])


def test_a_uniform_density_tells_images_by_their_code_alone():
    """Noise is as long in any code as log2 p says, so it scores at or below 0; what is simple scores far above."""
    noise = np.random.default_rng(0).integers(0, 256, (20, 1, 16, 16), np.uint8)
    images = np.concatenate([noise, np.zeros_like(noise), noise // 64])
    sizes = {name: pixel_statistics(images)[name] for name in ("png_bytes", "zlib_bytes")}
    log_p = np.full(60, -256 * np.log(256))
    values = COMPLEXITY.of(table_of({"iw": log_p} | sizes, depth=0, preprocessing="integer"))
    noisy, flat, coarse = values[:20], values[20:40], values[40:]
    assert noisy.max() <= 0 < coarse.min() < coarse.max() < flat.min()


@pytest.mark.parametrize("preprocessing", ["binarise", "threshold", "grey"])
def test_only_a_density_of_the_pixels_themselves_compares_with_their_code(preprocessing):
    table = table_of({"iw": [-1.0], "png_bytes": [70.0], "zlib_bytes": [60.0]}, preprocessing=preprocessing)
    with pytest.raises(TableError) as caught:
        COMPLEXITY.of(table)
    said = f"complexity is for densities of whole pixel values, and this run takes them as `{preprocessing}`"
    assert str(caught.value) == said


def test_sizes_that_nobody_measured_are_named_with_the_command():
    table = table_of({"iw": [-1.0]}, preprocessing="integer")
    assert "complexity needs `png_bytes`: digits (test)" in str(COMPLEXITY.obstacle(table))
    assert "hvae data measure digits --split test" in str(COMPLEXITY.obstacle(table))
