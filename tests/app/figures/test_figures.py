import subprocess
import sys
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from app.figures import aurocs, densities, layout, profile
from app.figures import curves as curve_figures
from app.figures.densities import IDS_PER_SET, Series
from app.looks.palette import look
from hvae import stats
from hvae.datasets import info, names
from hvae.datasets.looks import LOOKS

RNG = np.random.default_rng(0)
INSIDE, OUTSIDE = RNG.normal(0, 1, 500), RNG.normal(2, 1, 400)


def series() -> list[Series]:
    edges = stats.shared_edges([INSIDE, OUTSIDE])
    return [
        Series(slug, stats.density(values, edges), np.arange(7, 27), values[7:27])
        for slug, values in (("fashionmnist", INSIDE), ("mnist", OUTSIDE))
    ]


def test_figures_know_no_streamlit() -> None:
    code = "import sys, app.looks.palette; from app.figures import aurocs, curves, densities, profile;"
    subprocess.run([sys.executable, "-c", code + "sys.exit('streamlit' in sys.modules)"], check=True)


def test_every_known_set_has_a_look_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(LOOKS) <= set(names())
    for one, other in combinations(map(look, names()), 2):
        # Lines know no marker, marks no dash: each pair tells the sets apart alone.
        assert (one.colour, one.dash) != (other.colour, other.dash)
        assert one.marker != other.marker
        assert one.title != other.title
    monkeypatch.delitem(LOOKS, "mnist")
    derived = look("mnist")
    assert derived.title == info("mnist").title, "a set needs no line here to be named"
    assert derived == look("mnist") and derived.marker not in {marker for *_, marker in LOOKS.values()}


def test_a_converted_set_is_drawn_as_its_source() -> None:
    converted = look("smallnorb28_inverted-as-32x32-colour")
    assert converted.title == "SmallNORB, inverted as 32x32 colour"
    assert replace(converted, title="") == replace(look("smallnorb28_inverted"), title="")


def test_an_unknown_set_keeps_its_look() -> None:
    assert look("my-photos-12345678") == look("my-photos-12345678")
    assert look("my-photos-12345678").title == "my-photos-12345678"
    assert look("my-photos-12345678").colour not in {colour for colour, *_ in LOOKS.values()}


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
    place, index = divmod(int(rugs[1].customdata[0]), IDS_PER_SET)
    assert place == 1 and OUTSIDE[index] == rugs[1].x[0]


def test_the_rug_leaves_out_what_the_axis_cannot_show() -> None:
    one = series()[0]
    far = Series(one.slug, one.density, np.array([0, 1]), np.array([0.0, 1e6]))
    figure = densities.densities([far], 0, "title", "L", "nats")
    assert list(figure.data[1].x) == [0.0] and list(figure.data[1].customdata) == [0]


def test_the_operating_point_lies_on_its_curve() -> None:
    curve = stats.roc_curve(INSIDE, OUTSIDE, points=10_000)
    threshold = curve.thresholds[100]
    point = tuple(float(np.mean(scores >= threshold)) for scores in (INSIDE, OUTSIDE))
    figure = curve_figures.clickable({"mnist": curve}, {"mnist": point}, "title")
    _, line, _, mark = figure.data
    assert (mark.x[0], mark.y[0]) in set(zip(line.x, line.y, strict=True))
    assert len(curve_figures.table({"mnist": curve})) == len(curve.fpr)


def test_a_figure_is_sent_without_what_plotly_would_draw_it_again_for() -> None:
    sent = densities.densities(series(), 1.5, "a <b>title</b>", "LLR", "nats").to_dict()
    assert "template" not in sent["layout"] and "datarevision" in sent["layout"]
    assert sent["layout"]["clickmode"] == "event+select"
    assert sent["layout"]["legend"]["yref"] == "container", "plotly.js leaves one of the plot behind as that moves"
    assert all(type(trace[axis]) is list for trace in sent["data"] for axis in ("x", "y"))
    assert sent["data"][0]["y"] == pytest.approx(series()[0].density.density, rel=1e-6)
    missing = layout.Figure()
    missing.add_scatter(y=np.array([1.23456789, np.nan, np.inf]), error_y={"array": np.array([0.5])})
    assert missing.to_dict()["data"][0]["y"] == [1.234568, None, None]
    assert missing.to_dict()["data"][0]["error_y"]["array"] == [0.5]


