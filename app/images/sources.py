"""Where the images of a page come from: a data set, the model's own samples, or files from outside."""

import shlex
from collections import UserDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.frame import components, controls, state
from app.looks import palette
from app.looks.wording import literal
from app.reading import loading
from app.server import access, limits
from hvae import datasets
from hvae.datasets import LOOSE, ImageSet
from hvae.datasets.conversions import FITS, parse_name
from hvae.datasets.own.decoding import SUFFIXES
from hvae.datasets.own.outside import Treatment, read_picture
from hvae.errors import DataError

Shape = tuple[int, int, int]
FORMATS = "PNG, JPEG, WebP, BMP, TIFF or PPM"
MOST_REFUSED = 50
SAMPLES_SLUG = "samples"
"""What addresses the noise of samples, which are pictures without a data set."""


@dataclass(frozen=True, eq=False)
class Source:
    """Only the images shown, with a label of each, a title for people, and whether the model was trained on such.

    Their slug and `index` `(n,)` address the noise: the positions in their data set, of a picture without one a number
    from its content. `flags` are of the command that reads the same images; `ids`, for pinning, only a data set has.
    """

    images: ImageSet
    index: np.ndarray
    labels: tuple[str, ...]
    title: str
    familiar: bool
    flags: str
    ids: tuple[state.ImageId, ...] = ()
    away: str = ""
    """Sets that are not on this machine, each with the command that fetches it."""


class Sizes(UserDict[str, int]):
    """How many images each data set on this machine has, counted only when asked."""

    def __init__(self, slugs: Sequence[str], image_shape: Shape) -> None:
        super().__init__(dict.fromkeys(slugs, 0))
        self.image_shape = image_shape

    def __getitem__(self, slug: str) -> int:
        if slug not in self.data:
            raise KeyError(slug)
        return len(whole(slug, self.image_shape))


def here(image_shape: Shape) -> Sizes:
    """How many images each data set has that is on this machine and fits a model."""
    return Sizes([slug for slug in datasets.names_for(image_shape) if datasets.available(slug)], image_shape)


def from_data_set(selection: state.Selection, trained: str, image_shape: Shape, count: int) -> Source:
    """Images in a row from one that the address says, with a box for another.

    Sets of the selection that are not on this machine are named with the command that fetches them.
    """
    known = datasets.names_for(image_shape)
    offered = here(image_shape)
    wanted = [slug for slug in (*selection.ood, selection.data) if slug in known]
    opened = (state.chosen("image") or "".join(state.asked("image")[-1:])).partition(":")[0]
    away = [slug for slug in dict.fromkeys([*wanted, opened]) if slug in known and slug not in offered]
    fetched = ", ".join(f"{palette.look(slug).title} (`hvae data fetch {slug}`)" for slug in away)
    default = next((slug for slug in wanted if slug in offered), next(iter(offered)))
    image = controls.start_box(offered, state.ImageId(default, 0))
    every = whole(image.slug, image_shape)
    index = np.arange(image.index, min(image.index + count, len(every)))
    title = palette.look(image.slug).title
    labels, ids = zip(*((f"{title} {n}", state.ImageId(image.slug, int(n))) for n in index), strict=True)
    flags = f"--data {image.slug} --split {every.split} --first {image.index} --count {len(index)}"
    return Source(every.take(index), index, labels, title, image.slug == trained, flags, ids, fetched)


def from_samples(samples: np.ndarray) -> Source:
    """Unconditional samples `(n, channel, height, width)` in [0, 1] of the model as images."""
    pixels = np.rint(samples * 255).astype(np.uint8)
    labels = [f"Sample {number}" for number in range(1, len(pixels) + 1)]
    return _loose(pixels, SAMPLES_SLUG, labels, "its own samples", True, f"--drawn {len(pixels)}")


def from_files(image_shape: Shape, most: int) -> Source | None:
    """Files that a person uploads; None until one is readable. What cannot be read is listed with its reason."""
    if not access.may_upload():
        return None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        files = st.file_uploader(
            f"{FORMATS}; the first {most} are shown",
            type=[suffix[1:] for suffix in SUFFIXES],
            accept_multiple_files=True,
            max_upload_size=limits.current().upload_mib_per_file,
            width=420,
        )
        about = "pad: surrounded with black. crop: the centre only. squash: stretched."
        fit = st.selectbox("If the shape differs", FITS, width=130, help=about)
        invert = st.toggle(
            "Invert", help="For dark strokes on light paper, because the training images are light on black."
        )
    read, labels = [], []
    for file in files[:most]:
        # A file name as code, so that nothing in it is read as Markdown.
        name = f"`{file.name[:80].replace('`', '')}`"
        try:
            picture = read_picture(file.getvalue(), file.name, Treatment(image_shape, fit, invert))
        except DataError as error:
            st.warning(f"{name}: {literal(error)}")
            continue
        read.append(picture.image)
        labels.append(file.name)
        if picture.changes:
            st.caption(f"{name}: {', '.join(picture.changes)}")
    if not read:
        return None
    flags = " ".join(f"--images {shlex.quote(label)}" for label in labels)
    flags += (f" --fit {fit}" if fit != FITS[0] else "") + (" --invert" if invert else "")
    return _loose(np.stack(read), LOOSE, labels, "the uploaded images", False, flags)


def refusals(refused: Sequence[tuple[str, str]]) -> None:
    """List the files that could not be read, each with its reason."""
    if refused:
        rows = [list(map(components.escape, one)) for one in refused[:MOST_REFUSED]]
        more = f", the first {MOST_REFUSED} of {len(refused):,}" if len(refused) > MOST_REFUSED else ""
        components.table(["file", "reason"], rows, f"Could not be read{more}; the others are scored all the same")


def whole_split(slug: str) -> str:
    """The split that stands for a data set: the one its tables are made from."""
    return "all" if parse_name(slug)[0] == "digits" else "test"


def whole(slug: str, image_shape: Shape) -> ImageSet:
    """The split that stands for a data set, in the shape that a model takes. Raises a DataError."""
    return loading.images(slug, whole_split(slug), image_shape=image_shape)


def _loose(pixels: np.ndarray, slug: str, labels: Sequence[str], title: str, familiar: bool, flags: str) -> Source:
    """Pictures without a data set, `(n, channel, height, width)` uint8."""
    images = ImageSet(slug, "", pixels, np.zeros(len(pixels), np.int64))
    content = np.array([datasets.content_index(image) for image in pixels])
    return Source(images, content, tuple(labels), title, familiar, flags)
