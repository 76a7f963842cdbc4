"""What fits the images that were found: models with their epochs, the time that takes, and what is said of the images.

No Streamlit.
"""

import math
from dataclasses import dataclass

from app.server.queue import duration
from hvae import presets
from hvae.datasets.survey import Survey
from hvae.stats.conformal import least_calibration

STEPS = 2_000
"""Of the optimiser that a small set of images is given, whatever its size: fewer leave a model half made."""
MOST_EPOCHS = 400
FEW = 200
"""Images in the reference part from which the usual score judges."""


@dataclass(frozen=True)
class Offer:
    """A model that can be trained on one's own images: a preset, at another size where one is named."""

    title: str
    about: str
    preset: str
    pace: float
    """Images a second on one core of 2 to 3 GHz, measured; what a training says of itself counts."""
    size: int | None = None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channel, height, width) that the model takes."""
        channels, height, width = presets.preset(self.preset).model.image_shape
        return channels, self.size or height, self.size or width

    def epochs(self, fitted: int) -> int:
        """Passes over so many fitted images that make a model of them."""
        training = presets.preset(self.preset).training
        steps = max(1, fitted // min(training.batch_size, max(1, fitted)))
        return min(MOST_EPOCHS, max(training.epochs, math.ceil(STEPS / steps)))

    def seconds(self, fitted: int, images: int, epochs: int) -> float:
        """About how long it takes, its parts scored at the end."""
        return (epochs * fitted + 0.5 * images) / self.pace


COLOUR, LARGER, GREY = (
    Offer("Colour, 32 × 32", "Photographs and anything in colour; three layers.", "photos-lite", 60),
    Offer("Colour, 64 × 64", "The same with four times the pixels, where details matter.", "photos-lite", 15, 64),
    Offer("Grey, 28 × 28", "Drawings, digits, shapes: light on dark, three layers.", "fashionmnist-lite", 200),
)
TRY = Offer(
    "Quick try, grey 28 × 28", "A tiny model that shows how it works. Do not rely on its verdicts.", "digits-tiny", 1200
)


def fitting(found: Survey) -> list[Offer]:
    """What can be trained on these images, what suits them best first."""
    mostly_colour = found.coloured * 2 >= found.images
    return [COLOUR, LARGER, GREY, TRY] if mostly_colour else [GREY, COLOUR, LARGER, TRY]


def time_needed(seconds: float) -> str:
    """A time span that was estimated, in words."""
    return f"about {duration(seconds)}, up to three times as long on a busy or older computer"


def facts(found: Survey) -> list[tuple[str, str]]:
    """(what, how it is) of the images."""
    (height, width), most = found.sizes[0]
    sizes = f"{most:,} of {width:,} × {height:,} pixels"
    if len(found.sizes) > 1:
        smallest, largest = (fold((h, w) for (h, w), _ in found.sizes) for fold in (min, max))
        sizes += f"; {len(found.sizes):,} sizes, {smallest[1]:,} × {smallest[0]:,} to {largest[1]:,} × {largest[0]:,}"
    grey = found.images - found.coloured
    some = found.looked_at < found.files
    looked = f" ({found.looked_at:,}, chosen at random, were looked at)" if some else ""

    def number(n: int) -> str:
        return (f"{n:,}" if n else "none") + " of those looked at" * some

    return [
        ("Images", f"{found.expected:,}{looked}"),
        ("Sizes", sizes),
        ("Kinds", " and ".join(f"{n:,} {kind}" for n, kind in ((found.coloured, "colour"), (grey, "grey")) if n)),
        ("Repeated", number(found.repeated)),
        ("Almost empty", number(found.blank)),
        ("Not read", number(len(found.refused))),
        *((_PARTS[part], f"{count:,}") for part, count in found.parts().items()),
        ("Fewest false alarms", rarest(found.parts()["calibration"])),
    ]


UNBOUND = (
    "On the computer itself there is no such limit: hvae train photos-lite --data folder:PATH --then-score "
    "(npz:PATH for an array)"
)
_PARTS = {
    "fitted": "To learn from",
    "validation": "To choose the best epoch",
    "reference": "To compare with",
    "calibration": "To set the alarm by",
}


def rarest(calibration: int) -> str:
    """How rare alarms on ordinary images can be made with a calibration part of this size."""
    return f"1 in {calibration + 1:,} ordinary images: no budget below {1 / (calibration + 1):.2%} can raise an alarm"


def warnings(found: Survey) -> list[str]:
    """What a person should know before training on these images, a sentence or two each."""
    said, parts = [], found.parts()
    if parts["calibration"] < least_calibration(0.05):
        said.append(
            f"{found.trained_on:,} images are few: at a budget of 5 % nothing can raise an alarm before there "
            f"are about {5 * least_calibration(0.05):,}. Judge at 10 % or more, or add images."
        )
    elif parts["reference"] < FEW:
        said.append(
            f"{found.trained_on:,} images give a coarse judge. With {5 * FEW:,} or more, a stronger score can be used."
        )
    if 0 < found.coloured < found.images:
        said.append(
            "Grey and colour images are mixed. One model takes both, and then neither kind is unusual to it; train on "
            "one kind if the other should raise an alarm."
        )
    if found.repeated or found.blank:
        said.append(
            "A picture that is there twice may be both learnt from and judged by, which makes alarms too rare. "
            + (
                "Take repeated and empty ones out of the folder first."
                if found.in_place
                else "Repeated and empty ones are left out."
            )
        )
    return said
