import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from hvae.config import DataConfig, RunConfig, TrainingConfig
from hvae.datasets import ImageSet
from hvae.errors import DataError, HvaeError, TableError
from hvae.measuring.correlations import PLACES, correlate, represent
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.hierarchical_config import BlockConfig, HierarchicalConfig, LatentConfig, StageConfig
from hvae.runs.checkpoints import Checkpoint
from hvae.runs.correlations.tables import (
    COLUMNS,
    MAXIMUM_BYTES,
    METADATA_KEY,
    CorrelationTable,
    list_correlations,
    read_correlations,
    write_correlations,
)


def checkpoint(seed: int, depth: int = 2, **settings: object) -> Checkpoint:
    config = HierarchicalConfig(
        image_shape=(1, 8, 8),
        stages=tuple(
            StageConfig(blocks=(BlockConfig(channels=4),), latent=LatentConfig(kind="dense", size=4))
            for _ in range(depth)
        ),
        **settings,
    )
    torch.manual_seed(seed)
    model = HierarchicalVAE(config).eval()
    run = RunConfig(model=config, data=DataConfig(name="digits"), training=TrainingConfig(epochs=1))
    return Checkpoint(model, run, f"{seed:064d}")


@pytest.fixture(scope="module")
def images() -> ImageSet:
    rng = np.random.default_rng(0)
    # Blobs of a random place: images that differ along more than one direction, unlike uniform noise.
    rows, columns = np.mgrid[:8, :8]
    centres = rng.uniform(1, 6, (120, 2, 1, 1))
    blobs = 255 * np.exp(-((rows - centres[:, 0]) ** 2 + (columns - centres[:, 1]) ** 2) / 4)
    return ImageSet("digits", "all", blobs.astype(np.uint8)[:, None], np.zeros(120, np.int64))


@pytest.fixture(scope="module")
def table(images: ImageSet) -> CorrelationTable:
    return correlate(checkpoint(0), checkpoint(1, depth=3), images, ("first", "second run"), n=100)[0]


def test_a_model_against_itself_is_one_on_the_diagonal(images):
    same = correlate(checkpoint(0), checkpoint(0), images, ("a", "a"))[0]
    for kind in ("features", "means"):
        np.testing.assert_allclose(np.diag(same.square(kind)), 1, atol=1e-6)
        np.testing.assert_allclose(np.diag(same.square(kind, "cka")), 1, atol=1e-6)
        assert (same.square(kind, "null") < 0.6).all()
        assert same.square(kind, "null").mean() < same.square(kind).mean()


def test_every_pair_of_layers_has_a_row_with_equal_units(table):
    assert tuple(table.frame.columns) == COLUMNS
    assert len(table.frame) == 2 * 2 * 3
    assert (table.frame.groupby("kind")["units"].nunique() == 1).all()
    assert set(table.frame["units"][table.frame["kind"] == "means"]) == {4}
    assert table.square("means").shape == (2, 3)
    assert table.metadata.n == 100
    assert (table.frame["data"] == "digits").all()


def test_permuted_units_are_matched(images, monkeypatch):
    """Posterior means with their units in another order are the same representation."""
    a, b = checkpoint(0), checkpoint(0)
    order = torch.tensor([2, 0, 3, 1])
    for stage in b.model.stages:
        forward = stage.posterior.forward
        # The projections that read z have to find the units where they were.
        monkeypatch.setattr(stage.posterior, "forward", lambda h, forward=forward: _permuted(forward(h), order))
    shuffled = correlate(a, b, images, ("a", "b"))[0]
    assert shuffled.square("means")[0, 0] == pytest.approx(1, abs=1e-6)
    assert shuffled.square("means", "cka")[0, 0] == pytest.approx(1, abs=1e-6)


def _permuted(normal, order):
    return torch.distributions.Normal(normal.loc[:, order], normal.scale[:, order])


def test_it_repeats_by_seed_and_takes_a_subset_of_the_images(images, table):
    again = correlate(checkpoint(0), checkpoint(1, depth=3), images, ("first", "second run"), n=100)[0]
    pd.testing.assert_frame_equal(again.frame, table.frame)
    other = correlate(checkpoint(0), checkpoint(1, depth=3), images, ("first", "second run"), n=100, seed=1)[0]
    assert not other.frame["mean_abs_r"].equals(table.frame["mean_abs_r"])