def test_levels_show_intervals_and_mark_what_is_chosen() -> None:
    one = stats.auroc(INSIDE, OUTSIDE)
    panels = [
        aurocs.Panel("bound", "k", ["0", "1"], [{"score": "-L>0"}, {"score": "-L>1"}], {"mnist": {0: one, 1: one}}),
        aurocs.Panel("ratio", "k", ["1"], [{"score": "LLR>1"}], {"mnist": {0: one}}, chosen=0),
        aurocs.Panel(
            "others", "", ["a", "b"], [{"score": "a"}, {"score": "b"}], {"mnist": {1: one}, "digits": {0: one}}
        ),
    ]
    figure = aurocs.aurocs(panels, "title")
    raw, ratio, single, other = figure.data
    assert list(raw.x) == [0, 1] and list(raw.customdata) == ["0", "1"] and list(ratio.customdata) == ["1"]
    assert raw.error_y.array[0] == pytest.approx(one.high - one.value)
    assert raw.error_y.arrayminus[0] == pytest.approx(one.value - one.low)
    marked = [shape for shape in figure.layout.shapes if shape.line.width == 10]
    assert [(shape.x0, shape.xref) for shape in marked] == [(0, "x2")]
    assert raw.mode == "lines+markers" and single.mode == "markers", "no line joins scores of different kinds"
    assert list(single.x) == [1] and list(other.x) == [0]
    assert [trace.showlegend for trace in figure.data] == [True, False, False, True], "each set is named once"
    assert list(aurocs.table(panels)["score"]) == ["-L>0", "-L>1", "LLR>1", "b", "a"]
    assert list(aurocs.table(panels)["ood"]) == ["mnist"] * 4 + ["digits"]


def test_many_panels_stand_below_one_another() -> None:
    one = stats.auroc(INSIDE, OUTSIDE)
    panels = [aurocs.Panel(f"score {n}", "k", ["0"], [{"score": n}], {"mnist": {0: one}}) for n in range(4)]
    figure = aurocs.aurocs(panels, "title")
    assert figure.layout.xaxis4.domain == figure.layout.xaxis.domain
    assert figure.layout.yaxis4.domain[1] < figure.layout.yaxis.domain[0]


def test_the_profile_sets_one_image_against_the_bands() -> None:
    bands = {"LLR<sup>&gt;1</sup>": np.percentile(INSIDE, profile.PERCENTILES), "−log r<sub>1</sub>": np.arange(5.0)}
    figure = profile.profile(bands, [9.0, -3.0], "fashionmnist", "MNIST 4", "title")
    wide, _, _, image = figure.data
    np.testing.assert_allclose(
        np.asarray(wide.base, float) + np.asarray(wide.x, float), [np.percentile(INSIDE, 95), 4.0]
    )
    assert list(image.x) == [9.0, -3.0]
    assert list(profile.table(bands, [9.0, -3.0])["quantity"]) == ["LLR>1", "-log r_1"]


