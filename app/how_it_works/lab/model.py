"""One image through a model with a latent changed, and the joint score of what comes of it, kept."""

from dataclasses import dataclass

import numpy as np
import torch

from app.frame.caching import kept
from app.how_it_works.controls import Example
from app.how_it_works.lab.asking import AS_IT_IS, EXCHANGE, PRIOR, Asked
from app.images import models
from app.looks.wording import signed, subscript
from app.reading import loading
from app.reading.choosing import PARTED
from app.reading.view import reference_part
from hvae.errors import TableError
from hvae.measuring.lab.changing import Changed, exchange, resample, traverse
from hvae.measuring.noise import EvaluationNoise, prepare
from hvae.models.hierarchical import HierarchicalVAE
from hvae.runs.checkpoints import Checkpoint
from hvae.runs.folders import RunEntry
from hvae.runs.settings import Setting
from hvae.scores import find
from hvae.stats.arrays import Floats

STEPS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
"""What a unit is moved by, in standard deviations of its prior."""
DRAWS = 5


@dataclass(frozen=True, eq=False)
class Answer:
    """What the model sees `(channel, height, width)`, each variant by its name, and their joint scores in nats.

    `own` is the place of the image as it is; without joint scores the `obstacle` says why.
    """

    seen: np.ndarray
    names: tuple[str, ...]
    own: int
    changed: Changed
    joint: Floats | None
    obstacle: str = ""


def answer(run: RunEntry, asked: Asked, one: Example, giver: Example | None, seed: int) -> Answer:
    """The change that is asked for, with the noise of `hvae score`; raises HvaeErrors."""
    stamps = [(each.images.fingerprint, each.key) for each in (one, giver) if each]
    name = models.stamp(run), _reference_stamp(run), asked, stamps, seed
    return kept("lab", name, lambda: _made(run, asked, one, giver, seed), "large")


def _made(run: RunEntry, asked: Asked, one: Example, giver: Example | None, seed: int) -> Answer:
    checkpoint = loading.checkpoint(run)
    model = checkpoint.layered("reconstruct")
    x, noise = _input(checkpoint, model, one, seed)
    symbol, own = asked.symbol, 0
    if asked.kind == EXCHANGE:
        assert giver is not None
        other, other_noise = _input(checkpoint, model, giver, seed)
        taken = {AS_IT_IS: range(0), symbol: range(asked.layer, asked.layer + 1)}
        if asked.layer < model.depth:
            taken[f"{symbol} to z{subscript(model.depth)}"] = range(asked.layer, model.depth + 1)
        if asked.layer > 1:
            taken["every z"] = range(1, model.depth + 1)
        first, *others = (exchange(model, x, noise, other, other_noise, layers) for layers in taken.values())
        names, changed = tuple(taken), first
        for each in others:
            changed = changed.joined(each)
    elif asked.kind == PRIOR:
        as_it_is = traverse(model, x, noise, asked.layer, 0, [0.0])
        drawn = resample(model, x, noise, asked.layer, DRAWS, torch.Generator().manual_seed(seed))
        names = AS_IT_IS, *(f"draw {number}" for number in range(1, DRAWS + 1))
        changed = as_it_is.joined(drawn)
    else:
        assert asked.unit is not None
        names = tuple(signed(step, 0) if step else AS_IT_IS for step in STEPS)
        changed, own = traverse(model, x, noise, asked.layer, asked.unit, STEPS), STEPS.index(0.0)
    return Answer(x.numpy()[0], names, own, changed, *_joint(run, checkpoint, changed))


def _input(
    checkpoint: Checkpoint, model: HierarchicalVAE, one: Example, seed: int
) -> tuple[torch.Tensor, EvaluationNoise]:
    key = models.key_of(one.images)
    x = prepare(one.images.images, checkpoint.config.data.preprocessing, seed, key, one.index)
    return x, EvaluationNoise(seed, key, one.index, 0, [0], model.latent_shapes)


def _reference_stamp(run: RunEntry) -> str:
    entry = reference_part(loading.catalogue(run), Setting())
    return loading.stamp(entry) if entry else ""


def _joint(run: RunEntry, checkpoint: Checkpoint, changed: Changed) -> tuple[Floats | None, str]:
    """(joint score of each variant, empty), or (None, why there is none)."""
    found = loading.catalogue(run)
    entry = reference_part(found, Setting())
    if entry is None:
        return None, f"The joint score is fitted to images that are not scored: hvae score {run.name} --split reference"
    reference = loading.table(found, entry)
    if reference.metadata.weights_sha256 != checkpoint.weights_sha256:
        return None, "The joint score would be fitted to a table that other weights made"
    try:
        return find(PARTED)().of(changed.table(reference.metadata, run.name), reference), ""
    except TableError as error:
        return None, str(error)
