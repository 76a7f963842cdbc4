"""Run -> landscape: log p expanded around the mean training image, and along the contrast of single images."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from hvae import __version__
from hvae.datasets import LOOSE, ImageSet, content_index
from hvae.datasets.families import FAMILIES
from hvae.errors import ConfigError, DataError
from hvae.measuring.noise import EvaluationNoise
from hvae.measuring.scorer import Scorer
from hvae.models.blocks import fold_weight_norm
from hvae.models.contract import Model
from hvae.runs.checkpoints import load_checkpoint
from hvae.runs.folders import RunEntry
from hvae.runs.measured.landscapes import CONTRASTS, Curve, Landscape, write_landscape
from hvae.runs.settings import Setting

MOST_DIMENSIONS = 4096
"""Of an image: the trace takes one Hessian-vector product a dimension."""
DRAWS = 4
"""Of the noise, where a density has any."""
_STATISTIC = "elbo"
"""log p(x) of a density that gives it, else the bound on it."""
MOST_IMAGES = 10_000
"""Of a set, whose moments are taken."""


def expansion(
    log_density: Callable[[Tensor], Tensor], x0: Tensor, step: Tensor, matrices: Tensor, batch_size: int = 64
) -> np.ndarray:
    """log p(x0), g'step, and 1/2 Tr(H M) for each of the matrices, (2 + m,) in nats; g gradient, H Hessian at x0.

    Exact: a Hessian-vector product a dimension, `batch_size` of them at once.

    Args:
        log_density: images (batch, channel, height, width) to log p (batch,), twice differentiable.
        x0: (channel, height, width).
        step: (dimension,) float64.
        matrices: (m, dimension, dimension) float64, symmetric.
        batch_size: bounds the memory; no value depends on it but by rounding.
    """
    size, found = x0.numel(), torch.zeros(2 + len(matrices), dtype=torch.float64, device=x0.device)
    for rows in torch.arange(size, device=x0.device).split(batch_size):
        x = x0.expand(len(rows), *x0.shape).clone().requires_grad_()
        values = log_density(x)
        (gradients,) = torch.autograd.grad(values.sum(), x, create_graph=True)
        gradients = gradients.flatten(1)
        chosen = gradients[torch.arange(len(rows), device=x0.device), rows].sum()
        # Where log p is linear in x there is no graph of its gradient: the Hessian is 0.
        products = torch.autograd.grad(chosen, x, materialize_grads=True)[0] if chosen.requires_grad else 0 * x.detach()
        products = products.flatten(1).double()
        found[2:] += (matrices[:, rows] * products).sum((1, 2)) / 2
        if rows[0] == 0:
            found[0], found[1] = values[0].detach(), gradients[0].detach().double() @ step
    return found.cpu().numpy()


def moments(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (dimension,) and covariance (dimension, dimension) of uint8 images (n, ...), white = 1."""
    flat = images.reshape(len(images), -1) / 255
    mean = flat.mean(0)
    flat -= mean
    return mean, flat.T @ flat / len(flat)


