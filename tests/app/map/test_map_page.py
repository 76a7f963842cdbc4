"""The Map page: what is drawn around is what is shown, by id, and a run without a map says how to get one."""

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.figures.scattered.maps import FINEST, Grid, MapSet, grids, level_maps
from app.map.lasso import MOST_CORNERS, Lasso, drawn, parsed
from hvae.runs.measured.maps import read_map
from tests.app.conftest import look_in, sound
from tests.synthetic import make_run, make_tables
from tests.synthetic_maps import make_map


def test_a_lasso_holds_what_lies_inside_and_survives_the_address() -> None:
    square = Lasso(2, ((0, 0), (2, 0), (2, 1), (0, 1)))
    points = np.array([[1, 0.5], [1, 1.5], [-1, 0.5], [3, 0.5], [0.1, 0.9]])
    np.testing.assert_array_equal(square.holds(points), [True, False, False, False, True])
    hollow = Lasso(1, ((0, 0), (4, 0), (4, 4), (2, 1), (0, 4)))
    np.testing.assert_array_equal(
        hollow.holds(np.array([[2, 0.5], [2, 3], [0.2, 2], [3.8, 2]])), [True, False, True, True]
    )
    assert parsed(str(square), 2) == square
    angles = np.linspace(0, 6.2, 500)
    circle = drawn(1, np.cos(angles).tolist(), np.sin(angles).tolist())
    assert circle is not None and len(circle.corners) == MOST_CORNERS
    cloud = np.random.default_rng(0).uniform(-1.5, 1.5, (400, 2))
    radius = np.linalg.norm(cloud, axis=1)
    clear = np.abs(radius - 1) > 0.02
    again = parsed(str(circle), 3)
    assert again is not None
    np.testing.assert_array_equal(again.holds(cloud)[clear], radius[clear] < 1)
    for text in ("", "4;0,0;1,0;1,1", "1;0,0;1,0", "x;0,0;1,0;1,1", "1;0,0;1,nan;1,1", "1;0;1,0;1,1", "1;a,b;1,0;1,1"):
        assert parsed(text, 3) is None
    assert drawn(1, [0, 1], [0, 1]) is None


def sent(spec: dict[str, str]) -> list[float]:
    """Numbers that a figure holds as bytes."""
    return np.frombuffer(base64.b64decode(spec["bdata"]), spec["dtype"]).tolist()