def test_representations_do_not_depend_on_batches(images):
    index = np.arange(30)
    whole = represent(checkpoint(0), images, index)
    parts = represent(checkpoint(0), images, index, batch_size=7)
    for kind in whole:
        for layer, same in zip(whole[kind], parts[kind], strict=True):
            np.testing.assert_allclose(layer.units, same.units, atol=1e-5)
            np.testing.assert_allclose(layer.places, same.places, atol=1e-5)


def test_a_place_holds_all_channels_of_one_pixel_of_the_map(images):
    index = np.arange(30)
    found = represent(checkpoint(0), images, index)
    features, means = found["features"][0], found["means"][0]
    assert features.units.shape == (30, 4 * 8 * 8)
    assert features.places.shape == (PLACES, 30, 4)
    pixels = features.units.reshape(30, 4, 64)
    for place in features.places:
        assert any(np.array_equal(place, pixels[:, :, pixel]) for pixel in range(64))
    assert np.ptp(features.places, axis=0).max() > 0
    # A dense latent is everywhere the same.
    for place in means.places:
        np.testing.assert_array_equal(place, means.units)


def test_what_always_lies_in_the_dark_is_left_out(images):
    """Places where nothing varies say nothing: they must not pull the correlation of a model with itself below 1."""
    dark = images.images.copy()
    dark[..., :4] = 0
    bordered = ImageSet("digits", "all", dark, images.labels)
    same = correlate(checkpoint(0), checkpoint(0), bordered, ("a", "a"))[0]
    assert (same.frame["constant_a"] > 0).any()
    np.testing.assert_allclose(np.diag(same.square("features")), 1, atol=1e-6)


def test_wide_layers_are_thinned_the_same_way_for_every_model(images, monkeypatch):
    monkeypatch.setattr("hvae.measuring.correlations.MAXIMUM_UNITS", 50)
    index = np.arange(20)
    first, second = (represent(checkpoint(0), images, index)["features"][0] for _ in range(2))
    assert first.units.shape == (20, 50)
    np.testing.assert_array_equal(first.units, second.units)


def test_models_without_skips_have_means_only(images):
    bare = correlate(checkpoint(0, skips=False), checkpoint(1), images, ("a", "b"))[0]
    assert bare.kinds() == ["means"]
    assert np.isnan(bare.square("features")).all()


def test_a_dead_layer_is_nan_and_spoils_no_other(images, monkeypatch):
    a = checkpoint(0)
    top = a.model.stages[-1].posterior
    forward = top.forward
    monkeypatch.setattr(top, "forward", lambda h: _constant(forward(h)))
    means = correlate(a, checkpoint(1), images, ("a", "b"))[0]
    grid = means.square("means")
    assert np.isnan(grid[1]).all() and np.isfinite(grid[0]).all()
    rows = means.frame[(means.frame["kind"] == "means") & (means.frame["layer_a"] == 2)]
    assert (rows["constant_a"] == 4).all()


def _constant(normal):
    return torch.distributions.Normal(torch.zeros_like(normal.loc), normal.scale)


def test_progress_ends_at_the_total(images):
    seen: list[tuple[int, int]] = []
    correlate(checkpoint(0), checkpoint(1), images, ("a", "b"), progress=lambda *step: seen.append(step))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1]


def test_what_cannot_be_correlated_is_refused(images):
    a = checkpoint(0)
    with pytest.raises(HvaeError, match="too few"):
        correlate(a, a, images.take(np.arange(5)), ("a", "a"))
    with pytest.raises(HvaeError, match="ask for fewer"):
        correlate(a, a, images, ("a", "a"), units=1000)
    with pytest.raises(HvaeError, match="seed"):
        correlate(a, a, images, ("a", "a"), seed=-1)
    large = ImageSet("digits", "all", np.zeros((10, 1, 9, 9), np.uint8), np.zeros(10, np.int64))
    with pytest.raises(DataError, match="the model takes"):
        correlate(a, a, large, ("a", "a"))


def test_round_trip(tmp_path: Path, table):
    path = write_correlations(tmp_path, table)
    assert path == tmp_path / "correlations" / "second-run.digits.all.parquet"
    back = read_correlations(path)
    pd.testing.assert_frame_equal(back.frame, table.frame)
    assert back.metadata == table.metadata
    (key,) = list_correlations(tmp_path)
    assert (key.path, key.other, key.slug, key.split) == (path, "second-run", "digits", "all")
    (tmp_path / "correlations" / "notes.parquet").touch()
    assert len(list_correlations(tmp_path)) == 1


