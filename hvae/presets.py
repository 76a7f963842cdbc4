"""Named configurations: the paper's models, CPU-size ones, and a tiny one for tests."""

import difflib
from typing import Literal

from hvae.config import DataConfig, FreeBits, ModelConfig, RunConfig, TrainingConfig
from hvae.errors import ConfigError
from hvae.models.autoregressive.config import AutoregressiveConfig
from hvae.models.classifier.config import ClassifierConfig, HeadName
from hvae.models.flow.config import FlowConfig, ScaleConfig
from hvae.models.hierarchical_config import BlockConfig, HierarchicalConfig, LatentConfig, StageConfig

Block = tuple[int, Literal[1, 3, 5, 7], Literal[1, 2]]
"""(channels, kernel, stride)."""


def _stage(kind: Literal["conv", "dense"], size: int, *blocks: Block) -> StageConfig:
    """A stage from its latent and its blocks."""
    made = tuple(BlockConfig(channels=channels, kernel=kernel, stride=stride) for channels, kernel, stride in blocks)
    return StageConfig(blocks=made, latent=LatentConfig(kind=kind, size=size))


PAPER_TRAINING = TrainingConfig(
    epochs=1000, batch_size=128, learning_rate=3e-4, schedule="constant", learning_rate_warm_up=0.0, ema=0.0
)
"""Schedules of the paper: Adam at 3e-4 without decay or moving average, warm-up over 200 epochs, free bits to 400."""

_BY_CHANNEL = FreeBits(nats=0.5, unit="channel", average="minibatch", constant=0.2, gone=0.4)
BIVA_TRAINING = PAPER_TRAINING.model_copy(update={"ema": 0.999, "free_bits": _BY_CHANNEL})
"""The paper's schedule with a moving average, and free bits that hold many layers (see `LITE_COLOUR_TRAINING`)."""

LITE_TRAINING = TrainingConfig(
    epochs=10, batch_size=64, learning_rate=1e-3, free_bits=FreeBits(constant=0.1, gone=0.2), checkpoint_every=400
)
"""Moving average, cosine decay and small batches reach a given validation ELBO in far fewer epochs."""

TOP_DOWN_TRAINING = LITE_TRAINING.model_copy(
    update={"epochs": 16, "beta_warm_up": 0.0, "free_bits": LITE_TRAINING.free_bits.model_copy(update={"nats": 0.0})}
)
"""The ELBO itself from the first step: no layer of a top-down model has to be kept alive."""

TINY_TRAINING = TrainingConfig(
    epochs=3,
    batch_size=64,
    learning_rate=3e-3,
    ema=0.9,
    precision="32-true",
    checkpoint_every=5,
    free_bits=FreeBits(nats=0.5),
)

LITE_COLOUR_TRAINING = LITE_TRAINING.model_copy(
    update={"free_bits": _BY_CHANNEL.model_copy(update={"constant": 0.3, "gone": 0.6})}
)
"""Free bits by channel and minibatch (Kingma et al., 2016): by element and example they do not hold the many upper
layers, whose divergences fell within 50 steps to a tenth of the floor."""

FLOW_TRAINING = LITE_TRAINING.model_copy(update={"epochs": 20, "learning_rate_warm_up": 0.05})
"""Without latent layers nothing has to be kept alive; a flow begins more gently."""

CLASSIFIER_TRAINING = TrainingConfig(
    epochs=8, batch_size=128, learning_rate=5e-3, ema=0.99, precision="32-true", checkpoint_every=400
)
OUTLIER_TRAINING = CLASSIFIER_TRAINING.model_copy(update={"epochs": 4})
"""Half of the images are outliers, so an epoch takes twice as long."""


# `padding`: models of the paper's size stride as the released code does; those for CPUs keep what they began with.
PAPER_GREY = HierarchicalConfig(
    padding="same",
    same_shape_skip="drop",
    stages=(
        _stage("conv", 8, (64, 5, 1), (64, 5, 1), (64, 5, 2)),
        _stage("dense", 16, (64, 3, 1), (64, 3, 1), (64, 3, 2)),
        _stage("dense", 8, (64, 3, 1), (64, 3, 1), (64, 3, 1)),
    ),
)
"""Havtorn et al. (2021), grey images, L = 3, as released: latents 8x14x14, 16 and 8; 2,620,258 parameters."""

VAE_GREY = HierarchicalConfig(padding="same", stages=(_stage("dense", 32, (64, 5, 1), (64, 5, 2), (64, 3, 2)),))
"""A plain VAE: one latent of 32 units."""

LVAE_GREY = PAPER_GREY.model_copy(update={"family": "ladder", "same_shape_skip": "project"})
"""The stages and latents of the paper's model under the inference of Sonderby et al. (2016)."""