def test_the_same_images_stand_out_at_every_level() -> None:
    points, index, scores = np.arange(24.0).reshape(2, 6, 2), 100 + np.arange(6), np.arange(6) + 0.123456
    one = MapSet("mnist", points, index, np.arange(6) + 7, scores, [1, 4])
    other = replace(one, slug="cifar10", index=np.array([9, 70_000]), points=points[:, :2])
    made = level_maps([one, other], [1, 3], "score", ("a", "b"), "title", "nats")
    figure = made.to_dict()
    drawn_as = [trace for trace in figure["data"] if trace["name"] == "MNIST" and trace["type"] == "scattergl"]
    assert [trace["selectedpoints"] for trace in drawn_as] == [[1, 4]] * 2
    assert [ids.tolist() for ids in made.marks] == [index.tolist(), [10_000_009, 10_070_000]] * 2
    places, (x, y) = [sent(drawn_as[1][axis]) for axis in "xy"], points[1].T
    there = grids([one])[1].points(*places)
    np.testing.assert_allclose(there, (x, y), atol=10 / FINEST)
    own = figure["layout"]["meta"]["sets"][0]
    assert (sent(own["index"]), sent(own["label"])) == (index.tolist(), [7, 8, 9, 10, 11, 12])
    assert [f"{score:.4g}" for score in sent(own["score"])] == [f"{score:.4g}" for score in scores]
    assert sent(figure["layout"]["meta"]["sets"][1]["index"]) == [9, 70_000]
    assert figure["layout"]["coloraxis"]["cmin"] < 1.2
    assert [trace["marker"]["line"]["width"] for trace in drawn_as] == [0, 0]
    one = replace(one, points=points[:1])
    hollow = level_maps([replace(one, slug="cifar10")], [1], "set", ("a", "b"), "title").to_dict()["data"][0]["marker"]
    assert hollow["symbol"] == "circle-open" and hollow["line"]["width"] == 1, "WebGL draws nothing without an outline"
    drawn = [level_maps([each], [1], "set", ("a", "b"), "title") for each in (one, replace(one, selected=None))]
    assert drawn[0].layout.height < drawn[1].layout.height, "with a lasso there is room for its images below"
    tinted = level_maps([one], [1], "label", ("a", "b"), "title").to_dict()["data"][0]["marker"]
    assert sent(tinted["color"]) == [7, 8, 9, 0, 1, 2] and tinted["colorscale"][14][1] == tinted["colorscale"][15][1]
    # Below the panels stands which label has which colour, and one image has its ring in each of them.
    ring = np.array([[4.0, 5.0], [16.0, 17.0]])
    ringed = level_maps(
        [replace(other, slug="mnist", index=index, points=points)], [1, 3], "label", ("a", "b"), "title", ring=ring
    )
    drawn_as = ringed.to_dict()["data"]
    named = [trace["name"] for trace in drawn_as if trace.get("legend") == "legend2"]
    assert named == ["10", "11", "12", "7", "8", "9"] and "legend2" in ringed.to_dict()["layout"]
    rings = [trace for trace in drawn_as if trace["marker"]["symbol"] == "circle-open"]
    assert [[trace[axis][0] for axis in "xy"] for trace in rings] == [
        grid.places(at[None])[0].tolist() for grid, at in zip(grids([replace(one, points=points)]), ring, strict=True)
    ]
    assert drawn_as.index(rings[0]) >= len(ringed.marks), "what is clicked is found by the number of its trace"
    still = Grid.around(np.ones((3, 2)))
    assert still.places(np.ones((3, 2))).tolist() == [[0, 0]] * 3, "images that a level cannot tell apart"


def test_what_is_drawn_around_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visit: Callable[..., AppTest]
) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    look_in(monkeypatch, runs, tmp_path)
    run = make_run(runs, "mapped", depth=2)
    make_tables(run, ("fashionmnist", "mnist"), n=60)
    app = visit("map", ood=["mnist"])
    assert "mapped has no map yet" in sound(app) and "hvae map mapped" in sound(app)
    found = read_map(make_map(run, ("fashionmnist", "mnist"), n=40))
    lasso = Lasso(1, ((2.5, -9), (9, -9), (9, 9), (2.5, 9)))
    app = visit("map", ood=["mnist"], lasso=str(lasso), tint="label")
    text = sound(app)
    inside = lasso.holds(found.points("pca", 1))
    expected = {
        f"{slug}:{example}"
        for slug in ("fashionmnist", "mnist")
        for example in found.frame["example"][found.rows(slug)][inside[found.rows(slug)]]
    }
    assert f"{len(expected)} images in the lasso" in text and len(expected) > 24
    shown: set[str] = set()
    for sheet in range(1, -(-len(expected) // 24) + 1):
        app.number_input(key="sheet").set_value(sheet).run()
        shown |= {option.split()[1] for option in app.selectbox(key="lasso-images-look").options}
    assert shown == expected, "every image drawn around, and no other, by id"
    assert "farther apart" in text
    assert "; MNIST 59 is not on the map" in sound(visit("map", ood=["mnist"], image="mnist:59"))
    app = visit("map", ood=["mnist"], lasso="9;nonsense", image="mnist:3")
    assert "; MNIST 3 has the ring" in sound(app)
    assert "lasso in the address does not fit this map" in sound(app)
    assert "nearest to MNIST 3" in sound(app.segmented_control(key="aspect").set_value("Neighbours").run())
