"""Maps of latent space: measured from posterior means, stored small, read back to the id, refused when damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from hvae.config import DataConfig, RunConfig, TrainingConfig
from hvae.datasets import ImageSet
from hvae.datasets.base import spread_rows
from hvae.errors import ConfigError, DataError, TableError
from hvae.measuring import maps as measuring
from hvae.measuring.correlations import represent
from hvae.measuring.maps import measure_map, nearest, principal_axes, separation
from hvae.models.hierarchical import HierarchicalVAE
from hvae.runs.catalogue import weights_hash
from hvae.runs.checkpoints import Checkpoint
from hvae.runs.folders import find_run
from hvae.runs.importing import import_run
from hvae.runs.importing.bundles import bundle_tables
from hvae.runs.measured import maps
from hvae.runs.measured.maps import LatentMap, latent_map, read_map, write_map
from tests.hvae.commands import succeed
from tests.hvae.small_models import small_config
from tests.synthetic import make_run, make_tables
from tests.synthetic_maps import make_map


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    model = HierarchicalVAE(small_config()).eval()
    run = RunConfig(model=model.config, data=DataConfig(name="digits"), training=TrainingConfig(epochs=1))
    return Checkpoint(model, run, "a" * 64)


def images(slug: str, n: int, seed: int, split: str = "test") -> ImageSet:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (n, 1, 8, 8), dtype=np.uint8)
    return ImageSet(slug, split, pixels, random.integers(0, 10, n))


@pytest.fixture(scope="module")
def sets() -> list[ImageSet]:
    return [images("digits", 60, 0, "reference"), images("digits", 50, 1), images("mnist", 40, 2)]


@pytest.fixture(scope="module")
def measured(checkpoint: Checkpoint, sets: list[ImageSet]) -> LatentMap:
    return measure_map(checkpoint, sets[0], sets[1], sets[2:], images=45, neighbours=2)


def test_a_map_keeps_every_image_under_its_id(measured: LatentMap, sets: list[ImageSet], tmp_path: Path) -> None:
    found = read_map(write_map(tmp_path, measured))
    assert [(part.slug, part.n) for part in found.metadata.parts] == [("digits", 45), ("digits", 45), ("mnist", 40)]
    assert found.metadata.depth == 3 and [level.units for level in found.metadata.levels] == [32, 3, 2]
    np.testing.assert_array_equal(found.frame["example"][found.rows("digits")], spread_rows(50, 45))
    np.testing.assert_array_equal(found.frame["label"][found.rows("mnist")], sets[2].labels)
    for level in (1, 2, 3):
        grid = np.ptp(np.quantile(measured.points("pca", level), [0.005, 0.995])) / measuring.STEPS
        np.testing.assert_allclose(found.points("pca", level), measured.points("pca", level), atol=grid + 1e-3)
    near = found.nearest("mnist", 7, 1)
    assert len(near) == 2 and near[0][1] <= near[1][1] and found.nearest("mnist", 40, 1) == []
    assert {place for place, _ in near} <= set(spread_rows(60, 45))


def test_the_images_that_were_scored_are_mapped(checkpoint: Checkpoint, sets: list[ImageSet]) -> None:
    scored = np.array([3, 8, 20, 21, 39])
    among = {"mnist": scored}
    found = measure_map(checkpoint, *sets[:2], sets[2:], images=30, neighbours=0, among=lambda one: among.get(one.slug))
    np.testing.assert_array_equal(found.frame["example"][found.rows("mnist")], scored)
    assert [part.n for part in found.metadata.parts] == [30, 30, 5]


def test_axes_are_those_of_the_reference_part(checkpoint: Checkpoint, sets: list[ImageSet]) -> None:
    means = represent(checkpoint, sets[0], np.arange(60))["means"][1].units
    points, explained = principal_axes([means, means[:5] + 3])
    np.testing.assert_allclose(points[:60].mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(np.cov(points[:60].T)[0, 1], 0, atol=1e-8)
    spread = np.linalg.eigvalsh(np.cov(means.T.astype(np.float64)))[::-1]
    np.testing.assert_allclose(explained, spread[:2] / spread.sum(), rtol=1e-4)
    alone, _ = principal_axes([means])
    np.testing.assert_allclose(points[:60], alone, atol=1e-9)
    flat, shares = principal_axes([np.ones((9, 1)), np.zeros((3, 1))])
    assert not flat.any() and shares == (0, 0)
    line, _ = principal_axes([np.arange(9.0)[:, None]])
    assert not line[:, 1].any() and line[:, 0].any()


def test_distances_are_to_others_and_tell_sets_apart() -> None:
    random = np.random.default_rng(0)
    parts = [random.normal(0, 1, (80, 3)), random.normal(0, 1, (60, 3)), random.normal(4, 1, (50, 3))]
    places, distances = nearest(parts, 5)
    assert (places[:80, 0] != np.arange(80)).all() and (np.diff(distances) >= 0).all()
    every = np.linalg.norm(parts[2][:, None] - parts[0], axis=-1)
    np.testing.assert_allclose(distances[140:], np.sort(every, axis=1)[:, :5], rtol=1e-6)
    (one,) = separation(np.split(distances[:, 4], [80, 140]))
    assert one.low <= one.value <= one.high and one.value > 0.95


def test_what_cannot_be_mapped_is_refused(checkpoint: Checkpoint, sets: list[ImageSet], monkeypatch) -> None:
    with pytest.raises(DataError, match="too few images for a map: 6"):
        measure_map(checkpoint, sets[0].spread(6), sets[1], [])
    monkeypatch.setattr(measuring, "umap_installed", lambda: False)
    with pytest.raises(ConfigError, match=r"pip install 'hvae\[umap\]'"):
        measure_map(checkpoint, sets[0], sets[1], [], umap=True)


def test_umap_counts_in_how_far_a_map_is(checkpoint: Checkpoint, sets: list[ImageSet], monkeypatch) -> None:
    monkeypatch.setattr(measuring, "_umap", lambda seed: lambda units: units[:, :2].astype(np.float64))
    heard: list[tuple[int, int]] = []
    found = measure_map(
        checkpoint, sets[0], sets[1], [], images=20, umap=True, on_progress=lambda *far: heard.append(far)
    )
    count, depth = len(found.frame), found.metadata.depth
    assert {total for _, total in heard} == {count * (1 + depth)}
    assert [done for done, _ in heard][-depth - 1 :] == [count * level for level in range(1, depth + 2)]
    assert found.metadata.views == ("pca", "umap")


def test_damaged_maps_and_those_of_other_weights_are_named(tmp_path: Path) -> None:
    run = make_run(tmp_path, "probe", depth=2, trained=True)
    assert latent_map(find_run(str(run))) is None
    make_tables(run, ("fashionmnist",), n=20, parts=False)
    path = make_map(run, ("fashionmnist", "mnist"), n=20)
    assert "map/levels.parquet: 60 images" in succeed("runs", "check", run).output
    sound, entry = path.read_bytes(), find_run(str(run))
    assert latent_map(entry) is not None
    bundle_tables(entry, tmp_path / "bundle", (), (), print)
    assert read_map(tmp_path / "bundle" / maps.PATH).metadata.weights_sha256 == weights_hash(run)
    (tmp_path / "runs").mkdir()
    assert read_map(import_run(run, tmp_path / "runs", "copied") / maps.PATH).metadata.depth == 2
    for content, problem in (
        (b"PAR1 nothing", "damaged"),
        (sound[: len(sound) // 2], "damaged"),
        (sound[:200] + b"\xff" * 40 + sound[240:], "damaged|another hash|other images|twice"),
    ):
        path.write_bytes(content)
        with pytest.raises(TableError, match=problem) as caught:
            latent_map(entry)
        assert "hvae map probe" in str(caught.value)
    with pytest.raises(TableError, match="no map|damaged"):
        import_run(run, tmp_path / "runs", "spoilt")
    make_map(run, ("fashionmnist", "mnist"), n=20, weights="f" * 64)
    with pytest.raises(TableError, match="other weights"):
        latent_map(entry)


def test_a_map_that_claims_other_rows_is_refused(measured: LatentMap, tmp_path: Path) -> None:
    twice = measured.frame.copy()
    twice.loc[1, "example"] = twice.loc[0, "example"]
    with pytest.raises(TableError, match="twice"):
        write_map(tmp_path, LatentMap(twice, measured.metadata))
    with pytest.raises(TableError, match="other images"):
        write_map(tmp_path, LatentMap(measured.frame.iloc[:-1], measured.metadata))
    content = pq.read_table(write_map(tmp_path, measured))
    pq.write_table(content.drop_columns(["label"]), tmp_path / maps.PATH)
    with pytest.raises(TableError, match="other rows or columns"):
        read_map(tmp_path / maps.PATH)