BIVA_GREY = HierarchicalConfig(
    padding="same",
    family="bidirectional",
    stages=(
        _stage("conv", 8, (64, 5, 1), (64, 5, 2)),
        _stage("conv", 8, (64, 3, 1), (64, 3, 1)),
        _stage("conv", 8, (64, 3, 1), (64, 3, 2)),
        _stage("conv", 8, (64, 3, 1), (64, 3, 1)),
        _stage("dense", 16, (64, 3, 1), (64, 3, 1)),
        _stage("dense", 8, (64, 3, 1), (64, 3, 1)),
    ),
)
"""BIVA of six layers, as Maaloe et al. (2019) use for MNIST: two latents of 14x14, two of 7x7, then 16 and 8 units."""

LITE_GREY = HierarchicalConfig(
    same_shape_skip="drop",
    stages=(
        _stage("conv", 8, (16, 3, 1), (16, 3, 1), (32, 3, 2)),
        _stage("dense", 16, (32, 3, 1), (32, 3, 1), (32, 3, 2)),
        _stage("dense", 8, (32, 3, 1), (32, 3, 1), (32, 3, 1)),
    ),
)
"""The same hierarchy and latents for CPUs: 16 channels at 28x28, 32 below, 3x3 kernels.

Chosen on the validation ELBO after equal training time against 32 channels throughout and against halving the image
in the first block. As in the released grey model no skip goes past z_1 in the inference walk: with one, z_1
collapses to less than a nat within a few epochs, because z_2 then sees the image without it.
"""

VDVAE_GREY = LITE_GREY.model_copy(update={"family": "top-down", "skips": False, "same_shape_skip": "project"})
"""The same stages and latents, all of which add to one running state: in equal time a better ELBO, no layer dead."""

TINY_GREY = HierarchicalConfig(
    stages=(
        _stage("conv", 2, (8, 3, 2)),
        _stage("dense", 8, (8, 3, 2)),
        _stage("dense", 4, (8, 3, 1)),
    )
)
"""A few thousand weights, for tests."""


_FACTS = {"image_shape": (3, 32, 32), "likelihood": "logistic-mixture"}
_RELEASED = {**_FACTS, "padding": "same", "likelihood_kernel": 1, "likelihood_activation": False}
"""As the released code strides and reads its mixture of logistics."""

PAPER_COLOUR = HierarchicalConfig(
    **_RELEASED,
    same_shape_skip="drop",
    stages=(
        _stage("conv", 128, (256, 5, 1), (256, 5, 1), (256, 5, 2)),
        _stage("conv", 64, (256, 3, 1), (256, 3, 1), (256, 3, 2)),
        _stage("dense", 32, (256, 3, 1), (256, 3, 1), (256, 3, 2)),
    ),
)
"""Havtorn et al. (2021), colour images, L = 3, as released: latents 128x16x16, 64x8x8 and 32; 37,013,064 parameters."""

PAPER_COLOUR_4 = PAPER_COLOUR.model_copy(
    update={
        "stages": (
            *PAPER_COLOUR.stages[:2],
            _stage("conv", 32, (256, 3, 1), (256, 3, 1), (256, 3, 2)),
            _stage("dense", 32, (256, 3, 1), (256, 3, 1), (256, 3, 1)),
        )
    }
)
"""L = 4, as the paper says of its colour models; the latent of 32x4x4 below the top is our choice."""

VAE_COLOUR = HierarchicalConfig(
    **_RELEASED,
    stages=(_stage("dense", 128, (128, 5, 2), (128, 3, 2), (128, 3, 1), (128, 3, 2)),),
)
"""A plain VAE: one latent of 128 units."""

_SAME: tuple[Block, ...] = ((128, 3, 1), (128, 3, 1))
_HALVED: tuple[Block, ...] = ((128, 3, 1), (128, 3, 2))
BIVA_COLOUR = HierarchicalConfig(
    family="bidirectional",
    **_RELEASED,
    stages=(
        _stage("conv", 16, (128, 5, 1), (128, 5, 2)),
        *(_stage("conv", 16, *_SAME),) * 3,
        _stage("conv", 8, *_HALVED),
        *(_stage("conv", 8, *_SAME),) * 3,
        _stage("conv", 8, *_HALVED),
        _stage("dense", 64, *_SAME),
    ),
)
"""BIVA of the paper's depth, L = 10, on a GPU: four latents of 16x16, four of 8x8, one of 4x4, and 64 units at the top.

Maaloe et al. (2019) give depths and resolutions; channels are our choice.
"""

