"""The precision that a run is scored in where nobody names one: bf16 where it is fast, near enough and changes nothing.

Tables are compared only where they agree in it, so one that is there already decides. Everything else follows from the
run, its own images and what the machine can do, so the same command gives the same table again.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric

from hvae.errors import DataError, TableError
from hvae.measuring.noise import noise_key
from hvae.measuring.scorer import Scorer
from hvae.runs.catalogue import Catalogue, catalogue
from hvae.runs.folders import RunEntry
from hvae.runs.images.training_set import load_splits
from hvae.runs.score_tables import TableMetadata, read_metadata
from hvae.runs.settings import Precision, Setting
from hvae.runs.shards import shards_of

IMAGES, DRAWS = 64, 2
"""Reference images that are scored in both precisions, and how often, each time under fresh noise."""
SHARE = 0.1
"""Of the Monte-Carlo error: what bf16 may change a score by."""
_PLAIN: Precision = "32-true"
_FAST: Precision = "bf16-mixed"


@dataclass(frozen=True)
class Choice:
    """A precision, and why in one line; no line where there was nothing to choose."""

    precision: Precision
    why: str = ""


@dataclass(frozen=True)
class Change:
    """What bf16 changes the scores of some images by, in nats: the one it does most to, by its Monte-Carlo error."""

    score: str
    error: float
    """Root of the mean square over images and draws, under the same noise in both precisions."""
    monte_carlo: float
    """Standard error of the score of an image, as a table holds it: over R draws."""

    @property
    def share(self) -> float:
        """The error in units of the Monte-Carlo error; infinite where nothing is random but bf16 changes something."""
        return 0.0 if self.error == 0 else self.error / self.monte_carlo if self.monte_carlo else float("inf")


def choose(run: RunEntry, how: Setting, *, accelerator: str = "auto", alone: bool = True) -> Choice:
    """The precision to score a run in, under a setting whose own precision is not looked at.

    Not `alone`, where other processes or machines make other parts of the table, nothing is chosen that they might
    choose otherwise.
    """
    found = catalogue(run)
    if (there := _there(found, how)) is not None:
        return Choice(there, f"{there}, as its tables of this setting are" if there != _PLAIN else "")
    plain = Fabric(accelerator=accelerator, devices=1, precision=_PLAIN)
    if not is_fast(plain.device):
        return Choice(_PLAIN)
    if not alone:
        return Choice(_PLAIN, f"{_PLAIN}, so that all parts agree; --precision {_FAST} is faster here")
    try:
        change = measured(run, how, plain, Fabric(accelerator=accelerator, devices=1, precision=_FAST))
    except DataError:
        return Choice(_PLAIN, f"{_PLAIN}: {_FAST} is checked on its own reference images, which are not here")
    nats = f"{change.score} of reference images by {change.error:.2g} nats"
    if change.share <= SHARE:
        why = f"{_FAST}: it changes {nats}, {change.share:.1%} of the Monte-Carlo error, and is faster here"
        return Choice(_FAST, why)
    why = f"{_PLAIN}: {_FAST} would change {nats}, where the Monte-Carlo error is {change.monte_carlo:.2g}"
    return Choice(_PLAIN, why)


def is_fast(device: torch.device) -> bool:
    """Whether a device computes in bf16 rather than imitating it; a CPU does by AMX or AVX-512 BF16."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    # Who limits the instructions of oneDNN has none of these, whatever the CPU could.
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", os.environ.get("DNNL_MAX_CPU_ISA", "")).upper()
    able = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return able and (limit in ("", "ALL", "DEFAULT") or "BF16" in limit or "AMX" in limit)


def measured(run: RunEntry, how: Setting, plain: Fabric, fast: Fabric) -> Change:
    """What bf16 changes the scores of some reference images of a run by; `DataError` where they are not there."""
    assert run.config is not None
    images = next(iter(load_splits(run, run.config.data.name, ["reference"]))).spread(IMAGES)
    index, key = np.arange(len(images)), noise_key(images.slug, images.split)
    found = []
    for fabric, precision in ((plain, _PLAIN), (fast, _FAST)):
        scorer = Scorer(run.path, replace(how, precision=precision, draws=DRAWS), fabric)
        found.append(_scores(scorer.columns, scorer.values(images.images, key, index)))
    changes = []
    for name, values in found[0].items():
        error = float(np.sqrt(np.mean((found[1][name] - values) ** 2)))
        monte_carlo = float(np.sqrt(values.var(0, ddof=1).mean() / how.draws))
        changes.append(Change(name, error, monte_carlo))
    return max(changes, key=lambda change: change.share)


def _scores(columns: list[str], values: np.ndarray) -> dict[str, np.ndarray]:
    """L_S and every LLR^{>k}, (draws, images) each, where a model has them; else all that is measured of it."""
    held = {name: values[..., place] for place, name in enumerate(columns)}
    bounds = {name: one for name, one in held.items() if name.startswith("L>")}
    if not bounds:
        return held
    return {"L": held["iw"]} | {f"LLR{name[1:]}": held["iw"] - one for name, one in bounds.items()}


def _there(found: Catalogue, how: Setting) -> Precision | None:
    """The precision of tables and shards of the same setting otherwise, those of the run's reference part first."""
    tables = sorted((one.metadata for one in found.entries), key=lambda one: one.split != "reference")
    weights = found.weights
    tables += [about for paths in shards_of(found.run.path).values() if (about := _metadata(paths[0])) is not None]
    same = (
        one for one in tables if one.weights_sha256 == weights and replace(one.setting, precision=how.precision) == how
    )
    return next((one.precision for one in same), None)


def _metadata(path: Path) -> TableMetadata | None:
    """Of a shard; None of a damaged one, which is refused when it is merged."""
    try:
        return read_metadata(path)
    except TableError:
        return None
