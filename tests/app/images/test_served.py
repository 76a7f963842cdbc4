"""Images as files of the server: those that a table of a run holds, and nothing else."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response

from app.images import served
from hvae.datasets import load
from tests.app.conftest import digits_of
from tests.synthetic import make_run, make_tables

TABLE = "digits.all.mean.S1.R1.seed0.parquet"


def asked(run: str, table: str, index: int) -> Response:
    route = served.route()
    assert route.path == "/images/{run}/{table}/{index:int}.png"
    names = {"run": run, "table": table, "index": index}
    return route.endpoint(Request({"type": "http", "path_params": names, "headers": []}))


@pytest.fixture
def scored(root: Path) -> Path:
    run = make_run(root, "a run", data="digits")
    digits_of(run, load("digits", "all"))
    return run


def test_an_image_of_a_table_is_served_and_no_other_page_may_show_it(scored: Path) -> None:
    answer = asked("a run", TABLE, 17)
    assert answer.status_code == 200 and answer.headers["cross-origin-resource-policy"] == "same-origin"
    pixels = np.asarray(Image.open(io.BytesIO(bytes(answer.body))))
    np.testing.assert_array_equal(pixels, load("digits", "all").images[17, 0])


@pytest.mark.parametrize(
    ("run", "table", "index"),
    [
        ("a run", TABLE, 1797),
        ("another", TABLE, 0),
        ("..", TABLE, 0),
        ("a run", "config.json", 0),
        ("a run", f"../scores/{TABLE}", 0),
        ("a run", f"{TABLE}\0", 0),
        ("a run", "mnist.test.mean.S1.R1.seed0.parquet", 0),
    ],
)
def test_whatever_else_is_asked_for_is_not_there(run: str, table: str, index: int, scored: Path) -> None:
    answer = asked(run, table, index)
    assert answer.status_code == 404 and b"no such image" in answer.body


def test_images_that_are_away_are_no_failure(scored: Path) -> None:
    make_tables(scored, ("mnist",), n=5, parts=False)
    assert asked("a run", "mnist.test.mean.S1.R1.seed0.parquet", 0).status_code == 204
    assert asked("a run", "mnist.test.mean.S1.R1.seed0.parquet", 5).status_code == 204
