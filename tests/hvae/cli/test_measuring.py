"""`hvae data measure` and `hvae runs upgrade`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from hvae.cli import app
from hvae.datasets import load, load_part
from hvae.measuring.pixels import pixel_statistics
from hvae.runs import pixel_tables
from hvae.runs.score_tables import METADATA_KEY, read_table
from hvae.runs.sources import remember
from tests.synthetic import make_run, make_tables


def invoke(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output.strip()


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def test_the_pixels_of_several_splits_are_measured_once_for_all_models():
    code, said = invoke("data", "measure", "digits", "--split", "test", "reference", "--split-seed", 3)
    assert code == 0 and "397 images of digits (test)" in said and "280 images of digits (reference)" in said
    for images in (load("digits"), load_part("digits", "reference", 3)):
        found = pixel_tables.read(images.fingerprint)
        np.testing.assert_array_equal(found, pixel_statistics(images.images))


def test_a_limit_takes_the_images_that_scoring_takes():
    code, said = invoke("data", "measure", "digits", "--limit", 30)
    assert code == 0 and "30 images of digits (test)" in said
    assert len(pixel_tables.read(load("digits").spread(30).fingerprint)) == 30


def test_the_parts_of_a_run_are_its_own_and_an_own_set_is_known_by_its_name_there(root, tmp_path):
    run = make_run(root, "colour", depth=2, image_shape=(3, 32, 32), data="digits-as-32x32-colour")
    code, said = invoke("data", "measure", "digits-as-32x32-colour", "--run", "colour", "--split", "calibration")
    assert code == 0 and "280 images" in said
    np.savez(tmp_path / "letters.npz", images=np.random.default_rng(0).integers(0, 256, (9, 28, 28), np.uint8))
    images = load(f"npz:{tmp_path / 'letters.npz'}", image_shape=(3, 32, 32))
    remember(run, images)
    code, said = invoke("data", "measure", images.slug, "--run", "colour")
    assert code == 0 and len(pixel_tables.read(images.fingerprint)) == 9
    for arguments, problem in (
        ((images.slug,), "there is no data set"),
        (
            (images.slug, "--run", "colour", "--split", "reference"),
            "was trained on digits-as-32x32-colour, not on npz:",
        ),
        (("digits", "--run", "colour", "--split-seed", 1), "--split-seed does not apply with --run"),
    ):
        code, said = invoke("data", "measure", *arguments)
        assert code == 2 and problem in said


def test_tables_of_an_older_version_are_converted_without_changing_a_value(root):
    run = make_run(root, "old")
    make_tables(run, ("fashionmnist",), n=20)
    paths = sorted((run / "scores").glob("*.parquet"))
    before = {path: read_table(path).frame for path in paths}
    for path in paths[:-1]:
        content = pq.read_table(path)
        about = json.loads(content.schema.metadata[METADATA_KEY]) | {"schema_version": 1}
        del about["content_sha256"], about["origin"]
        pq.write_table(content.replace_schema_metadata({METADATA_KEY: json.dumps(about).encode()}), path)
    code, said = invoke("runs", "upgrade", "old")
    assert code == 0 and f"old: {len(paths) - 1} score tables converted" in said
    for path, frame in before.items():
        np.testing.assert_array_equal(read_table(path).frame, frame)
    assert "old: 0 score tables converted" in invoke("runs", "upgrade", "old")[1]
    paths[0].write_bytes(b"PAR1")
    code, said = invoke("runs", "upgrade", "old")
    assert code == 2 and paths[0].name in said
