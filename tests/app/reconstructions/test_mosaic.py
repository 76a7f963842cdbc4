"""Rows of pictures as levels are taken from the prior: their cells, scales, sheet and numbers."""

import base64
import dataclasses
import io
import re

import numpy as np
from PIL import Image

from app.images import mosaic as reconstruction_table
from app.images.mosaic import (
    DIFFERENCE,
    PICTURE,
    SINGLE,
    SPREAD,
    Cell,
    Row,
    Way,
    headings,
    left_out,
    numbers,
    rows,
    scale,
    sheet_png,
    table_html,
    through_scale,
    usual_levels,
)
from app.looks.pictures import grey_or_colour
from hvae.measuring import reconstructions
from hvae.measuring.reconstructions import RepeatedReconstructions


def walked(n: int = 2, depth: int = 1, draws: int = 1) -> RepeatedReconstructions:
    rng = np.random.default_rng(0)
    seen = (rng.random((draws, n, 1, 4, 6)) > 0.5).astype(np.float32)
    levels = rng.random((draws, depth + 1, n, 1, 4, 6), dtype=np.float32)
    pixels = np.log(np.where(seen[:, None], levels, 1 - levels)).sum(3)
    summed = pixels.sum((3, 4))
    return RepeatedReconstructions(seen, levels, summed, pixels, summed - 3)


def test_a_picture_of_an_image_leads_to_it_and_the_keyboard_stops_there_once() -> None:
    ways = [Way("/reconstructions?image=a:1&k=1", 'A "1"'), Way("/reconstructions?image=a:2", "A 2")]
    body = table_html(
        headings(PICTURE, (0, 1), 1), rows(walked(), np.zeros((2, 1, 4, 6)), "ab", PICTURE, (0, 1), ways=ways), "x"
    )
    links = re.findall(r'<a class="leads" href="([^"]*)" title="([^"]*)"( tabindex=-1)?><img', body)
    assert links[0] == ("/reconstructions?image=a:1&amp;k=1", "A &quot;1&quot;", "")
    assert [bool(link[2]) for link in links] == 2 * [False, True, True, True]
    assert "<a" not in table_html(["x"], [Row("a", (Cell(np.zeros((4, 6, 3), np.uint8), "a sample"),))], "x")


def test_the_views_are_those_of_the_core():
    assert reconstruction_table.SHOWN == reconstructions.SHOWN
    assert {shown for shown in reconstruction_table.SHOWN if scale(walked(), shown)} == set(reconstructions.RANGES)


def test_levels_of_a_deep_model_stand_closest_where_most_is_lost():
    assert usual_levels(5) == (0, 1, 2, 3, 4, 5) and not left_out(5)
    assert usual_levels(10) == (0, 1, 2, 4, 7, 10) and "between them" in left_out(10)
    for depth in range(6, 17):
        assert len(set(usual_levels(depth))) == 6 and usual_levels(depth)[-1] == depth


def test_the_scale_of_whole_values_reaches_further_down():
    whole = dataclasses.replace(walked(), least=reconstructions.LEAST_OF_WHOLE_VALUES)
    ends = [scale(one, "log p(x|z)").low for one in (walked(), whole)]
    assert [end.split()[0] for end in ends] == ["−7", "−25"]


def test_every_draw_has_its_cell():
    values = walked(n=1, draws=3)
    originals = np.zeros((1, 1, 4, 6), np.uint8)
    (row,) = rows(values, originals, ["a"], SINGLE, (1,))
    assert len(row.cells) == len(headings(SINGLE, (1,), 3)) == 4
    for draw in range(3):
        np.testing.assert_array_equal(row.cells[draw + 1].pixels, grey_or_colour(values.levels[draw, 1, 0]))
        assert row.cells[draw + 1].lines[1] == f"{values.bounds[draw, 1, 0]:.1f}".replace("-", "−")
    (shallower,) = rows(values, originals, ["a"], SINGLE, (2,), second="b")
    assert set(shallower.cells) == {None} and numbers(values, ["a"], "b", SINGLE, (2,)).empty


def test_a_difference_map_is_blue_where_too_dark_and_red_where_too_bright():
    values = walked()
    cell = rows(values, np.zeros((2, 1, 4, 6), np.uint8), ["a", "b"], DIFFERENCE, (0, 1))[0].cells[2]
    difference = (values.levels[0, 0, 0] - values.seen[0, 0])[0]
    red, blue = cell.pixels[..., 0].astype(int), cell.pixels[..., 2].astype(int)
    assert (red[difference > 0.3] > blue[difference > 0.3]).all()
    assert (blue[difference < -0.3] > red[difference < -0.3]).all()


def test_the_sheet_holds_every_picture_in_its_place(tmp_path):
    values = walked()
    originals = np.random.default_rng(1).integers(0, 256, (2, 1, 4, 6), dtype=np.uint8)
    table = rows(values, originals, ["a <b>", "b"], PICTURE, (0, 1))
    page = table_html(headings(PICTURE, (0, 1), 1), table, "levels")
    assert "a &lt;b&gt;" in page and "a <b>" not in page
    encoded = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    pictures = [np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("RGB")) for one in encoded]
    assert len(pictures) == 2 * 4 and {picture.shape for picture in pictures} == {(4, 6, 3)}
    np.testing.assert_array_equal(pictures[4][..., 0], originals[1, 0])
    np.testing.assert_array_equal(pictures[2], grey_or_colour(values.levels[0, 0, 0]))
    large = Image.open(io.BytesIO(sheet_png(headings(PICTURE, (0, 1), 1), table)))
    assert large.size[0] > 4 * 6 * 4 and large.size[1] > 2 * 4 * 4
    assert originals[1, 0].max() in np.asarray(large)
    legend = scale(values, SPREAD)
    told = Image.open(io.BytesIO(sheet_png(headings(PICTURE, (0, 1), 1), table, colours=legend, notes=["a", "b"])))
    assert told.size[1] > large.size[1]
    below = np.asarray(told)[large.size[1] :].reshape(-1, 3)
    assert {tuple(legend.colours[0]), tuple(legend.colours[-1])} <= set(map(tuple, below))


def test_a_scale_clips_and_keeps_its_order():
    colours = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
    pixels = through_scale(np.array([[-9.0, -7.0, -3.5, 0.0, 4.0]]), -7, 0, colours)
    assert pixels[0, :, 0].tolist() == [0, 0, 128, 255, 255]


def test_gaps_and_colour(tmp_path):
    colour = np.random.default_rng(0).random((3, 5, 5)).astype(np.float32)
    cell = Cell(grey_or_colour(colour), "colour")
    np.testing.assert_array_equal(cell.pixels[..., 2], np.rint(colour[2] * 255))
    page = table_html(["one", "two"], [Row("r", (cell, None))], "gaps")
    assert page.count("<img ") == 1


def test_numbers_have_one_row_an_image_and_level():
    values = walked(n=2, depth=1)
    frame = numbers(values, ["a", "b"], "run", PICTURE, (0, 1))
    assert list(zip(frame["image"], frame["k"], strict=True)) == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    np.testing.assert_allclose(frame["LLR>k"][3], values.bounds[0, 0, 1] - values.bounds[0, 1, 1], rtol=1e-5)
    np.testing.assert_allclose(frame["log p(x|z)"][2], values.log_px[0, 0, 1])
