"""The config of a classifier, bounded so that a file from outside is refused before anything is allocated. No torch."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from hvae.config import ModelConfig
from hvae.errors import DataError

HeadName = Literal["softmax", "vib", "binary", "noise-class", "outlier-exposure", "calibrated"]

_TITLES: dict[HeadName, str] = {
    "softmax": "classifier",
    "vib": "classifier with an information bottleneck",
    "binary": "classifier of in- against out-of-distribution",
    "noise-class": "classifier with a class of outliers",
    "outlier-exposure": "classifier exposed to outliers",
    "calibrated": "classifier calibrated on outliers",
}
_MEASURED: dict[HeadName, tuple[str, ...]] = {
    "softmax": ("odin", "mahalanobis"),
    "vib": ("rate",),
    "binary": ("outlier_logit",),
    "noise-class": ("known_log_p",),
    "outlier-exposure": ("exposed_log_p",),
    "calibrated": ("calibrated_log_p",),
}


class ClassifierConfig(ModelConfig):
    """A small convolutional network, and what its head makes of the features."""

    kind: str = "classifier"
    head: HeadName = "softmax"
    """What it is trained for: `softmax` the labels alone, `vib` them through a noisy bottleneck; the others see images
    of another set (`data.outliers`): as all there is to tell (`binary`), as one more class (`noise-class`), or as of no
    class, for which every class has to be as likely (`outlier-exposure`, `calibrated`)."""
    classes: Annotated[int, Field(ge=2, le=1000)] = 10
    channels: Annotated[tuple[Annotated[int, Field(ge=1, le=512)], ...], Field(min_length=1, max_length=6)] = (
        16,
        32,
        64,
    )
    """Of each scale, each half the size of the one before; the last are the features, averaged over the image."""
    outlier_weight: Annotated[float, Field(gt=0, le=100)] = 0.5
    """Weight of the outliers in `outlier-exposure` and `calibrated`: 0.5 as in Hendrycks et al. (2019), 1 as in Lee et
    al. (2018)."""
    bottleneck: Annotated[int, Field(ge=1, le=256)] = 8
    """Units of the bottleneck of `vib`."""
    components: Annotated[int, Field(ge=1, le=500)] = 50
    """Gaussians in the learnt marginal of the bottleneck."""
    rate_weight: Annotated[float, Field(ge=0, le=10)] = 1e-2
    """beta: what a nat through the bottleneck costs."""
    temperature: Annotated[float, Field(gt=0, le=1e6)] = 1000.0
    """T of ODIN; Liang et al. (2018) find that every large one serves."""
    epsilon: Annotated[float, Field(ge=0, le=1)] = 0.0014
    """Step of ODIN, for pixels in 0 to 1. Fixed, as `pytorch-ood` has it, since it would take OOD images to tune it:
    the mean confidence of held-out images (Hsu et al., 2020) chooses nothing, for at this T it rises with any step."""

    implementation: ClassVar[str] = "hvae.models.classifier.model:Classifier"
    objective: ClassVar[str] = "log p(y|x)"
    exact_weights: ClassVar[str] = "head."
    """A distance of features takes what is fitted to them as it is."""

    @model_validator(mode="after")
    def _halved(self) -> ClassifierConfig:
        if min(self.image_shape[1:]) < 2 ** (len(self.channels) - 1):
            raise ValueError(f"images of {self.image_shape[1:]} cannot be halved {len(self.channels)} times")
        return self

    @property
    def title(self) -> str:
        """What it tells apart, in words."""
        return _TITLES[self.head]

    @property
    def task(self) -> str:
        """Its head."""
        return self.head

    def measured(self) -> list[str]:
        """What the scores of its head read; of the plain softmax also every log p(class|x)."""
        classes = range(1, self.classes + 1) if self.head == "softmax" else ()
        return [*(f"log_p_{label}" for label in classes), *_MEASURED[self.head]]

    @property
    def curve(self) -> list[str]:
        """Share of the validation images that are told right, and of `vib` the mean rate."""
        return ["accuracy", "rate"] if self.head == "vib" else ["accuracy"]

    @property
    def takes_outliers(self) -> bool:
        """All heads but two are trained on images of another set as well."""
        return self.head not in ("softmax", "vib")

    def check_labels(self, labels: np.ndarray) -> None:
        """Every class needs images, and some heads outliers, whose label is -1."""
        if self.takes_outliers and not (labels < 0).any():
            raise DataError(
                f"a {self.title} is trained on images of another set as well, and there are none: name it by "
                "data.outliers"
            )
        known = np.unique(labels[labels >= 0])
        if self.head == "binary" or np.array_equal(known, np.arange(self.classes)):
            return
        if len(known) < 2:
            raise DataError("the images have no labels, and a classifier learns from them: train on a set with classes")
        raise DataError(
            f"the images have {len(known)} classes up to number {known[-1]}, the model {self.classes} from 0: set "
            "model.classes to theirs"
        )
