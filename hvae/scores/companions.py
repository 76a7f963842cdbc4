"""Companions of a run: other runs whose columns stand beside those of its tables, for scores that need several.

A *seed twin* has the same config but `training.seed`. A *background* model has the same model and images, mutated
(`data.mutation`), so it knows what is common to all images and not what these show (Ren et al., 2019); how long it was
trained may differ.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from hvae.config import RunConfig
from hvae.errors import TableError
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import KEYS, NAME, ScoreTable
from hvae.scores.backgrounds import Choice, rate

Companions = Mapping[str, Sequence[RunEntry]]
"""Companions of a run by what they are: `seed` and `background`."""


def find_companions(run: RunEntry, runs: Iterable[RunEntry]) -> dict[str, list[RunEntry]]:
    """Which of some runs are companions of one: its seed twins by seed, its background models by mutation.

    Of several runs with one seed, or one mutation, the first counts. A background model has twins and no background.
    """
    twins: dict[int, RunEntry] = {}
    backgrounds: dict[float, RunEntry] = {}
    if run.config is None:
        return {"seed": [], "background": []}
    seed, mutation, own, training = _apart(run.config)
    for other in runs:
        if other.config is None or other.path == run.path:
            continue
        its_seed, its_mutation, its_own, its_training = _apart(other.config)
        if its_own != own:
            continue
        if its_mutation == mutation and its_seed != seed and its_training == training:
            twins.setdefault(its_seed, other)
        elif its_seed == seed and its_mutation > 0 == mutation:
            backgrounds.setdefault(its_mutation, other)
    return {
        "seed": [twins[one] for one in sorted(twins)],
        "background": [backgrounds[one] for one in sorted(backgrounds)],
    }


def joined(table: ScoreTable, companions: Companions, chosen: Choice | None = None) -> ScoreTable:
    """A run's table with the columns that its companions have of the same images under the same setting.

    Every background model takes part as `background<percent>`, the chosen one, by default the only one, as `background`
    too. One that has not scored these images is named by `obstacle`.
    """
    about, backgrounds = table.metadata, companions.get("background", ())
    chosen = chosen or Choice(backgrounds[0] if len(backgrounds) == 1 else None)
    runs = {f"seed{number}": run for number, run in enumerate(companions.get("seed", ()), start=1)}
    runs |= {f"background{rate(run)}": run for run in backgrounds}
    runs |= {"background": chosen.run} if chosen.run else {}
    tables = {mark: _same_images(run, table) for mark, run in runs.items()}
    command = f"--data {about.data} --split {about.split} {about.setting.options}"
    why = {
        mark: f"{run.name} has not scored the same images: hvae score {run.name} {command}"
        for mark, run in runs.items()
        if tables[mark] is None
    }
    why |= {"background": chosen.problem} if chosen.problem else {}
    return replace(with_companions(table, tables), absent=why)


def with_companions(
    table: ScoreTable, companions: Mapping[str, ScoreTable | Sequence[ScoreTable | None] | None]
) -> ScoreTable:
    """A table with the columns of other runs' tables of the same images: `<column>@seed1` ..., `<column>@background`.

    The tables of seed twins keep their order, None standing for one that is not there.

    Raises:
        TableError: a table of other images, or under another setting.
    """
    columns: dict[str, Any] = {}
    for kind, given in companions.items():
        marked = {kind: given} if isinstance(given, ScoreTable) or given is None else _numbered(kind, given)
        for mark, other in marked.items():
            if other is not None:
                _require_alike(table, other)
                own = [name for name in other.frame if name not in (*KEYS, NAME) and "@" not in name]
                columns |= {f"{name}@{mark}": other.frame[name].to_numpy() for name in own}
    # At once: a frame that is given many columns one after the other is slow, and says so.
    beside = pd.DataFrame(columns, index=table.frame.index)
    return replace(table, frame=pd.concat([table.frame, beside], axis=1))


def _numbered(kind: str, tables: Sequence[ScoreTable | None]) -> dict[str, ScoreTable | None]:
    return {f"{kind}{number}": table for number, table in enumerate(tables, start=1)}


def _apart(config: RunConfig) -> tuple[int, float, dict[str, Any], dict[str, Any]]:
    """(seed, mutation, model and images, how it was trained): its preset is but a name."""
    own = config.model_dump(mode="json", exclude={"preset": True, "training": True, "data": {"mutation"}})
    return config.training.seed, config.data.mutation, own, config.training.model_dump(exclude={"seed"})


def _same_images(run: RunEntry, table: ScoreTable) -> ScoreTable | None:
    about = table.metadata
    found = catalogue(run)
    entry = found.find(about.slug, about.setting, (about.split,))
    alike = entry is not None and entry.metadata.data_fingerprint == about.data_fingerprint
    return found.read(entry) if entry is not None and alike else None


def _require_alike(table: ScoreTable, other: ScoreTable) -> None:
    own, its = table.metadata, other.metadata
    said = f"{own.slug} ({own.split}) of {table.run} and {its.slug} ({its.split}) of {other.run}"
    same = own.data_fingerprint == its.data_fingerprint != "" and table.frame["example"].equals(other.frame["example"])
    if not same:
        raise TableError(f"{said} are not the same images: score both runs on one set")
    for name in ("preprocessing", "reading", "samples", "draws", "seed", "precision", "noise"):
        if getattr(own, name) != getattr(its, name):
            raise TableError(
                f"{said} were measured with {name} = {getattr(own, name)} and {getattr(its, name)}, and they only "
                "compare alike: score one of them as the other"
            )