def test_the_waterfall_adds_up_and_names_the_step_outside_its_band() -> None:
    band = np.array([-300.0, -250.0, -200.0, -150.0, -100.0])
    steps = [
        profile.Step("log p(x|z)", 0, -120, band),
        profile.Step("+ log r<sub>1</sub>", -120, -60, np.array([-30.0, -22, -20, -18, -10])),
        profile.Step("= ELBO", 0, -180, band - 30, total=True),
        profile.Step("− LLR<sup>&gt;1</sup>", -180, 2, np.array([-20.0, -9, -7, -5, 1])),
        profile.Step("= L<sup>&gt;1</sup>", 0, -178, np.array([-7.0, -6, -5, -4, -3]), total=True),
    ]
    assert profile.furthest(steps) is steps[1], "a sum does not count, and −LLR is closer to its band"
    assert steps[1].excess == pytest.approx((60 - 30) / 20) and steps[0].excess == 0
    assert profile.furthest(steps[:1]) is None
    hair = profile.Step("LLR>1", 0, 0.01, np.array([0.02, 0.1, 0.5, 1, 1.4]))
    assert hair.excess > 0 and profile.furthest([hair]) is None, "0.0 lies between 0.0 and 1.4"
    figure = profile.waterfall(steps, "fashionmnist", "MNIST 4", "title")
    wide, _, single, sums, _, text = figure.data
    np.testing.assert_allclose(np.asarray(wide.base, float), [-300, -150, -330, -200, -7])
    np.testing.assert_allclose(np.asarray(single.base, float) + np.asarray(single.x, float), [-120, -180, -178])
    np.testing.assert_allclose(np.asarray(sums.x, float), [-180, -178])
    assert [one.strip() for one in text.text] == ["−120.0", "<b>−60.0</b>", "−180.0", "<b>2.0</b>", "<b>−178.0</b>"]
    assert wide.marker.color == look("fashionmnist").fill(0.22)
    table = profile.steps_table(steps)
    assert list(table["step"])[1:4] == ["+ log r_1", "= ELBO", "- LLR>1"]
    assert list(table["running_total"]) == [-120, -180, -180, -178, -178]


def test_likelihood_and_ratio_share_their_looks_and_ids() -> None:
    panels = [
        densities.Panel(symbol, "nats", symbol, series()) for symbol in ("−L<sup>&gt;0</sup>", "LLR<sup>&gt;1</sup>")
    ]
    figure = densities.contrast(*panels, "title")
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    rugs = [trace for trace in figure.data if trace.mode == "markers"]
    assert [line.line.color for line in lines] == [look(slug).colour for slug in ("fashionmnist", "mnist")] * 2
    assert [line.line.dash for line in lines] == [look(slug).dash for slug in ("fashionmnist", "mnist")] * 2
    assert [line.showlegend for line in lines] == [True, True, False, False]
    for rug in (rugs[1], rugs[3]):
        place, index = divmod(int(rug.customdata[0]), IDS_PER_SET)
        assert place == 1 and OUTSIDE[index] == rug.x[0]
    assert list(densities.contrast_table(*panels)["score"].unique()) == ["-L>0", "LLR>1"]


def test_more_samples_stand_beside_fewer() -> None:
    few, many = stats.auroc(INSIDE, OUTSIDE - 1), stats.auroc(INSIDE, OUTSIDE)
    panels = [
        aurocs.Panel(symbol, "S", ["1", "250"], [{"score": name, "S": n} for n in (1, 250)], {"mnist": line}, chosen=1)
        for symbol, name, line in (
            ("−L<sup>&gt;0</sup>", "-L>0", {0: few, 1: few}),
            ("LLR<sup>&gt;1</sup>", "LLR>1", {0: few, 1: many}),
        )
    ]
    figure = aurocs.aurocs(panels, "title", zoomed=True)
    flat, rising = figure.data
    assert list(rising.x) == [0, 1] and list(rising.customdata) == ["1", "250"]
    assert list(rising.y) == [few.value, many.value]
    assert rising.error_y.array[1] == pytest.approx(many.high - many.value)
    assert list(figure.layout.xaxis.ticktext) == ["1", "250"]
    for axis, found in ((figure.layout.yaxis, [few]), (figure.layout.yaxis2, [few, many])):
        low, high = axis.range
        assert low <= min(one.low for one in found) and max(one.high for one in found) <= high <= 1.1
        assert high - low >= 0.02
    assert {shape.x0 for shape in figure.layout.shapes} == {1}
    assert aurocs.table(panels).shape == (4, 6) and list(aurocs.table(panels)["S"]) == [1, 250] * 2
