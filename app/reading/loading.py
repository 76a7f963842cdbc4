"""Everything the pages read from disk, behind bounded caches. torch is imported only where a model is loaded."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.frame.caching import kept, of_file
from app.server import cores
from hvae.datasets import PARTS, is_known
from hvae.errors import DataError, HvaeError
from hvae.runs import catalogue as catalogues
from hvae.runs import folders, pixel_tables
from hvae.runs.catalogue import Catalogue, TableEntry
from hvae.runs.correlations.tables import CorrelationMetadata
from hvae.runs.folders import FORMER_RESUME_FILE, RESUME_FILE, RunEntry
from hvae.runs.images.outliers import unseen
from hvae.runs.images.sources import Source, locate, require_unchanged
from hvae.runs.images.training_set import part_of, training_set
from hvae.runs.measured import maps
from hvae.runs.measured.maps import LatentMap
from hvae.runs.score_tables import ScoreTable, TableMetadata, table_paths
from hvae.runs.states import RunState, is_written, learning_curve, run_state
from hvae.runs.tensor_files import read_header

if TYPE_CHECKING:
    from hvae.datasets import ImageSet
    from hvae.runs.checkpoints import Checkpoint

WEIGHTS = "model.safetensors"


def look() -> list[RunEntry]:
    """Every run found, `HVAE_RUNS` first; small files, read afresh so that a new run shows at once. For the router."""
    found = _found()
    st.session_state["_runs"] = found
    st.session_state["_pixels"] = {}
    return found


def runs() -> list[RunEntry]:
    """The runs that the router has found for this page, or all of them where no page is drawn."""
    seen = st.session_state.get("_runs") if get_script_run_ctx(suppress_warning=True) else None
    return _found() if seen is None else seen


def _found() -> list[RunEntry]:
    """Every run; where the server keeps it is no visitor's business."""
    found = folders.find_runs()
    return [replace(one, problem=one.problem and one.problem.replace(f"{one.path.parent}/", "")) for one in found]


catalogue = catalogues.catalogue
"""The score tables of a run that may be used; a file that did not change since is not read again."""


def table(found: Catalogue, entry: TableEntry) -> ScoreTable:
    """One score table, kept until the file changes. Raises a TableError where it is gone or damaged by now."""
    return kept("table", stamp(entry), lambda: found.read(entry))


def stamp(entry: TableEntry, reference: TableEntry | None = None) -> str:
    """Names a table as it is on disk, with the statistics of its pixels, also those beside a reference; for caches.

    A page asks for more than a hundred, and for most of them again and again: it looks for the pixels of a set once.
    """
    images = entry.metadata.data_fingerprint
    asked = [(images,)] if reference is None else [(images,), (images, reference.metadata.data_fingerprint)]
    held = st.session_state.get("_pixels") if get_script_run_ctx(suppress_warning=True) else None
    seen: dict[tuple[str, ...], int | None] = {} if held is None else held
    for one in asked:
        if one not in seen:
            path = pixel_tables.find(*one)
            seen[one] = path and path.stat().st_mtime_ns
    return f"{entry.path}@{entry.modified} {[seen[one] for one in asked]}"


def latent_map(run: RunEntry) -> LatentMap | None:
    """The map of a run, None where it has none. Raises a TableError where it cannot be used."""
    return of_file(f"map of {catalogue(run).weights}", run.path / maps.PATH, lambda path: maps.latent_map(run))


def history(run: RunEntry) -> pd.DataFrame:
    """Learning curve of a run, checked, one row an epoch; empty where there is none. Raises a TableError if damaged."""
    curve = of_file("history", run.path / "history.csv", lambda path: learning_curve(path.parent))
    return pd.DataFrame() if curve is None else curve


