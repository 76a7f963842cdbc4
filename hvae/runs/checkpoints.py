"""Run folders: a validated `config.json` beside `model.safetensors` that carries the same JSON in its header.

Nothing here unpickles: a checkpoint from outside is a bounded JSON, a header that is compared with the shapes the
config asks for, and then plain numbers.
"""

import errno
import json
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from hvae.config import Ability, RunConfig, RunFile
from hvae.errors import CheckpointError, ConfigError
from hvae.files import write_atomically, write_text
from hvae.inputs import read_bytes, sha256
from hvae.models.contract import Model, outline, parameter_count
from hvae.models.hierarchical import HierarchicalVAE
from hvae.runs.folders import MAXIMUM_CONFIG_BYTES, missing_weights

MAXIMUM_PARAMETERS = 500_000_000

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """A model, in evaluation mode and float32 on the device asked for, with what it was made from."""

    model: Model
    config: RunConfig
    weights_sha256: str
    """Of `model.safetensors`; score tables name it."""

    def layered(self, ability: Ability) -> HierarchicalVAE:
        """The model, for what only one with latent layers can do; `ConfigError` for a kind of model that cannot."""
        if problem := self.config.model.inability(ability):
            raise ConfigError(problem)
        return cast(HierarchicalVAE, self.model)


def read_config(folder: Path) -> RunConfig:
    """Validated configuration of a run folder.

    Raises:
        CheckpointError: no such folder or file, or larger than any configuration.
        ConfigError: content that no model may have.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise CheckpointError(f"{folder} is no run folder: it has no {CONFIG_FILE}")
    config = _read_file(path).config
    try:
        parameters = parameter_count(config.model)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if parameters > MAXIMUM_PARAMETERS:
        raise ConfigError(f"{path}: the model would have {parameters:,} parameters, {MAXIMUM_PARAMETERS:,} at most")
    return config


def named_weights(folder: Path) -> tuple[str, ...]:
    """SHA-256 of the weights that `config.json` says are the run's; empty where it names none."""
    return _read_file(folder / CONFIG_FILE).weights_sha256


def _read_file(path: Path) -> RunFile:
    try:
        content = read_bytes(path, MAXIMUM_CONFIG_BYTES)
    except OSError as error:
        problem = "is larger than any configuration" if error.errno == errno.EFBIG else "cannot be read"
        raise CheckpointError(f"{path} {problem} ({error.strerror})") from None
    return RunFile.from_json(content, source=str(path))


def write_config(folder: Path, config: RunConfig, weights: tuple[str, ...] = ()) -> None:
    """Write `config.json` atomically, with the SHA-256 of the weights that are the run's, if there are any."""
    held = config.model_dump(mode="json") | ({"weights_sha256": weights} if weights else {})
    write_text(folder / CONFIG_FILE, json.dumps(held, indent=1, ensure_ascii=False) + "\n")


def save_weights(
    folder: Path, weights: dict[str, Tensor], config: RunConfig, dtype: torch.dtype = torch.float32
) -> None:
    """Write `model.safetensors` atomically, floating-point weights as `dtype`, the config in its header.

    `config.json` is written too and names their SHA-256. Whenever this is interrupted, it names that of the file there.
    Weights that the kind of model declares exact (`ModelConfig.exact_weights`) are not rounded.
    """
    exact = config.model.exact_weights

    def stored(name: str, value: Tensor) -> torch.dtype:
        kept = not value.is_floating_point() or (exact and exact in name)
        return value.dtype if kept else dtype

    tensors = {
        name: value.detach().to("cpu", stored(name, value)).contiguous().clone() for name, value in weights.items()
    }
    # One entry alone: safetensors writes several in random order, and equal weights have to be equal files.
    metadata = {"config": config.to_json()}
    path = folder / WEIGHTS_FILE
    before = (sha256(path),) if path.is_file() else ()

    def write(part: Path) -> None:
        save_file(tensors, part, metadata)
        write_config(folder, config, (*before, sha256(part)))

    write_atomically(path, write)
    write_config(folder, config, (sha256(path),))


def read_weights(folder: Path, config: RunConfig) -> dict[str, Tensor]:
    """Weights of a run, checked against the shapes its config asks for before any is read.

    Raises:
        CheckpointError: missing, damaged or foreign weights, or weights that do not fit the config.
    """
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise CheckpointError(f"{folder.name}: {missing_weights(folder)}")
    unfit = f"{path} does not fit its config"
    expected = outline(config.model).shapes
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            told = (file.metadata() or {}).get("config", "")
            names = set(file.keys())
            if missing := sorted(set(expected) - names):
                raise CheckpointError(f"{unfit}: no weights '{missing[0]}' ({len(missing)} missing)")
            if surplus := sorted(names - set(expected)):
                raise CheckpointError(f"{unfit}: surplus {surplus[0][:100]!r} ({len(surplus)} in all)")
            for name, shape in expected.items():
                if (found := tuple(file.get_slice(name).get_shape())) != shape:
                    raise CheckpointError(f"{unfit}: '{name}' has shape {found}, the config asks for {shape}")
            weights = {name: file.get_tensor(name).float() for name in expected}
    # Where the system refuses to map the file, torch says so by a RuntimeError.
    except (SafetensorError, OSError, RuntimeError) as error:
        raise CheckpointError(f"{path} is no readable safetensors file ({error}); copy it again or retrain") from None
    if broken := [name for name, value in weights.items() if not torch.isfinite(value).all()]:
        raise CheckpointError(f"{path}: '{broken[0]}' holds values that are not finite")
    named = named_weights(folder)
    if named and sha256(path) not in named:
        raise CheckpointError(f"{path} is damaged, or not of this run: {CONFIG_FILE} names another hash; copy it again")
    _require_told_alike(path, told, config)
    return weights


def _require_told_alike(path: Path, told: str, config: RunConfig) -> None:
    """Refuse a config whose model, or whose parts of the data, are not those that the header of the weights tells of.

    A flipped digit of the seed that divides the data would make a reference part of images that were fitted.
    """
    try:
        header = RunConfig.from_json(told[:MAXIMUM_CONFIG_BYTES], source=str(path))
    except ConfigError:
        # Of another version, or written elsewhere: their hash is what there is to go by.
        return
    for name in ("model", "data.split_seed", "data.preprocessing", "data.mutation"):
        mine, its = (attrgetter(name)(one) for one in (config, header))
        if mine != its:
            raise CheckpointError(f"{path} was saved with another {name} than {CONFIG_FILE} has; copy both again")


def load_checkpoint(folder: Path, device: torch.device | str = "cpu") -> Checkpoint:
    """The model of a run folder, ready to evaluate.

    Raises:
        CheckpointError: damaged, foreign or missing files.
        ConfigError: a config.json no model may have.
    """
    config = read_config(folder)
    weights = read_weights(folder, config)
    model = config.model.build()
    model.load_state_dict(weights)
    model = model.to(device=device, memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
    return Checkpoint(model, config, sha256(folder / WEIGHTS_FILE))
