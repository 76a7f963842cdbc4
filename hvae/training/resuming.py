"""What a stopped training goes on from: `resume.safetensors`, plain numbers and a checked header.

Nothing in it can run code, and a flipped bit is noticed. Versions before it left `resume.pt`, a pickle: that is read
once more, by the loader that unpickles tensors and numbers alone, and the next checkpoint takes its place.
"""

import hashlib
import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import ConfigDict, Field, ValidationError
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from hvae.config import Frozen, first_problem
from hvae.errors import CheckpointError, first_line
from hvae.files import write_atomically
from hvae.inputs import opened
from hvae.runs.folders import FORMER_RESUME_FILE, RESUME_FILE
from hvae.runs.tensor_files import BYTES, read_header

_ANEW = "train it anew in another folder"
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""What Adam keeps of each parameter."""


@dataclass
class Progress:
    """How far a training is."""

    step: int = 0
    best_elbo: float = -math.inf
    """Of the epochs so far; -inf before the first."""
    history: list[dict[str, float]] = field(default_factory=list)
    """A row an epoch."""


@dataclass(frozen=True)
class Learnt:
    """What a training changes: the weights, their moving average, and the moments of the optimizer."""

    model: torch.nn.Module
    average: torch.nn.Module
    optimizer: torch.optim.Optimizer

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by a name of its own."""
        found = _named(self.model.state_dict(), self.average.state_dict(), self.optimizer.state_dict()["state"])
        return {name: value.detach() for name, value in found.items()}

    def expected(self) -> dict[str, tuple[int, ...]]:
        """The shapes that `tensors` has once a step was made."""
        moments = {
            number: {name: one if name != "step" else torch.zeros(()) for name in _MOMENTS}
            for number, one in enumerate(self.model.parameters())
        }
        named = _named(self.model.state_dict(), self.average.state_dict(), moments)
        return {name: tuple(value.shape) for name, value in named.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `tensors` gave; those of the `expected` shapes, or none of the optimizer's."""
        for part, to in (("weights", self.model), ("average", self.average)):
            to.load_state_dict({name: tensors[f"{part}.{name}"] for name in to.state_dict()})
        moments = {}
        for number, parameter in enumerate(self.model.parameters()):
            named = {name: tensors.get(f"optimizer.{number}.{name}") for name in _MOMENTS}
            # Fused Adam walks parameter and moments together: they have to lie in memory alike.
            moments[number] = {
                name: value.clone() if name == "step" else torch.empty_like(parameter).copy_(value).detach()
                for name, value in named.items()
                if value is not None
            }
        state = {number: found for number, found in moments.items() if found}
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": state})


class _Checked(Frozen):
    """The numbers of a `Progress`, from a file."""

    model_config = ConfigDict(strict=True)

    step: Annotated[int, Field(ge=0)]
    best_elbo: float | None
    history: list[dict[str, float]]


class _Header(Frozen):
    version: Literal[1] = 1
    step: int
    best_elbo: float | None
    columns: list[Annotated[str, Field(max_length=100)]]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def write(folder: Path, learnt: Mapping[str, Tensor], progress: Progress) -> None:
    """Write `resume.safetensors` atomically; a `resume.pt` of former versions goes."""
    columns = list(progress.history[0]) if progress.history else []
    rows = [[row[name] for name in columns] for row in progress.history]
    held = {name: value.to("cpu").contiguous().clone() for name, value in learnt.items()}
    held["history"] = torch.tensor(rows, dtype=torch.float64).reshape(len(rows), len(columns))
    best = progress.best_elbo if progress.history else None
    header = {"step": progress.step, "best_elbo": best, "columns": columns}
    metadata = {"training": json.dumps(header | {"sha256": _digest(header, held)})}
    write_atomically(folder / RESUME_FILE, lambda part: save_file(held, part, metadata))
    (folder / FORMER_RESUME_FILE).unlink(missing_ok=True)


def read(folder: Path, learnt: Learnt, steps: int, steps_per_epoch: int) -> Progress:
    """Restore what was learnt, and how far the training of so many steps is; nothing changes where a file is unfit.

    Raises:
        CheckpointError: damaged, of another model, or with numbers that no training leaves.
    """
    path = folder / RESUME_FILE if (folder / RESUME_FILE).is_file() else folder / FORMER_RESUME_FILE
    try:
        tensors, progress = _stored(path) if path.name == RESUME_FILE else _former(path)
        _check(progress, steps, steps_per_epoch)
        _check_shapes(tensors, learnt.expected(), progress.step)
        learnt.restore(tensors)
    except ValidationError as error:
        raise CheckpointError(f"{path} cannot be resumed from: {first_problem(error)}; {_ANEW}") from None
    # Damaged files surface from safetensors, pydantic and the unpickler as almost any exception.
    except Exception as error:
        raise CheckpointError(f"{path} cannot be resumed from: {first_line(error)}; {_ANEW}") from error
    return progress


def _stored(path: Path) -> tuple[dict[str, Tensor], Progress]:
    read_header(path, BYTES | {"I64": 8})
    with safe_open(path, framework="pt", device="cpu") as file:
        header = _Header.model_validate_json((file.metadata() or {}).get("training", ""))
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
    if _digest(header.model_dump(include={"step", "best_elbo", "columns"}), tensors) != header.sha256:
        raise CheckpointError("it is damaged: its content has another hash")
    rows = tensors.pop("history").tolist()
    history = [dict(zip(header.columns, row, strict=True)) for row in rows]
    return tensors, _progress(header.step, header.best_elbo, history)


def _former(path: Path) -> tuple[dict[str, Tensor], Progress]:
    # What an odd pickle names may warn while it is refused, and so may a tensor in the place of a mapping.
    with opened(path) as file, warnings.catch_warnings(action="ignore"):
        content = torch.load(file, map_location="cpu", weights_only=True)
        tensors = _named(content["weights"], content["average"], content["optimizer"]["state"])
    best = None if content["best_elbo"] == -math.inf else content["best_elbo"]
    return tensors, _progress(content["step"], best, content["history"])


def _progress(step: object, best_elbo: object, history: object) -> Progress:
    found = _Checked.model_validate({"step": step, "best_elbo": best_elbo, "history": history})
    return Progress(found.step, -math.inf if found.best_elbo is None else found.best_elbo, found.history)


def _check(found: Progress, steps: int, steps_per_epoch: int) -> None:
    if found.step > steps:
        raise CheckpointError(f"it says {found.step:,} steps are done, of {steps:,}")
    if len(found.history) != (epochs := found.step // steps_per_epoch):
        raise CheckpointError(f"it has a learning curve of {len(found.history):,} epochs after {epochs:,}")
    if found.best_elbo != max((row["elbo"] for row in found.history), default=-math.inf):
        raise CheckpointError("its best ELBO is none of its learning curve")


def _check_shapes(tensors: Mapping[str, Tensor], expected: dict[str, tuple[int, ...]], step: int) -> None:
    # A weight that the loss never reaches has no moments; the others have all three.
    moved = {name.rpartition(".")[0] for name in tensors if name.startswith("optimizer.")}
    needed = {name for name in expected if name.rpartition(".")[0] in moved or not name.startswith("optimizer.")}
    if step and not moved:
        raise CheckpointError("it has no moments of the optimizer")
    if not needed <= set(tensors) <= set(expected):
        odd = sorted((needed - set(tensors)) | (set(tensors) - set(expected)))[0]
        raise CheckpointError(f"it is of another model: {odd[:100]!r}")
    for name, value in tensors.items():
        if not isinstance(value, Tensor) or tuple(value.shape) != expected[name]:
            raise CheckpointError(f"it is of another model: {name[:100]!r} has another shape")


def _named(weights: dict, average: dict, moments: dict) -> dict[str, Tensor]:
    parts = {"weights": weights, "average": average}
    parts |= {f"optimizer.{number}": held for number, held in moments.items()}
    return {f"{part}.{name}": value for part, held in parts.items() for name, value in held.items()}


def _digest(header: dict, tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