LITE_COLOUR = HierarchicalConfig(
    **_FACTS,
    stages=(
        _stage("conv", 16, (32, 3, 2)),
        _stage("conv", 8, (32, 3, 1), (32, 3, 2)),
        _stage("dense", 32, (32, 3, 1), (32, 3, 2)),
    ),
)
"""L = 3 for CPUs: latents 16x16x16, 8x8x8 and 32, the image halved in the first block.

Unlike in `LITE_GREY` z_1 does not collapse where a skip goes past it, and z_2 and z_3 tell more.
"""

_MID: tuple[Block, ...] = ((128, 3, 1), (128, 3, 1), (128, 3, 2))
MID_COLOUR = HierarchicalConfig(
    **_FACTS, stages=(_stage("conv", 32, *_MID), _stage("conv", 16, *_MID), _stage("dense", 32, *_MID))
)
"""The paper's colour model at half its width, its latents a quarter as wide, for a GPU and some minutes."""

LITE_BIVA = HierarchicalConfig(
    family="bidirectional",
    **_FACTS,
    stages=(
        _stage("conv", 4, (48, 3, 2)),
        *(_stage("conv", 4, (48, 3, 1)),) * 3,
        _stage("conv", 4, (48, 3, 2)),
        *(_stage("conv", 4, (48, 3, 1)),) * 3,
        _stage("conv", 4, (48, 3, 2)),
        _stage("dense", 32, (48, 3, 1)),
    ),
)
"""L = 10 for CPUs: four latents of 16x16, four of 8x8 and one of 4x4, of 4 channels a part, and 32 units at the top."""

FLOW_GREY = FlowConfig(scales=(ScaleConfig(steps=10, channels=128),) * 2)
"""Glow at 14x14 and 7x7, for CPUs: a quarter of the width of Kingma & Dhariwal (2018) and a third of the depth."""

FLOW_GREY_CONSTANT = FLOW_GREY.model_copy(update={"volume": "constant"})
"""The same with translations alone."""

FLOW_COLOUR = FlowConfig(
    image_shape=(3, 32, 32), scales=tuple(ScaleConfig(steps=steps, channels=96) for steps in (12, 10, 6))
)
"""Glow at 16x16, 8x8 and 4x4."""

PIXELCNN_GREY = AutoregressiveConfig(channels=32, blocks=(2, 1, 1))
"""PixelCNN++ for CPUs, with 32 channels in place of the 160 of Salimans et al. (2017)."""

PIXELCNN_COLOUR = AutoregressiveConfig(image_shape=(3, 32, 32), channels=40, blocks=(2, 2, 1))
"""The same for colour images."""

VAE8_GREY = HierarchicalConfig(
    likelihood="logistic-mixture", stages=(_stage("dense", 48, (32, 3, 1), (32, 3, 2), (32, 3, 2)),)
)
"""A plain VAE of whole grey values, to set beside the densities of 8-bit pixels."""

VDVAE_COLOUR = HierarchicalConfig(
    **_FACTS,
    family="top-down",
    skips=False,
    stages=(
        _stage("conv", 4, (96, 3, 1)),
        _stage("conv", 4, (96, 3, 1)),
        _stage("conv", 8, (96, 3, 2)),
        *(_stage("conv", 8, (96, 3, 1)),) * 3,
        _stage("conv", 8, (64, 3, 2)),
        _stage("conv", 8, (64, 3, 1)),
        _stage("conv", 16, (64, 3, 2)),
        _stage("dense", 32, (64, 3, 1)),
    ),
)
"""VDVAE of ten levels for a GPU: two latents of 32x32, four of 16x16, two of 8x8, one of 4x4, and 32 units on top."""


def _classifier(head: HeadName) -> ClassifierConfig:
    """Of ten classes of grey images, for CPUs."""
    return ClassifierConfig(head=head, outlier_weight=1.0 if head == "calibrated" else 0.5)


PHOTOS = HierarchicalConfig(
    image_shape=(3, 64, 64),
    likelihood="logistic-mixture",
    stages=(
        _stage("conv", 16, (64, 3, 1), (64, 3, 2)),
        _stage("conv", 16, (64, 3, 1), (64, 3, 2)),
        _stage("conv", 8, (64, 3, 1), (64, 3, 2)),
        _stage("dense", 64, (64, 3, 1), (64, 3, 2)),
    ),
)
"""L = 4 for photographs on a GPU: latents of 32x32, 16x16 and 8x8, and 64 units on top."""

OWN = "folder:"
"""The data set of presets for images of one's own, which `--data` has to name."""