def state(run: RunEntry) -> RunState:
    """`hvae.runs.states.run_state`, looked at again when anything it depends on has changed."""
    paths = [run.path / name for name in ("history.csv", WEIGHTS, RESUME_FILE, FORMER_RESUME_FILE)]
    seen = [(path.stat().st_mtime_ns, path.stat().st_size) if path.is_file() else None for path in paths]
    present = run.path.is_dir(), is_written(run.path), bool(table_paths(run.path))
    epochs = run.config and run.config.training.epochs
    return kept("state", (run.path, run.problem, seen, present, epochs), lambda: run_state(run))


def images(name: str, split: str, split_seed: int = 0, image_shape: tuple[int, int, int] | None = None) -> ImageSet:
    """Images of a data set on this machine; shared, never to be written to. Raises a DataError where they are not."""
    return _images(name, split, split_seed, image_shape, os.environ.get("HVAE_DATA", ""))


@st.cache_resource(max_entries=6, show_spinner="Reading images")
def _images(name: str, split: str, split_seed: int, image_shape: tuple[int, int, int] | None, root: str) -> ImageSet:
    from hvae.datasets import load_part

    return load_part(name, split, split_seed, image_shape=image_shape)


Seen = ScoreTable | CorrelationMetadata
"""What says which images a run has seen: a table with one row each, or the metadata of one about a whole set."""


def about(seen: Seen) -> TableMetadata | CorrelationMetadata:
    """Which images these are."""
    return seen.metadata if isinstance(seen, ScoreTable) else seen


def scored_images(run: RunEntry, seen: Seen) -> ImageSet:
    """The images that a run has seen, in the order of the table; shared, so nobody may write to them.

    Raises a DataError if they are not on this machine, damaged, others than those seen, or one's own and moved.
    """
    named = about(seen)
    found = _whole(run, named.slug, named.split).spread(len(seen) if isinstance(seen, ScoreTable) else None)
    if named.data_fingerprint not in ("", found.fingerprint):
        raise DataError(
            f"the images of {named.slug} ({named.split}) on this machine are not those that {run.name} has scored, "
            "so none is shown: fetch them again, or score those that are here"
        )
    return found


def _whole(run: RunEntry, slug: str, split: str) -> ImageSet:
    """A split of a set under the name that the run knows it by."""
    shape, seed = (run.config.model.image_shape, run.config.data.split_seed) if run.config else ((1, 28, 28), 0)
    if is_known(slug):
        found = images(slug, split, seed, shape)
        return unseen(run.config, found) if run.config else found
    source = locate(run.path, slug)
    whole = _own_images(f"{source} {shape}", run.path, source, shape)
    # Under the name that its table has: noise depends on it, and the folder may have another one now.
    whole = replace(whole, name=slug, split=split)
    return part_of(whole, split, seed) if split in PARTS else whole


@st.cache_resource(max_entries=2, show_spinner="Reading images")
def _own_images(stamp: str, _run: Path, _source: Source, _shape: tuple[int, int, int]) -> ImageSet:
    whole = training_set(_source.place, _shape)
    require_unchanged(_run, _source, whole)
    return whole


def checkpoint(run: RunEntry) -> Checkpoint:
    """The model of a run on the CPU, in evaluation mode; imports torch. Raises a CheckpointError or ConfigError."""
    weights = run.path / WEIGHTS
    return _checkpoint(str(run.path), weights.stat().st_mtime_ns if weights.is_file() else 0)


@st.cache_resource(max_entries=2, show_spinner="Loading the model")
def _checkpoint(path: str, stamp: int) -> Checkpoint:
    from hvae.runs.checkpoints import load_checkpoint

    cores.spare_one()
    return load_checkpoint(Path(path))


def parameters(run: RunEntry) -> int | None:
    """How many there are, by the header of the file; None where there is none to read."""
    return of_file("parameters", run.path / WEIGHTS, _counted)


def _counted(path: Path) -> int | None:
    try:
        return sum(math.prod(tensor.shape) for tensor in read_header(path).values())
    except HvaeError:
        return None
