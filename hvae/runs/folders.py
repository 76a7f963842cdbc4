"""Run folders as they lie on disk. Imports no torch, so pages open at once."""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pandas as pd

from hvae.config import Ability, RunConfig, RunFile
from hvae.errors import ConfigError, HvaeError, TableError, first_line
from hvae.files import DASHBOARD
from hvae.inputs import named_path, opened, read_bytes

RESUME_FILE, FORMER_RESUME_FILE = "resume.safetensors", "resume.pt"
"""What a stopped training goes on from, and what versions before it left."""
MAXIMUM_CONFIG_BYTES = 1_000_000
MAXIMUM_HISTORY_BYTES = 50_000_000
BUNDLED_RUNS = DASHBOARD / "assets" / "runs"


@dataclass(frozen=True)
class RunEntry:
    """A run folder as found on disk."""

    name: str
    """Of the folder; unique among the runs found (the first root wins)."""
    path: Path
    config: RunConfig | None
    """None where it cannot be read."""
    problem: str | None
    """Why the run is damaged or has no weights, None where neither; weights are not opened here."""
    has_weights: bool

    @property
    def depth(self) -> int | None:
        """Number of latent layers L."""
        return None if self.config is None else self.config.model.depth

    def obstacle(self, ability: Ability) -> str | None:
        """Why the run cannot do something here: damaged, no weights, or a kind that cannot; None where it can."""
        if self.config is None or not self.has_weights:
            return self.problem
        return self.config.model.inability(ability)


def run_roots() -> list[Path]:
    """Folders that hold runs: `HVAE_RUNS` (default `runs/`, made when it is needed), then the bundled runs.

    Raises:
        ConfigError: `HVAE_RUNS` names something that is there and no folder.
    """
    own = named_path("HVAE_RUNS") or Path("runs")
    if os.path.lexists(own) and not own.is_dir():
        raise ConfigError(f"{own} is no folder, so it can hold no runs: name another one with HVAE_RUNS")
    return [own, BUNDLED_RUNS]


def find_runs(roots: list[Path] | None = None) -> list[RunEntry]:
    """Every folder with a `config.json` directly below the roots, in name order within each root."""
    found: dict[str, Path] = {}
    for root in run_roots() if roots is None else roots:
        for path in sorted(root.glob("*/config.json")):
            found.setdefault(path.parent.name, path.parent)
    return [_entry(path) for path in found.values()]


def find_run(name: str, roots: list[Path] | None = None) -> RunEntry:
    """The run of that name, or a folder given as a path; `HvaeError` names those there are."""
    found = {entry.name: entry for entry in find_runs(roots)}
    if name in found:
        return found[name]
    if (Path(name) / "config.json").is_file():
        return _entry(Path(name))
    known = ", ".join(found) or "none yet: train one with `hvae train`"
    raise HvaeError(f"there is no run '{name}'; runs found: {known}")


def _entry(path: Path) -> RunEntry:
    config, problem = None, None
    file, weights = path / "config.json", path / "model.safetensors"
    try:
        config = _configured(read_bytes(file, MAXIMUM_CONFIG_BYTES))
    except HvaeError as error:
        problem = str(error)
    except OSError as error:
        problem = f"config.json cannot be read: {error.strerror}"
    if problem is None and not weights.is_file():
        problem = missing_weights(path)
    return RunEntry(path.name, path, config, problem, weights.is_file())


@lru_cache(maxsize=1024)
def _configured(content: bytes) -> RunConfig:
    """The configuration that a file holds; runs are looked for each time that a page is drawn."""
    return RunFile.from_json(content).config


def is_resumable(folder: Path) -> bool:
    """Whether a run folder has what a training can go on from; its content is not looked at."""
    return any((folder / name).is_file() for name in (RESUME_FILE, FORMER_RESUME_FILE))


def tables_only(folder: Path) -> bool:
    """Whether a run was bundled without its weights: it has score tables and nothing to make or train a model of."""
    made_of = (folder / "model.safetensors").exists() or is_resumable(folder)
    return not made_of and any((folder / "scores").glob("*.parquet"))


def missing_weights(folder: Path) -> str:
    """Why a run folder has no weights, and where they would have to be; a clause without a full stop."""
    weights = folder / "model.safetensors"
    if os.path.lexists(weights):
        return f"{weights} is no regular file"
    if tables_only(folder):
        return f"bundled without its weights, which would have to be {weights}"
    return f"no weights yet: train it, or put those that belong to it at {weights}"


def read_history(run: Path) -> pd.DataFrame:
    """Learning curve of a run, one row an epoch; empty where there is none; `TableError` if the file is damaged."""
    path = run / "history.csv"
    try:
        with opened(path, MAXIMUM_HISTORY_BYTES) as file:
            return pd.read_csv(file)
    except FileNotFoundError:
        return pd.DataFrame()
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise TableError(f"{path} is damaged: {first_line(error)}") from None
