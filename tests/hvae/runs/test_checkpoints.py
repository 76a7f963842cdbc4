"""Run folders from outside: each kind of damage is one clear line, and nothing large is allocated first."""

from __future__ import annotations

import json
import os
import pickle
import resource
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from hvae.config import DataConfig, RunConfig, TrainingConfig
from hvae.errors import CheckpointError, ConfigError, HvaeError
from hvae.inputs import sha256
from hvae.models.hierarchical import HierarchicalVAE
from hvae.runs.checkpoints import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    load_checkpoint,
    named_weights,
    read_config,
    save_weights,
    write_config,
)
from tests.hvae.small_models import small_config

CONFIG = RunConfig(model=small_config(), data=DataConfig(name="digits"), training=TrainingConfig(epochs=1))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "sound"
    write_config(folder, CONFIG)
    torch.manual_seed(0)
    save_weights(folder, HierarchicalVAE(CONFIG.model).state_dict(), CONFIG)
    return folder


@pytest.fixture
def run(sound: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(sound, tmp_path / "run"))


def refusal(folder: Path, kind: type[HvaeError]) -> str:
    """The message, after checking that it is one line that names the folder."""
    with pytest.raises(kind) as caught:
        load_checkpoint(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    assert len(message) < 1000
    return message


def edit_config(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    path = folder / CONFIG_FILE
    tree = json.loads(path.read_text())
    edit(tree)
    path.write_text(json.dumps(tree))


def edit_weights(folder: Path, edit: Callable[[dict[str, torch.Tensor]], object]) -> None:
    path = folder / WEIGHTS_FILE
    weights = load_file(path)
    edit(weights)
    save_file(weights, path)


def test_a_sound_run_loads(sound: Path) -> None:
    checkpoint = load_checkpoint(sound)
    assert checkpoint.config == CONFIG
    assert checkpoint.weights_sha256 == sha256(sound / WEIGHTS_FILE)
    assert len(checkpoint.weights_sha256) == 64


def test_the_weights_carry_their_config(sound: Path) -> None:
    content = (sound / WEIGHTS_FILE).read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    assert RunConfig.from_json(header["__metadata__"]["config"]) == CONFIG


def test_missing_files_are_named(run: Path) -> None:
    (run / WEIGHTS_FILE).unlink()
    assert WEIGHTS_FILE in refusal(run, CheckpointError)
    (run / CONFIG_FILE).unlink()
    assert CONFIG_FILE in refusal(run, CheckpointError)
    assert CONFIG_FILE in refusal(run / "nowhere", CheckpointError)


def test_a_folder_in_place_of_a_file_is_refused(run: Path) -> None:
    (run / WEIGHTS_FILE).unlink()
    (run / WEIGHTS_FILE).mkdir()
    assert WEIGHTS_FILE in refusal(run, CheckpointError)


def test_the_config_names_the_hash_of_its_weights(run: Path) -> None:
    assert named_weights(run) == (sha256(run / WEIGHTS_FILE),)
    path = run / WEIGHTS_FILE
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert "config.json names another hash" in refusal(run, CheckpointError)
    # A run from before hashes were noted, or somebody's own file: nothing to compare with.
    write_config(run, CONFIG)
    load_checkpoint(run)


@pytest.mark.parametrize("cut_off", ["replace", "config"])
def test_weights_and_their_hash_agree_whenever_a_writer_dies(
    run: Path, monkeypatch: pytest.MonkeyPatch, cut_off: str
) -> None:
    class Killed(BaseException):
        pass

    replace = os.replace
    calls: list[Path] = []

    def dies(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == {"replace": 2, "config": 3}[cut_off]:
            raise Killed
        replace(source, target)

    monkeypatch.setattr("os.replace", dies)
    torch.manual_seed(1)
    with pytest.raises(Killed):
        save_weights(run, HierarchicalVAE(CONFIG.model).state_dict(), CONFIG)
    assert [path.name for path in calls] == [CONFIG_FILE, WEIGHTS_FILE, CONFIG_FILE][: len(calls)]
    assert load_checkpoint(run).weights_sha256 in named_weights(run) and len(named_weights(run)) == 2


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_truncated_weights(run: Path, share: float) -> None:
    path = run / WEIGHTS_FILE
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "no readable safetensors file" in refusal(run, CheckpointError)


def test_weights_with_bytes_behind_their_end(run: Path) -> None:
    with (run / WEIGHTS_FILE).open("ab") as file:
        file.write(b"\0" * 100)
    assert "no readable safetensors file" in refusal(run, CheckpointError)


@pytest.mark.parametrize(
    "content",
    [
        b"not a model",
        pickle.dumps({"weights": [1, 2, 3]}),
        struct.pack("<Q", 2**60) + b"{}",
        struct.pack("<Q", 8) + b"{\xff\xff\xff\xff\xff\xff}",
        struct.pack("<Q", 40) + b'{"a":{"dtype":"F32","shape":[9],"data_of',
    ],
)
def test_foreign_or_corrupt_weights(run: Path, content: bytes) -> None:
    (run / WEIGHTS_FILE).write_bytes(content)
    assert "no readable safetensors file" in refusal(run, CheckpointError)


def test_a_pickle_is_never_executed(run: Path, tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "executed",)

    torch.save({"weights": Hostile()}, run / WEIGHTS_FILE)
    refusal(run, CheckpointError)
    assert not (tmp_path / "executed").exists()


def test_weights_of_another_architecture(run: Path) -> None:
    edit_config(run, lambda tree: tree["model"].update(skips=False))
    assert "surplus" in refusal(run, CheckpointError)
    edit_config(run, lambda tree: tree["model"].update(skips=True, same_shape_skip="drop"))
    assert "missing" in refusal(run, CheckpointError)


@pytest.mark.parametrize("part", ["data.split_seed", "data.mutation", "model.likelihood_kernel"])
def test_a_config_that_weights_were_not_saved_with(run: Path, part: str) -> None:
    section, name = part.split(".")
    edit_config(run, lambda tree: tree[section].update({name: {"split_seed": 1, "mutation": 0.5}.get(name, 1)}))
    said = refusal(run, CheckpointError)
    assert "was saved with another" in said or "does not fit its config" in said
    edit_config(run, lambda tree: tree["training"].update(epochs=2))


def test_a_hostile_tensor_name_stays_on_one_line(run: Path) -> None:
    edit_weights(run, lambda weights: weights.update({"line\nbreak" * 1000: torch.zeros(1)}))
    assert "surplus" in refusal(run, CheckpointError)


def test_weights_of_another_shape(run: Path) -> None:
    name = "likelihood.logits.bias"
    edit_weights(run, lambda weights: weights.update({name: torch.zeros(7)}))
    message = refusal(run, CheckpointError)
    assert name in message
    assert "(7,)" in message
    assert "(1,)" in message


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite(run: Path, value: float) -> None:
    name = "stages.1.posterior.parameters_of.bias"
    edit_weights(run, lambda weights: weights[name].fill_(value))
    assert name in refusal(run, CheckpointError)


@pytest.mark.parametrize(
    ("edit", "part"),
    [
        (lambda tree: tree.update(surprise=1), "surprise"),
        (lambda tree: tree["model"].update({"line\nbreak" * 1000: 1}), "model.line break"),
        (lambda tree: tree.pop("training"), "training"),
        (lambda tree: tree["model"].update(stages=[]), "model.stages"),
        (lambda tree: tree["model"].update(image_shape=[1, 28]), "model.image_shape"),
        (lambda tree: tree["model"].update(image_shape=[1, 4096, 4096]), "512x512"),
        (lambda tree: tree["model"].update(image_shape=[1, 9, 9]), "odd size"),
        (lambda tree: tree["model"].update(family="glow"), "model.family"),
        (lambda tree: tree["training"].update(learning_rate=-1), "training.learning_rate"),
        (lambda tree: tree["training"]["free_bits"].update(gone=0.1), "gone must not come before"),
        (lambda tree: tree.update(schema_version=2), "the file is of schema 2, this version of hvae reads 1"),
        (lambda tree: tree.update(schema_version="new"), "schema_version"),
    ],
)
def test_configs_no_model_may_have(run: Path, edit: Callable[[dict[str, Any]], object], part: str) -> None:
    edit_config(run, edit)
    assert part in refusal(run, ConfigError)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b"[" * 100_000, b'{"model": 1e999}', b'{"schema_version": NaN}'],
)
def test_configs_that_are_no_configs(run: Path, content: bytes) -> None:
    (run / CONFIG_FILE).write_bytes(content)
    refusal(run, ConfigError)


def test_a_config_larger_than_any(run: Path) -> None:
    with (run / CONFIG_FILE).open("ab") as file:
        file.write(b" " * 1_000_001)
    assert "larger than any configuration" in refusal(run, CheckpointError)


def huge_channels(tree: dict[str, Any]) -> None:
    tree["model"]["stages"][0]["blocks"][0]["channels"] = 10**9


def huge_latent(tree: dict[str, Any]) -> None:
    tree["model"]["stages"][0]["latent"]["size"] = 10**9


def huge_dense(tree: dict[str, Any]) -> None:
    tree["model"]["image_shape"] = [4, 512, 512]
    tree["model"]["stages"][0]["latent"] = {"kind": "dense", "size": 1024}


def many_stages(tree: dict[str, Any]) -> None:
    tree["model"]["stages"] *= 10**4


def many_parameters(tree: dict[str, Any]) -> None:
    block = {"channels": 1024, "kernel": 7, "stride": 1}
    tree["model"]["stages"] = [{"blocks": [block] * 16, "latent": {"kind": "conv", "size": 1024}}] * 16


@pytest.mark.parametrize("edit", [huge_channels, huge_latent, huge_dense, many_stages, many_parameters])
def test_absurd_sizes_are_refused_before_anything_is_allocated(
    run: Path, edit: Callable[[dict[str, Any]], object]
) -> None:
    edit_config(run, edit)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises((ConfigError, CheckpointError)) as caught:
        read_config(run)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert "\n" not in str(caught.value)
    assert grown < 200_000, f"{grown / 1000:.0f} MB"
    assert time.process_time() - began < 15


def test_stages_that_do_not_fit_each_other(run: Path) -> None:
    def widen(tree: dict[str, Any]) -> None:
        for block in tree["model"]["stages"][1]["blocks"]:
            block["channels"] = 8

    edit_config(run, widen)
    assert "stage 2 hands features" in refusal(run, ConfigError)


def test_overrides_are_validated() -> None:
    assert CONFIG.override({"training.epochs": 3, "model.skips": False}).training.epochs == 3
    for settings, part in [
        ({"training.epoch": 3}, "training.epoch"),
        ({"epochs": 3}, "epochs"),
        ({"training.epochs.more": 3}, "training.epochs.more"),
        ({"training.epochs": 0}, "training.epochs"),
        ({"training.learning_rate": float("inf")}, "training.learning_rate"),
    ]:
        with pytest.raises(ConfigError) as caught:
            CONFIG.override(settings)
        assert part in str(caught.value)
        assert "\n" not in str(caught.value)
