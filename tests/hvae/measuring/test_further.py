"""Statistics that tables have only where they are asked for: L^{<l}, the likelihood path, the likelihood regret."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hvae.measuring import measure
from hvae.measuring.further import FURTHER
from hvae.measuring.regret import closed_form, inference_parameters, likelihood_regret
from hvae.models.blocks import fold_weight_norm
from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.hierarchical_config import BlockConfig, Family, HierarchicalConfig, LatentConfig, StageConfig
from hvae.models.latents import SharedNoise, generator_noise
from hvae.report import build, gather, left_out
from hvae.runs.folders import find_run
from hvae.runs.score_tables import ScoreTable, read_table, write_table
from hvae.scores import at_every_level, find, score
from hvae.stats import auroc
from tests.hvae.commands import fail, succeed
from tests.hvae.small_models import initialised, random_images, small_config
from tests.hvae.tables import table_of
from tests.synthetic import make_run, make_tables


def flat(family: Family = "bottom-up") -> HierarchicalConfig:
    """L = 1 on 8x8 images."""
    latent = LatentConfig(kind="dense", size=3)
    stage = StageConfig(blocks=(BlockConfig(channels=4, kernel=3, stride=2),), latent=latent)
    return HierarchicalConfig(family=family, image_shape=(1, 8, 8), stages=(stage,), skips=family != "top-down")


def folded(config: HierarchicalConfig) -> HierarchicalVAE:
    """As the scorer has a model."""
    return fold_weight_norm(initialised(config))


def noise_of(count: int, model, index: slice = slice(None)):
    """Noise of some images, the same for each of them whatever its company."""

    def drawn(shape: tuple[int, ...]) -> torch.Tensor:
        return torch.randn((count, *shape[1:]), generator=torch.Generator().manual_seed(1))[index]

    return lambda group: SharedNoise(len(range(count)[index]), drawn)


def regrets(model, x, index: slice = slice(None), **how) -> np.ndarray:
    with torch.no_grad():
        return likelihood_regret(model, x[index], noise_of(len(x), model, index), **how)[:, 0].numpy()


@pytest.mark.parametrize("family", ["bottom-up", "ladder"])
def test_regret_is_never_negative_and_of_each_image_alone(family):
    model, x = folded(flat(family)), random_images(40)
    together = regrets(model, x, steps=4, rate=0.05)
    assert together.min() >= 0 and together.max() > 0.1 and together.shape == (40,)
    for part in (slice(0, 1), slice(3, 4), slice(33, 40)):
        np.testing.assert_allclose(regrets(model, x, part, steps=4, rate=0.05), together[part], rtol=0, atol=1e-4)
    # Steps far too large make everything worse, and the start counts.
    np.testing.assert_array_equal(regrets(model, x[:2], steps=2, rate=1e6), 0)
    np.testing.assert_array_equal(regrets(model, x[:2], steps=0), 0)


def test_regret_is_what_one_encoder_of_its_own_gains():
    """Against the plain way: a copy of the encoder and a loop for one image."""
    model, x = folded(flat()), random_images(3)
    own = [parameter for name, parameter in model.named_parameters() if name in inference_parameters(model, x)]
    found = regrets(model, x, slice(1, 2), steps=3, rate=0.01)
    adam, values = torch.optim.Adam(own, lr=0.01), []
    for _ in range(4):
        loss = -closed_form(model, x[1:2], noise_of(3, model, slice(1, 2))([0]))[0]
        values.append(float(loss.detach()))
        adam.zero_grad()
        loss.backward()
        adam.step()
    np.testing.assert_allclose(found, values[0] - min(values), rtol=0, atol=1e-4)


def test_an_image_that_the_encoder_was_fitted_to_has_less_to_regret():
    model, x = folded(flat()), random_images(64)
    known, foreign = x[:32], 1 - x[:32]
    own = [parameter for name, parameter in model.named_parameters() if name in inference_parameters(model, x)]
    adam = torch.optim.Adam(own, lr=0.01)
    for _ in range(40):
        adam.zero_grad()
        (-closed_form(model, known, noise_of(32, model)([0])).mean()).backward()
        adam.step()
    inside, outside = (regrets(model, images, steps=3, rate=0.01) for images in (known, foreign))
    tables = [table_of({"regret": values}, 1) for values in (inside, outside)]
    assert auroc(*(score("regret", 1).of(table) for table in tables)).value > 0.7


def test_the_encoder_is_what_images_are_not_made_with():
    for family in ("bottom-up", "ladder", "top-down"):
        names = set(inference_parameters(folded(flat(family)), random_images(1)))
        assert names and not any("decoder" in name or "likelihood" in name or "generation" in name for name in names)
        assert any("encoder" in name for name in names) and any("posterior" in name for name in names), family


def test_who_has_no_regret_and_no_complementary_bound():
    deep, ladder = small_config(), small_config(family="ladder")
    assert "inferred from the bottom up" in (FURTHER["regret"].obstacle(deep) or "")
    assert FURTHER["regret"].obstacle(ladder) is FURTHER["regret"].obstacle(flat()) is None
    assert "at least 2 latent layers" in (FURTHER["complementary"].obstacle(flat()) or "")


def test_the_path_is_as_long_as_it_is():
    model, x = initialised(small_config()), random_images(5)
    with torch.no_grad():
        found = FURTHER["lpath"].measure(model, x, lambda group: generator_noise(5, torch.Generator().manual_seed(0)))
    assert found.shape == (5, len(FURTHER["lpath"].columns(3))) and found.dtype == torch.float64
    assert (found > 0).all() and (found[:, 0] <= 8).all()


def test_a_path_that_is_unlike_on_either_side():
    """Means twice as long, or half: farther than those of the reference, whatever the error."""
    random, columns = np.random.default_rng(0), score("lpath", 1).columns(1)
    reference = table_of({name: random.gamma(50, 1, 500) for name in columns}, 1, split="reference")
    middle = {name: np.full(3, 50.0) for name in columns}
    table = table_of(middle | {"path_mean_1": [50.0, 100.0, 25.0]}, 1)
    known, longer, shorter = score("lpath", 1).of(table, reference)
    assert longer > known + 2 and shorter > known + 2


def test_the_complementary_bound_is_turned_round():
    values = find("complementary")(1).of(table_of({"L<1": [-3.0, -8.0]}))
    np.testing.assert_array_equal(values, [3, 8])
    assert [(one.label, one.symbol) for one in at_every_level("complementary", 3)][1] == ("-L<2", "−L<sup>&lt;2</sup>")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path))
    return make_run(tmp_path, "deep", depth=2, trained=True)


def columns_of(run: Path) -> pd.DataFrame:
    return read_table(run / "scores" / "digits.test.mean.S1.R2.seed0.parquet").frame


def test_a_table_gains_columns_and_keeps_them(run):
    command = ("score", "deep", "--data", "digits", "--limit", 40, "--draws", 2, "--device", "cpu")
    succeed(*command, "--also", "complementary", "--also", "lpath", "--batch-size", 7)
    whole = columns_of(run)
    assert {"L<1", "L<1_se", "path_error", "path_sd_2"} <= set(whole) and whole.notna().all(axis=None)
    assert not (run / "scores" / ".partial").exists() or not list((run / "scores" / ".partial").iterdir())
    succeed(*command)
    pd.testing.assert_frame_equal(columns_of(run), whole)
    succeed(*command, "--also", "lpath", "--batch-size", 64)
    assert set(columns_of(run)) == set(whole)
    pd.testing.assert_frame_equal(columns_of(run)[list(whole)], whole, check_exact=True)


def test_what_a_run_does_not_have_is_refused_before_anything_is_computed(run, monkeypatch):
    monkeypatch.setattr(measure, "score", None)
    command = ("score", "deep", "--data", "digits")
    assert "--also regret: deep has none" in fail(*command, "--also", "regret")
    assert "--also lpaht: did you mean lpath?" in fail(*command, "--also", "lpaht")
    table = table_of({"iw": [-1.0]}, 1, run="deep", data="mnist", slug="mnist")
    assert (score("regret", 1).obstacle(table) or "").endswith(
        "hvae score deep --data mnist --split test --limit 1 --also regret --reading mean --samples 1 --draws 1"
    )


def test_regret_of_some_images_is_compared_on_these(tmp_path, monkeypatch):
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path))
    folder = make_run(tmp_path, "flat", depth=1)
    for path in make_tables(folder, ("fashionmnist", "mnist"), n=30):
        table = read_table(path)
        some = np.full(30, np.nan, np.float32)
        some[FURTHER["regret"].rows(30)[::2]] = np.arange(15)
        write_table(folder, replace(table, frame=table.frame.assign(regret=some)))
    (comparison,) = gather([find_run("flat")]).comparisons
    table: ScoreTable = comparison.others[0]
    assert "only 15 of the 30 images of mnist (test) have it" in (score("regret", 1).obstacle(table) or "")
    np.testing.assert_array_equal(score("regret", 1).of(table.having(["regret"])), np.arange(15))
    (row,) = build([comparison], ["detection"], scores=["regret"], n_boot=2)["detection"].to_dict("records")
    assert (row["n_in"], row["n_ood"], row["auroc"]) == (15, 15, 0.5)
    assert left_out([comparison], ["regret"]) == [] and table.having(["iw"]) is table


def test_a_thousand_images_are_spread_evenly():
    rows = FURTHER["regret"].rows(10_000)
    assert len(set(rows)) == 1000 and rows[0] == 0 and rows[-1] == 9999 and np.ptp(np.diff(rows)) <= 1
    np.testing.assert_array_equal(FURTHER["lpath"].rows(7), np.arange(7))


def test_regret_is_measured_into_a_table(tmp_path, monkeypatch):
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path))
    quick = replace(FURTHER["regret"], images=2, measure=partial(likelihood_regret, steps=1))
    monkeypatch.setitem(FURTHER, "regret", quick)
    folder = make_run(tmp_path, "flat", depth=1, trained=True)
    succeed("score", "flat", "--data", "digits", "--limit", 5, "--device", "cpu", "--also", "regret")
    found = read_table(next((folder / "scores").glob("digits.test.*"))).frame["regret"]
    assert list(np.isfinite(found)) == [True, False, False, False, True] and found.dropna().min() >= 0
