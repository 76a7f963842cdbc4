"""Run folders with made-up but plausible contents: for tests, and for looking at the dashboard without training.

The numbers show what real runs show: sets unlike the training set may have HIGHER likelihoods than it, while
LLR^{>k} sets them apart. Nothing here is a measurement.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hvae.config import DataConfig, ModelConfig, RunConfig, RunFile, TrainingConfig
from hvae.datasets import ImageSet
from hvae.datasets.families import FAMILIES
from hvae.models.hierarchical_config import BlockConfig, Family, HierarchicalConfig, LatentConfig, StageConfig
from hvae.runs import pixel_tables
from hvae.runs.catalogue import weights_hash
from hvae.runs.measured.cards import UNALTERED, Card, CardMetadata, write_card
from hvae.runs.measured.landscapes import CONTRASTS, Curve, Landscape, write_landscape
from hvae.runs.score_tables import KEYS, ScoreTable, TableMetadata, write_table
from hvae.runs.settings import Setting

WHOLE = {"digits": "all", "digits-as-32x32-colour": "all"}
"""Split that stands for a whole data set, where it is not `test`."""
PARTS = ("reference", "calibration", "fitted")

# Mean and standard deviation of -ELBO in bits/dim, and mean of LLR^{>k} in nats relative to the own set's.
_OUTSIDE = {
    "mnist": (0.317, 0.045, 2.6),
    "notmnist": (0.62, 0.14, 5.5),
    "digits": (0.36, 0.06, 3.0),
    "glyphs": (0.41, 0.08, 3.6),
    "fashionmnist": (0.72, 0.17, 5.0),
    "mnist-as-32x32-colour": (3.1, 0.3, 2.6),
    "digits-as-32x32-colour": (3.6, 0.3, 3.0),
}
_INSIDE = {"fashionmnist": (0.43, 0.13), "mnist": (0.15, 0.03), "cifar10": (5.1, 0.8)}
_READING_FACTOR = {"mean": 1.0, "sample": 0.75, "auxiliary": 0.6, "early-release": 1.2}


def tiny_model(
    depth: int = 3,
    image_shape: tuple[int, int, int] = (1, 28, 28),
    family: Family = "bottom-up",
    whole: bool = False,
) -> HierarchicalConfig:
    """A hierarchy of 4-channel stages that halve the map as often as it stays even; a logistic mixture if `whole`."""
    stages, side = [], image_shape[1]
    for level in range(depth):
        stride = 2 if side % 2 == 0 and side > 4 else 1
        side //= stride
        latent = LatentConfig(kind="conv", size=2) if level == 0 else LatentConfig(kind="dense", size=4)
        stages.append(StageConfig(blocks=(BlockConfig(channels=4, kernel=3, stride=stride),), latent=latent))
    likelihood = "logistic-mixture" if whole else "bernoulli"
    return HierarchicalConfig(
        family=family, image_shape=image_shape, stages=tuple(stages), likelihood=likelihood, skips=family != "top-down"
    )


def make_run(
    root: Path,
    name: str,
    depth: int = 3,
    image_shape: tuple[int, int, int] = (1, 28, 28),
    trained: bool = False,
    seed: int = 0,
    data: str = "fashionmnist",
    family: Family = "bottom-up",
    whole: bool | None = None,
    model: ModelConfig | None = None,
) -> Path:
    """Write a run folder: `config.json` and `history.csv`; with `trained` a tiny model of random weights as well.

    Its pixels are `whole` values or binarised; where nothing is said, those of colour images are whole. A `model` of
    another kind takes the place of the tiny hierarchy; it cannot be `trained`.

    Returns:
        The folder, `root / name`.
    """
    run = root / name
    run.mkdir(parents=True, exist_ok=True)
    whole = image_shape[0] == 3 if whole is None else whole
    config = RunConfig(
        preset="tiny",
        model=model or tiny_model(depth, image_shape, family, whole),
        data=DataConfig(name=data, preprocessing="integer" if whole else "binarise"),
        training=TrainingConfig(epochs=4, seed=seed),
    )
    (run / "config.json").write_text(config.to_json() + "\n")
    _history(depth, seed).to_csv(run / "history.csv", index=False)
    if trained:
        import torch

        from hvae.models.blocks import data_dependent_initialisation
        from hvae.models.hierarchical import HierarchicalVAE
        from hvae.models.latents import generator_noise
        from hvae.models.proposal import elbo_proposal
        from hvae.runs.checkpoints import save_weights

        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = HierarchicalVAE(config.model)
            if image_shape[0] == 3:
                # The mixture has no bound on its scales: only an initialised model gives images finite numbers.
                images = torch.randint(0, 256, (16, *image_shape)) / 255
                with torch.no_grad(), data_dependent_initialisation(model):
                    model(images, elbo_proposal(depth), generator_noise(16, torch.Generator().manual_seed(seed)))
            save_weights(run, model.state_dict(), config)
    return run


def make_tables(
    run: Path,
    sets: Sequence[str] = ("fashionmnist", "mnist", "notmnist"),
    n: int = 300,
    readings: Sequence[str] = ("mean",),
    draws: Sequence[int] = (1,),
    samples: Sequence[int] = (1,),
    parts: bool = True,
    seed: int = 0,
    pixels: bool = False,
) -> list[Path]:
    """Write a score table of every set, and of the parts of the training set of the run's own, for every setting.

    The tables name the weights that the run has at the time, where it has any.

    Args:
        run: folder made by `make_run`.
        sets: slugs; each is scored whole.
        n: images in each table.
        readings: of L^{>k}.
        draws: values of R.
        samples: values of S.
        parts: whether the own set's reference, calibration and fitted parts are scored too.
        seed: named in the tables.
        pixels: whether the statistics of the pixels of every set are written too, below `HVAE_RUNS`.
    """
    config = RunFile.from_json((run / "config.json").read_bytes()).config
    written = []
    for slug in sets:
        splits = [WHOLE.get(slug, "test"), *(PARTS if parts and slug == config.data.name else ())]
        for split in splits:
            if pixels:
                images, reference = fingerprint(slug, split, n), fingerprint(config.data.name, "reference", n)
                pixel_tables.write(_pixels(config, slug, split, n), images)
                pixel_tables.write(_densities(config, slug, split, n), images, reference)
            for reading in readings:
                for s in samples:
                    for r in draws:
                        table = _table(config, slug, split, reading, s, r, n, seed, weights_hash(run) or "0" * 64)
                        written.append(write_table(run, table))
    return written


def make_card(run: Path, draws: int = 1, weights: str | None = None) -> Path:
    """Write a robustness card: `joint` sees more of every family the stronger it is, H all of some, LLR^{>1} nothing.

    Returns:
        Its path. The weights are those that the run has at the time, where it has any.
    """
    config = RunFile.from_json((run / "config.json").read_bytes()).config
    rows = []
    for family, strength, place in card_points():
        areas = {"joint": 0.5 + 0.08 * place, "LLR>1": 0.5 + 0.01 * place, "zlib": 0.6, "H": 0.9 if place else 0.5}
        for score, area in areas.items():
            interval = {"auroc": area, "auroc_low": area - 0.04, "auroc_high": min(1.0, area + 0.04)}
            rows.append({"family": family, "strength": strength, "score": score, **interval, "caught": area / 2})
    about = CardMetadata(
        slug=config.data.name,
        split="test",
        **Setting(draws=draws).fields,
        depth=config.model.depth,
        n=60,
        n_unaltered=60,
        n_calibration=100,
        budget=0.05,
        weights_sha256=weights or weights_hash(run) or "0" * 64,
        data_fingerprint=fingerprint(config.data.name, "test", 120),
        version="0.1.0",
    )
    return write_card(run, Card(pd.DataFrame(rows), about))


def make_landscape(
    run: Path, other: str = "mnist", weights: str | None = None, pictures: Sequence[ImageSet] = ()
) -> Path:
    """Write a landscape between the run's own set and another, by which the other is 102.5 nats likelier.

    The likelihood of the first image of each of the `pictures` rises by 100 nats as the contrast goes from 1 to 0. The
    weights are those that the run has at the time, where it has any.
    """
    config = RunFile.from_json((run / "config.json").read_bytes()).config
    heights = tuple(-900 - 100 * contrast for contrast in CONTRASTS)
    curves = [
        Curve(slug=one.slug, split=one.split, fingerprint=one.fingerprint, example=0, log_px=heights)
        for one in pictures
    ]
    found = Landscape(
        known=config.data.name,
        other=other,
        split="test",
        n_known=60,
        n_other=60,
        known_fingerprint=fingerprint(config.data.name, "fitted", 60),
        other_fingerprint=fingerprint(other, "test", 60),
        seed=0,
        dimensions=config.model.dimensions,
        weights_sha256=weights or weights_hash(run) or "0" * 64,
        version="0.1.0",
        log_px=(-1000.0, -1010.0),
        slope=(-20.0, -30.0),
        curvature=(120.0, 125.0),
        own=(300.0, 310.0),
        offset=(5.0, 5.0),
        curves=tuple(curves),
    )
    return write_landscape(run, found)


def card_points() -> list[tuple[str, float, int]]:
    """Every family and strength of a card, with the place of the strength from 1; first what is unaltered, 0."""
    points = [(one.name, float(s), at) for one in FAMILIES.values() for at, s in enumerate(one.strengths, start=1)]
    return [(UNALTERED, 0.0, 0), *points]


def fingerprint(slug: str, split: str, n: int) -> str:
    """Of the made-up images of a set, as their tables name it."""
    return hashlib.sha256(f"{slug}.{split}.{n}".encode()).hexdigest()


def _table(
    config: RunConfig, slug: str, split: str, reading: str, samples: int, draws: int, n: int, seed: int, weights: str
) -> ScoreTable:
    """One table; images keep their own difficulty over readings, samples and draws, only the noise changes."""
    depth = config.model.depth
    noise = np.random.default_rng(zlib.crc32(f"{slug}.{split}.{reading}.{samples}.{draws}.{seed}".encode()))
    images, difficulty = _difficulty(config, slug, split, n)
    factor = 1.0 if slug == config.data.name else _OUTSIDE.get(slug, (0.5, 0.1, 3.0))[2]
    level = images.gamma(6.0, 1 / 6.0, n)

    def jitter(scale: float) -> np.ndarray:
        return noise.normal(0, scale / np.sqrt(draws), n)

    frame = {"example": np.arange(n), "label": images.integers(0, 10, n)}
    elbo = -difficulty + jitter(15.0)
    frame["elbo"] = elbo
    frame["iw"] = elbo + np.log(samples) * 2.5 + (np.abs(jitter(2.0)) if samples > 1 else 0)
    for k in range(1, depth + 1):
        gap = 11.0 * k**1.3 * factor ** (1.0 if k == 1 else 0.55) * level * _READING_FACTOR[reading]
        frame[f"L>{k}"] = elbo - gap + jitter(4.0)
    ratios = {
        f"log_ratio_{layer}": -images.gamma(20, 1.6 / layer**1.5, n) + jitter(2.0) for layer in range(1, depth + 1)
    }
    frame["log_px"] = elbo - sum(ratios.values())
    frame |= ratios
    if "log_det" in config.model.measured():
        frame["log_pz"] = images.normal(-1100, 30, n)
        frame["log_det"] = elbo - frame["log_pz"]
    if draws > 1:
        frame |= {f"{name}_se": noise.gamma(40, 0.4 / np.sqrt(draws), n) for name in config.model.measured()}
    metadata = TableMetadata(
        data=slug,
        slug=slug,
        split=split,
        reading=reading,  # type: ignore[arg-type]
        samples=samples,
        draws=draws,
        seed=seed,
        depth=depth,
        dimensions=config.model.dimensions,
        preprocessing=config.data.preprocessing,
        precision="32-true",
        weights_sha256=weights,
        data_fingerprint=fingerprint(slug, split, n),
        version="0.1.0",
    )
    return ScoreTable(pd.DataFrame(frame)[[*KEYS, *config.model.statistics(draws)]], metadata)


def _difficulty(config: RunConfig, slug: str, split: str, n: int) -> tuple[np.random.Generator, np.ndarray]:
    """(what the rest of the images is drawn from, their mean -ELBO in nats): the same at every call."""
    images = np.random.default_rng(zlib.crc32(f"{slug}.{split}".encode()))
    own = slug == config.data.name
    mean, spread = _INSIDE.get(slug, (0.4, 0.1)) if own else _OUTSIDE.get(slug, (0.5, 0.1, 3.0))[:2]
    nats = config.model.dimensions * np.log(2)
    return images, images.gamma((mean / spread) ** 2, spread**2 / mean * nats, n)


def _pixels(config: RunConfig, slug: str, split: str, n: int) -> pd.DataFrame:
    """Statistics of the pixels: most of what makes an image unlikely is the noise of its grey values."""
    images, difficulty = _difficulty(config, slug, split, n)
    grey = images.beta(4, 4, n)
    return pd.DataFrame(
        {
            "input_entropy": (0.5 + 0.2 * grey) * difficulty,
            "grey_share": grey,
            "zlib_bytes": np.round(150 + difficulty),
            "png_bytes": np.round(190 + difficulty),
            "mean": 0.1 + 0.4 * grey,
            "sd": 0.1 + 0.3 * grey,
            "total_variation": 0.05 + 0.2 * grey,
            "ink": 0.5 * grey,
            "sharpness": 0.02 + 0.2 * grey,
        }
    )


def _densities(config: RunConfig, slug: str, split: str, n: int) -> pd.DataFrame:
    """The log density of the pixels, high where an image is easy."""
    images, difficulty = _difficulty(config, slug, split, n)
    return pd.DataFrame({"ppca_log_density": 2000 - difficulty + images.normal(0, 20, n)})


def _history(depth: int, seed: int, epochs: int = 4) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    progress = 1 - np.exp(-np.arange(1, epochs + 1) / 2)
    elbo = -420 + 185 * progress + random.normal(0, 1, epochs)
    ratios = {layer: -40 * progress / layer**1.5 for layer in range(1, depth + 1)}
    frame = pd.DataFrame({"epoch": np.arange(1, epochs + 1), "step": np.arange(1, epochs + 1) * 390})
    frame["train_elbo"] = elbo - 2
    frame["elbo"] = elbo
    frame["log_px"] = elbo - sum(ratios.values())
    for layer, ratio in ratios.items():
        frame[f"log_ratio_{layer}"] = ratio
        frame[f"active_units_{layer}"] = 392 if layer == 1 else 16 // layer
    frame["learning_rate"] = 1e-3 * (1 - progress * 0.9)
    frame["beta"] = np.minimum(1.0, np.arange(1, epochs + 1) / 2)
    frame["free_nats"] = 2 * (1 - progress)
    frame["images_per_second"] = 480.0
    return frame