def measure_landscape(
    run: RunEntry,
    known: ImageSet,
    other: ImageSet,
    examples: Sequence[tuple[ImageSet, int]],
    *,
    limit: int = MOST_IMAGES,
    draws: int | None = None,
    seed: int = 0,
    batch_size: int = 64,
    accelerator: str = "auto",
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Measure and store the landscape of a run between fitted images and those of an OOD set; its path.

    Moments are those of at most `limit` images of each, spread evenly.
    `examples` are (set, row) of the images whose contrast is changed; their values are means over the draws, on common
    noise at every contrast. `draws` are those of the noise, 1 for a density without any; `batch_size` bounds the
    memory. `on_progress` is called with (passes begun, in all).

    Raises:
        CheckpointError: a damaged run.
        ConfigError: a model that is no density of whole pixel values, or of images too large.
        DataError: fewer than two images of a set.
    """
    if obstacle := unfit(run):
        raise ConfigError(obstacle)
    known, other = known.spread(limit), other.spread(limit)
    for images in (known, other):
        if len(images) < 2:
            raise DataError(f"{images.slug} ({images.split}): moments need at least 2 images")
    fabric = Fabric(accelerator=accelerator, devices=1, precision="32-true")
    checkpoint = load_checkpoint(run.path, fabric.device)
    model = fold_weight_norm(checkpoint.model).requires_grad_(False)
    column, exact = checkpoint.config.model.measured().index(_STATISTIC), not model.latent_shapes
    draws = 1 if exact else draws or DRAWS
    x0, step, matrices = (one.to(fabric.device) for one in _between(known, other))
    passes, total = 0, draws * -(-x0.numel() // batch_size)

    def log_density(x: Tensor, draw: int) -> Tensor:
        nonlocal passes
        passes += 1
        if on_progress:
            on_progress(passes, total)
        return _log_density(model, x, column, seed, draw)

    terms = [expansion(partial(log_density, draw=draw), x0, step, matrices, batch_size) for draw in range(draws)]
    scorer = Scorer(run.path, Setting(draws=draws, seed=seed), fabric, batch_size)
    curves = tuple(_curve(scorer, column, images, row) for images, row in examples)
    log_px, slope, curvature, own, offset = np.array(terms).T.tolist()
    found = Landscape(
        known=known.slug, other=other.slug, split=other.split, n_known=len(known), n_other=len(other),
        known_fingerprint=known.fingerprint, other_fingerprint=other.fingerprint, seed=seed, dimensions=x0.numel(),
        weights_sha256=checkpoint.weights_sha256, version=__version__, log_px=log_px, slope=slope, curvature=curvature,
        own=own, offset=offset, curves=curves,
    )  # fmt: skip
    return write_landscape(run.path, found)


def unfit(run: RunEntry) -> str | None:
    """Why a run can have no landscape, None where it can."""
    assert run.config is not None
    model, pixels = run.config.model, run.config.data.preprocessing
    if pixels != "integer" or _STATISTIC not in model.measured():
        return (
            f"{run.name}: a landscape needs a density of whole pixel values (data.preprocessing integer), this is a "
            f"{model.title} with {pixels}"
        )
    if model.dimensions > MOST_DIMENSIONS:
        return f"{run.name}: images of {model.dimensions:,} values are too large, {MOST_DIMENSIONS:,} at most"
    return None


def _between(known: ImageSet, other: ImageSet) -> tuple[Tensor, Tensor, Tensor]:
    """x0, the difference of the means, and the matrices of curvature, its diagonal and the offset (3, D, D)."""
    (usual, spread), (unusual, other_spread) = moments(known.images), moments(other.images)
    x0 = np.rint(255 * usual).astype(np.float32) / np.float32(255)
    between = other_spread - spread
    offset = np.outer(unusual - x0, unusual - x0) - np.outer(usual - x0, usual - x0)
    matrices = np.stack([between, np.diag(np.diag(between)), offset])
    return torch.from_numpy(x0).reshape(known.shape), torch.from_numpy(unusual - usual), torch.from_numpy(matrices)


def _log_density(model: Model, x: Tensor, column: int, seed: int, draw: int) -> Tensor:
    """log p(x), (batch,), under one draw of the noise, the same for every image."""
    same = np.zeros(len(x), np.int64)

    def noise(samples: Sequence[int]) -> EvaluationNoise:
        return EvaluationNoise(seed, LOOSE, same, draw, samples, model.latent_shapes, x.device)

    return model.measure(x, noise, reading="mean", samples=1, per_pass=1)[:, column]


def _curve(scorer: Scorer, column: int, images: ImageSet, row: int) -> Curve:
    one = images.images[row : row + 1]
    changed = np.concatenate([FAMILIES["contrast"].of(one, 1 - contrast, 0) for contrast in CONTRASTS])
    values = scorer.values(changed, LOOSE, np.full(len(changed), content_index(one[0])))
    log_px = tuple(values[:, :, column].mean(0).tolist())
    return Curve(slug=images.slug, split=images.split, fingerprint=images.fingerprint, example=row, log_px=log_px)
