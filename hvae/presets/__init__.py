"""Named configurations: the paper's models, CPU-size ones, and a tiny one for tests."""

import difflib

from hvae.config import DataConfig, RunConfig
from hvae.errors import ConfigError
from hvae.presets import colour, grey, parts

# Name, model, data set and training; colour models see whole pixel values.
_TABLE = (
    ("fashionmnist", grey.PAPER_GREY, "fashionmnist", parts.PAPER_TRAINING),
    ("mnist", grey.PAPER_GREY, "mnist", parts.PAPER_TRAINING),
    ("fashionmnist-vae", grey.VAE_GREY, "fashionmnist", parts.PAPER_TRAINING),
    ("fashionmnist-lvae", grey.LVAE_GREY, "fashionmnist", parts.PAPER_TRAINING),
    ("fashionmnist-biva", grey.BIVA_GREY, "fashionmnist", parts.BIVA_TRAINING),
    ("fashionmnist-lite", grey.LITE_GREY, "fashionmnist", parts.LITE_TRAINING),
    ("mnist-lite", grey.LITE_GREY, "mnist", parts.LITE_TRAINING),
    ("digits-tiny", grey.TINY_GREY, "digits", parts.TINY_TRAINING),
    ("cifar10", colour.PAPER_COLOUR, "cifar10", parts.PAPER_TRAINING),
    ("svhn", colour.PAPER_COLOUR, "svhn", parts.PAPER_TRAINING),
    ("cifar10-4", colour.PAPER_COLOUR_4, "cifar10", parts.PAPER_TRAINING),
    ("svhn-4", colour.PAPER_COLOUR_4, "svhn", parts.PAPER_TRAINING),
    ("cifar10-vae", colour.VAE_COLOUR, "cifar10", parts.PAPER_TRAINING),
    ("cifar10-biva", colour.BIVA_COLOUR, "cifar10", parts.BIVA_TRAINING),
    ("svhn-biva", colour.BIVA_COLOUR, "svhn", parts.BIVA_TRAINING),
    ("celeba-biva", colour.BIVA_COLOUR, "celeba32", parts.BIVA_TRAINING),
    ("cifar10-lite", colour.LITE_COLOUR, "cifar10", parts.LITE_COLOUR_TRAINING),
    ("cifar10-biva-lite", colour.LITE_BIVA, "cifar10", parts.LITE_COLOUR_TRAINING),
)
_PRESETS = {
    name: RunConfig(
        preset=name,
        model=model,
        data=DataConfig(name=data, preprocessing="integer") if model.image_shape[0] == 3 else DataConfig(name=data),
        training=training,
    )
    for name, model, data, training in _TABLE
}


def names() -> list[str]:
    """Names of all presets."""
    return list(_PRESETS)


def preset(name: str) -> RunConfig:
    """The configuration of that name; `ConfigError` with the closest names if there is none."""
    if name in _PRESETS:
        return _PRESETS[name]
    close = difflib.get_close_matches(name, _PRESETS, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(close)}?" if close else f"the presets are {', '.join(_PRESETS)}"
    raise ConfigError(f"there is no preset '{name}': {hint}")
