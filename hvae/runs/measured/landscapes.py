"""Landscapes: how log p of a run changes around its mean training image, and with the contrast of images. No torch.

One small JSON file an OOD set, `landscape/<slug>.json`. It names the weights and the images it was made with.
"""

from __future__ import annotations

import errno
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, ValidationError, model_validator

from hvae.config import Frozen, first_problem
from hvae.errors import TableError
from hvae.files import write_text
from hvae.inputs import read_bytes
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import RunEntry
from hvae.runs.measured.usable import usable
from hvae.stats.arrays import Floats

FOLDER = "landscape"
CONTRASTS = tuple(step / 10 for step in range(21))
"""0 leaves the mean of an image everywhere, 1 the image as it is, 2 is twice as far from its mean."""
MAXIMUM_BYTES = 200_000
_Slug = Annotated[str, Field(pattern=r"^[\w-]+$", max_length=120)]
_Split = Annotated[str, Field(pattern=r"^[a-z]+$", max_length=40)]
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Nats = Annotated[tuple[float, ...], Field(min_length=1, max_length=1000)]


class Curve(Frozen):
    """log p of one image at each of the `CONTRASTS`, in nats, the mean over the draws."""

    slug: _Slug
    split: _Split
    fingerprint: _Digest
    """Of the whole split."""
    example: Annotated[int, Field(ge=0)]
    log_px: Annotated[tuple[float, ...], Field(min_length=len(CONTRASTS), max_length=len(CONTRASTS))]


class Landscape(Frozen):
    """The expansion of log p around x0, the mean training image in whole pixel values, and curves over the contrast.

    With q the OOD set, p the training set, g and H gradient and Hessian of log p at x0, to second order

        E_q log p - E_p log p = slope + curvature + offset,

    where slope = g'(E_q x - E_p x), curvature = 1/2 Tr{H (Sigma_q - Sigma_p)} (Nalisnick et al., 2019, sec. 5), and the
    offset is what their equal means leave out, 1/2 (d_q'H d_q - d_p'H d_p) with d = E x - x0. `own` is the part of the
    curvature that the variances give, without what pixels do together. All are in nats, one value a draw of the noise.
    """

    schema_version: Literal[1] = 1
    known: _Slug
    other: _Slug
    split: _Split
    """Of the OOD set."""
    n_known: Annotated[int, Field(ge=2)]
    n_other: Annotated[int, Field(ge=2)]
    known_fingerprint: _Digest
    other_fingerprint: _Digest
    """Of the images whose moments these are; those of the training set were fitted."""
    seed: Annotated[int, Field(ge=0)]
    dimensions: Annotated[int, Field(ge=1)]
    weights_sha256: _Digest
    version: Annotated[str, Field(max_length=40)]
    log_px: _Nats
    """At x0."""
    slope: _Nats
    curvature: _Nats
    own: _Nats
    offset: _Nats
    curves: Annotated[tuple[Curve, ...], Field(max_length=32)] = ()
    content_sha256: Annotated[str, Field(max_length=64)] = ""
    """Of all else, in its file alone; empty in files of versions before."""

    @model_validator(mode="after")
    def _as_many(self) -> Landscape:
        if len({len(one) for one in (self.log_px, self.slope, self.curvature, self.own, self.offset)}) > 1:
            raise ValueError("every term needs one value a draw")
        return self

    @property
    def path(self) -> Path:
        """Below the folder of the run."""
        return Path(FOLDER, f"{self.other}.json")

    @property
    def options(self) -> str:
        """Of `hvae score RUN`, to measure it again."""
        return f"--landscape --data {self.other}"

    def is_of(self, weights: str | None, depth: int | None) -> bool:
        """Whether it is of the weights with this SHA-256, any where None; it keeps no depth."""
        return weights in (None, self.weights_sha256)

    @property
    def draws(self) -> int:
        """Draws of the noise R; 1 for a density without any, whose values are exact."""
        return len(self.log_px)

    @property
    def together(self) -> tuple[float, ...]:
        """The expansion to second order, one value a draw."""
        return tuple(map(sum, zip(self.slope, self.curvature, self.offset, strict=True)))


def mean_and_error(values: Sequence[float] | Floats) -> tuple[float, float]:
    """Mean of a term and its standard error over the draws, 0 for a single value, which is exact."""
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return float(np.mean(values)), error


def observed(run: RunEntry, landscape: Landscape) -> tuple[float, float] | None:
    """E_q log p - E_p log p in nats and its standard error by the run's score tables; None where they lack a set.

    E_p is over images of the training set's kind that were not fitted.
    """
    found = catalogue(run)
    for setting in found.settings(landscape.known):
        entries = [found.find(slug, setting) for slug in (landscape.other, landscape.known)]
        if all(entries):
            (other, its), (known, own) = (mean_and_error(found.read(entry).bound(0)) for entry in entries if entry)
            return other - known, math.hypot(its, own)
    return None


def write_landscape(run: Path, landscape: Landscape) -> Path:
    """Store a landscape in a run's folder, atomically."""
    path = run / landscape.path
    held = landscape.model_copy(update={"content_sha256": _content_hash(landscape)})
    write_text(path, held.model_dump_json(indent=1))
    return path


def _content_hash(landscape: Landscape) -> str:
    return hashlib.sha256(landscape.model_dump_json(exclude={"content_sha256"}).encode()).hexdigest()


def read_landscape(path: Path) -> Landscape:
    """Read and verify a landscape; its size is checked before it is opened.

    Raises:
        TableError: no landscape, damaged, too large, of another version, or under another name than its set's.
    """
    again = f"measure it again with hvae score RUN --landscape --data {path.stem}"
    try:
        found = Landscape.model_validate_json(read_bytes(path, MAXIMUM_BYTES))
    except ValidationError as error:
        raise TableError(f"{path.name} is no landscape ({first_problem(error)}): {again}") from None
    except OSError as error:
        problem = "is larger than any landscape" if error.errno == errno.EFBIG else "cannot be read"
        raise TableError(f"{path.name} {problem} ({error.strerror}): {again}") from None
    if path.stem != found.other:
        raise TableError(f"{path.name} holds the landscape of {found.other}: {again}")
    if found.content_sha256 not in ("", _content_hash(found)):
        raise TableError(f"{path.name} is not what was written: its values have another hash; {again}")
    return found.model_copy(update={"content_sha256": ""})


def landscape_paths(run: Path) -> list[Path]:
    """Files of a run's folder that ought to be landscapes, sorted; none is opened."""
    return sorted((run / FOLDER).glob("*.json"))


def landscapes(run: RunEntry) -> tuple[list[Landscape], list[str]]:
    """The landscapes of a run by the name of their set, and one line for each that may not be used, see `usable`."""
    return usable(run, landscape_paths(run.path), read_landscape)
