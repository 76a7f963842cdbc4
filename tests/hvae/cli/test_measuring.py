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
from hvae.parquet_files import read_parquet
from hvae.runs import pixel_tables
from hvae.runs.images.sources import remember
from hvae.runs.score_tables import METADATA_KEY, read_table
from hvae.stats.ppca import ProbabilisticPCA
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
    run = make_run(root, "small", depth=2, image_shape=(1, 16, 16), data="digits-as-16x16-grey")
    code, said = invoke("data", "measure", "digits-as-16x16-grey", "--run", "small", "--split", "calibration")
    assert code == 0 and "280 images" in said
    np.savez(tmp_path / "letters.npz", images=np.random.default_rng(0).integers(0, 256, (9, 28, 28), np.uint8))
    images = load(f"npz:{tmp_path / 'letters.npz'}", image_shape=(1, 16, 16))
    remember(run, images)
    code, said = invoke("data", "measure", images.slug, "--run", "small")
    assert code == 0 and len(pixel_tables.read(images.fingerprint)) == 9
    for arguments, problem in (
        ((images.slug,), "there is no data set"),
        (
            (images.slug, "--run", "small", "--split", "reference"),
            "was trained on digits-as-16x16-grey, not on npz:",
        ),
        (("digits", "--run", "small", "--split-seed", 1), "--split-seed does not apply with --run"),
    ):
        code, said = invoke("data", "measure", *arguments)
        assert code == 2 and problem in said


def test_with_a_run_the_density_beside_its_reference_part_is_measured(root):
    name = "digits-as-16x16-grey"
    make_run(root, "small", depth=2, image_shape=(1, 16, 16), data=name)
    reference = load_part(name, "reference", 0)
    code, said = invoke("data", "measure", name, "--split", "test", "reference", "--run", "small")
    assert code == 0 and said.count("the density of their pixels") == 2
    fitted = ProbabilisticPCA.fitted(reference.images.reshape(len(reference), -1) / 255, 50)
    for images in (load(name), reference):
        (column,) = pixel_tables.read(images.fingerprint, reference.fingerprint).to_numpy().T
        exact = fitted.log_density(images.images.reshape(len(images), -1) / 255)
        np.testing.assert_allclose(column, exact, rtol=2.0**-16)
        assert not (column.view(np.uint32) & 0xFF).any(), "rounded to 16 significant bits"
    path = pixel_tables.find(images.fingerprint, reference.fingerprint)
    assert path.name == f"{images.fingerprint[:16]}.{reference.fingerprint[:16]}.parquet"
    before = path.stat().st_mtime_ns
    assert invoke("data", "measure", name, "--split", "reference", "--run", "small")[0] == 0
    assert path.stat().st_mtime_ns == before, "measured once"


def test_with_a_run_as_many_images_are_measured_as_it_has_scored(root):
    run = make_run(root, "digits", depth=2, data="digits")
    make_tables(run, ("digits",), n=120)
    make_tables(run, ("glyphs",), n=40, samples=(5,))
    make_tables(run, ("glyphs",), n=60)
    code, said = invoke("data", "measure", "glyphs", "--run", "digits")
    assert code == 0 and "40 images of glyphs" in said and "60 images of glyphs" in said
    reference = load_part("digits", "reference", 0).spread(120).fingerprint
    for n in (40, 60):
        images = load("glyphs").spread(n).fingerprint
        assert len(pixel_tables.read(images)) == len(pixel_tables.read(images, reference)) == n
    code, said = invoke("data", "measure", "glyphs", "--run", "digits", "--limit", 7)
    assert code == 0 and "7 images of glyphs" in said and "40 images" not in said


def test_without_the_reference_images_the_rest_is_measured(root, tmp_path, monkeypatch):
    monkeypatch.setenv("HVAE_DATA", str(tmp_path / "nowhere"))
    make_run(root, "away", depth=2)
    code, said = invoke("data", "measure", "digits", "--run", "away")
    assert code == 0 and "note: no density beside the reference part of away: " in said and "fashionmnist" in said
    images = load("digits").fingerprint
    assert pixel_tables.find(images) is not None and len(list((root / "pixels").iterdir())) == 1
    make_tables(make_run(root, "few", depth=2, data="digits"), ("digits",), n=30)
    code, said = invoke("data", "measure", "digits", "--run", "few")
    assert code == 0 and "digits (reference) has no PPCA density of its pixels: 30 examples of 784 values" in said


def test_tables_of_an_older_version_are_converted_without_changing_a_value(root):
    run = make_run(root, "old")
    make_tables(run, ("fashionmnist",), n=20)
    paths = sorted((run / "scores").glob("*.parquet"))
    before = {path: read_table(path).frame for path in paths}
    for path in paths[:-1]:
        content = read_parquet(path)
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
