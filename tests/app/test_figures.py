import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

from app.figures import densities, levels, profile, roc
from app.palette import LOOKS, look
from hvae import metrics

RNG = np.random.default_rng(0)
INSIDE, OUTSIDE = RNG.normal(0, 1, 500), RNG.normal(2, 1, 400)


def series() -> list[densities.Series]:
    edges = metrics.shared_edges([INSIDE, OUTSIDE])
    return [
        densities.Series(slug, metrics.density(values, edges), np.arange(7, 27), values[7:27])
        for slug, values in (("fashionmnist", INSIDE), ("mnist", OUTSIDE))
    ]


def test_figures_know_no_streamlit() -> None:
    code = "import sys, app.figures.densities, app.figures.levels, app.figures.profile, app.figures.roc, app.palette;"
    subprocess.run([sys.executable, "-c", code + "sys.exit('streamlit' in sys.modules)"], check=True)


def test_every_known_set_has_a_look_of_its_own() -> None:
    for one, other in combinations(LOOKS.values(), 2):
        assert (one.colour, one.dash, one.marker) != (other.colour, other.dash, other.marker)
        assert one.title != other.title


def test_an_unknown_set_keeps_its_look() -> None:
    assert look("my-photos-12345678") == look("my-photos-12345678")
    assert look("my-photos-12345678").title == "my-photos-12345678"


def test_densities_draw_what_they_were_given() -> None:
    figure = densities.densities(series(), 1.5, "title", "LLR<sup>&gt;1</sup>", "nats")
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    rugs = [trace for trace in figure.data if trace.mode == "markers"]
    assert [line.name for line in lines] == ["FashionMNIST", "MNIST"]
    for line, one in zip(lines, series(), strict=True):
        width = np.diff(one.density.edges)[0]
        inside = 1 - (one.density.below + one.density.above) / (500 if one.slug == "fashionmnist" else 400)
        assert np.sum(line.y) * width == pytest.approx(inside)
        assert line.line.color == look(one.slug).colour and line.line.dash == look(one.slug).dash
    assert figure.layout.shapes[0].x0 == 1.5
    assert "nats" in figure.layout.xaxis.title.text and "higher" in figure.layout.xaxis.title.text
    place, index = divmod(int(rugs[1].customdata[0]), densities.IDS_PER_SET)
    assert place == 1 and OUTSIDE[index] == rugs[1].x[0]


def test_the_rug_leaves_out_what_the_axis_cannot_show() -> None:
    one = series()[0]
    far = densities.Series(one.slug, one.density, np.array([0, 1]), np.array([0.0, 1e6]))
    figure = densities.densities([far], 0, "title", "L", "nats")
    assert list(figure.data[1].x) == [0.0] and list(figure.data[1].customdata) == [0]


def test_the_operating_point_lies_on_its_curve() -> None:
    curve = metrics.roc_curve(INSIDE, OUTSIDE, points=10_000)
    threshold = curve.thresholds[100]
    point = tuple(float(np.mean(scores >= threshold)) for scores in (INSIDE, OUTSIDE))
    figure = roc.roc({"mnist": curve}, {"mnist": point}, "title")
    _, line, mark = figure.data
    assert (mark.x[0], mark.y[0]) in set(zip(line.x, line.y, strict=True))
    assert len(roc.table({"mnist": curve})) == len(curve.fpr)


def test_levels_show_intervals_and_mark_the_chosen_k() -> None:
    one = metrics.auroc(INSIDE, OUTSIDE)
    curves = {"mnist": {"L": {0: one, 1: one}, "LLR": {1: one}}}
    figure = levels.auroc_by_level(curves, ("LLR", 1), "title")
    raw, ratio = figure.data
    assert list(raw.x) == [0, 1] and list(ratio.x) == [1]
    assert raw.error_y.array[0] == pytest.approx(one.high - one.value)
    assert raw.error_y.arrayminus[0] == pytest.approx(one.value - one.low)
    assert [shape.x0 for shape in figure.layout.shapes if shape.line.width == 10] == [1]
    assert list(levels.table(curves)["score"]) == ["L>0", "L>1", "LLR>1"]


def test_the_profile_sets_one_image_against_the_bands() -> None:
    bands = {"LLR<sup>&gt;1</sup>": np.percentile(INSIDE, profile.PERCENTILES), "−log r<sub>1</sub>": np.arange(5.0)}
    figure = profile.profile(bands, [9.0, -3.0], "fashionmnist", "MNIST 4", "title")
    wide, _, _, image = figure.data
    np.testing.assert_allclose(
        np.asarray(wide.base, float) + np.asarray(wide.x, float), [np.percentile(INSIDE, 95), 4.0]
    )
    assert list(image.x) == [9.0, -3.0]
    assert list(profile.table(bands, [9.0, -3.0])["quantity"]) == ["LLR>1", "-log r_1"]