def test_transposed_exchanges_the_runs(table):
    flipped = table.transposed()
    np.testing.assert_array_equal(flipped.square("means"), table.square("means").T)
    np.testing.assert_array_equal(flipped.square("features", "constant_b"), table.square("features", "constant_a").T)
    assert (flipped.metadata.run_a, flipped.metadata.depth_a) == ("second run", 3)
    assert flipped.metadata.weights_sha256_b == table.metadata.weights_sha256_a
    pd.testing.assert_frame_equal(flipped.transposed().frame, table.frame)


def test_a_run_name_cannot_leave_the_folder(tmp_path: Path, table):
    metadata = table.metadata.model_copy(update={"run_b": "../../escape"})
    path = write_correlations(tmp_path, dataclasses.replace(table, metadata=metadata))
    assert path.parent == tmp_path / "correlations"
    assert list_correlations(tmp_path)


def rewritten(path: Path, table: CorrelationTable, frame: pd.DataFrame | None = None, metadata: object = None) -> Path:
    """A parquet file as somebody else might make it, past the checks of writing."""
    content = pa.Table.from_pandas(table.frame if frame is None else frame, preserve_index=False)
    strings = {field.name: pa.string() for field in content.schema if field.name in ("data", "kind")}
    content = content.cast(pa.schema([(field.name, strings.get(field.name, field.type)) for field in content.schema]))
    raw = table.metadata.model_dump_json().encode() if metadata is None else metadata
    content = content.replace_schema_metadata({METADATA_KEY: raw} if raw else None)
    pq.write_table(content, path)
    return path


def test_foreign_files_are_refused_in_one_line(tmp_path: Path, table):
    path = tmp_path / "x.digits.all.parquet"
    assert read_correlations(rewritten(path, table)).metadata == table.metadata

    def problem() -> str:
        with pytest.raises(TableError) as caught:
            read_correlations(path)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    path.write_bytes(b"PAR1 no parquet PAR1")
    assert "no readable parquet" in problem()
    with path.open("wb") as file:
        file.truncate(MAXIMUM_BYTES + 1)
    assert "larger than any" in problem()
    rewritten(path, table, metadata=b"")
    assert "no 'hvae-correlation' metadata" in problem()
    rewritten(path, table, metadata=b"{")
    assert "another schema" in problem()
    rewritten(
        path, table, metadata=table.metadata.model_dump_json().replace('"depth_a":2', '"depth_a":100000').encode()
    )
    assert "another schema (depth_a" in problem()
    rewritten(path, table, table.frame.drop(columns="cka"))
    assert "other columns" in problem()
    rewritten(path, table, pd.concat([table.frame] * 1000))
    assert "rows" in problem()
    rewritten(path, table, pd.concat([table.frame] * 2))
    assert "twice" in problem()
    rewritten(path, table, table.frame.assign(layer_a=table.frame["layer_a"] + np.int32(8)))
    assert "layer_a" in problem()
    rewritten(path, table, table.frame.assign(mean_abs_r=np.inf))
    assert "mean_abs_r" in problem()
    rewritten(path, table, table.frame.assign(kind="other"))
    assert "unknown kind" in problem()
    # Compresses to nothing, unpacks to 60 MB.
    rewritten(path, table, table.frame.assign(data=[chr(65 + i) * 5_000_000 for i in range(len(table.frame))]))
    assert "when unpacked" in problem()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "no readable parquet" in problem()
    path.unlink()
    assert "there is no" in problem()


def test_flipped_bytes_never_raise_anything_else(tmp_path: Path, table):
    path = write_correlations(tmp_path, table)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(whole)
        for position in rng.integers(0, len(damaged), 3):
            damaged[position] = rng.integers(0, 256)
        path.write_bytes(bytes(damaged))
        try:
            read_correlations(path)
        except TableError as error:
            assert str(error)


def test_values_outside_their_range_are_not_written(tmp_path: Path, table):
    broken = CorrelationTable(table.frame.assign(null=2.0), table.metadata)
    with pytest.raises(TableError, match="null"):
        write_correlations(tmp_path, broken)
    assert not list_correlations(tmp_path)