# Name, model, data set and training.
_TABLE = (
    ("fashionmnist", PAPER_GREY, "fashionmnist", PAPER_TRAINING),
    ("mnist", PAPER_GREY, "mnist", PAPER_TRAINING),
    ("fashionmnist-vae", VAE_GREY, "fashionmnist", PAPER_TRAINING),
    ("fashionmnist-lvae", LVAE_GREY, "fashionmnist", PAPER_TRAINING),
    ("fashionmnist-biva", BIVA_GREY, "fashionmnist", BIVA_TRAINING),
    ("fashionmnist-lite", LITE_GREY, "fashionmnist", LITE_TRAINING),
    ("mnist-lite", LITE_GREY, "mnist", LITE_TRAINING),
    ("fashionmnist-vdvae-lite", VDVAE_GREY, "fashionmnist", TOP_DOWN_TRAINING),
    ("mnist-vdvae-lite", VDVAE_GREY, "mnist", TOP_DOWN_TRAINING),
    ("digits-tiny", TINY_GREY, "digits", TINY_TRAINING),
    ("cifar10", PAPER_COLOUR, "cifar10", PAPER_TRAINING),
    ("svhn", PAPER_COLOUR, "svhn", PAPER_TRAINING),
    ("cifar10-4", PAPER_COLOUR_4, "cifar10", PAPER_TRAINING),
    ("svhn-4", PAPER_COLOUR_4, "svhn", PAPER_TRAINING),
    ("cifar10-vae", VAE_COLOUR, "cifar10", PAPER_TRAINING),
    ("cifar10-biva", BIVA_COLOUR, "cifar10", BIVA_TRAINING),
    ("svhn-biva", BIVA_COLOUR, "svhn", BIVA_TRAINING),
    ("celeba-biva", BIVA_COLOUR, "celeba32", BIVA_TRAINING),
    ("cifar10-lite", LITE_COLOUR, "cifar10", LITE_COLOUR_TRAINING),
    ("cifar10-mid", MID_COLOUR, "cifar10", LITE_COLOUR_TRAINING.model_copy(update={"batch_size": 256, "epochs": 40})),
    ("cifar10-biva-lite", LITE_BIVA, "cifar10", LITE_COLOUR_TRAINING),
    ("fashionmnist-glow", FLOW_GREY, "fashionmnist", FLOW_TRAINING),
    ("fashionmnist-glow-cv", FLOW_GREY_CONSTANT, "fashionmnist", FLOW_TRAINING),
    ("mnist-glow", FLOW_GREY, "mnist", FLOW_TRAINING),
    ("cifar10-glow", FLOW_COLOUR, "cifar10", FLOW_TRAINING),
    ("cifar10-vdvae", VDVAE_COLOUR, "cifar10", TOP_DOWN_TRAINING.model_copy(update={"batch_size": 256, "epochs": 17})),
    ("fashionmnist-pixelcnn", PIXELCNN_GREY, "fashionmnist", TOP_DOWN_TRAINING),
    ("cifar10-pixelcnn", PIXELCNN_COLOUR, "cifar10", TOP_DOWN_TRAINING),
    ("fashionmnist-vae8", VAE8_GREY, "fashionmnist", TOP_DOWN_TRAINING),
    ("fashionmnist-classifier", _classifier("softmax"), "fashionmnist", CLASSIFIER_TRAINING),
    ("fashionmnist-vib", _classifier("vib"), "fashionmnist", CLASSIFIER_TRAINING),
    ("fashionmnist-outlier-exposure", _classifier("outlier-exposure"), "fashionmnist", OUTLIER_TRAINING),
    ("fashionmnist-binary", _classifier("binary"), "fashionmnist", OUTLIER_TRAINING),
    ("fashionmnist-noise-class", _classifier("noise-class"), "fashionmnist", OUTLIER_TRAINING),
    ("fashionmnist-calibrated", _classifier("calibrated"), "fashionmnist", OUTLIER_TRAINING),
    ("photos-lite", LITE_COLOUR, OWN, LITE_COLOUR_TRAINING),
    ("photos", PHOTOS, OWN, LITE_COLOUR_TRAINING.model_copy(update={"epochs": 60, "batch_size": 128})),
)


def _data(name: str, model: ModelConfig) -> DataConfig:
    """Whole pixel values, but for a Bernoulli likelihood, which wants them binarised, and for a classifier.

    What is shown as outliers is MNIST, the usual set to test with, so that its test images are the half that is left;
    outlier exposure has to do with yet another set.
    """
    if isinstance(model, ClassifierConfig):
        outliers = "notmnist" if model.head == "outlier-exposure" else "mnist"
        return DataConfig(name=name, preprocessing="grey", outliers=outliers if model.takes_outliers else "")
    binary = isinstance(model, HierarchicalConfig) and model.likelihood == "bernoulli"
    return DataConfig(name=name, preprocessing="binarise" if binary else "integer")


_PRESETS = {
    name: RunConfig(
        preset=name,
        model=model,
        data=_data(data, model),
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
