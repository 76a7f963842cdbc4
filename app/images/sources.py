"""Where the images of a page come from: a data set, the model's own samples, or files from outside."""

import html
import shlex
from collections import UserDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.frame import components, controls, state
from app.frame.caching import kept
from app.images.mosaic import Way
from app.looks import palette
from app.looks.wording import asked_for, literal
from app.reading import loading
from app.server import access, limits
from hvae import datasets
from hvae.datasets import LOOSE, ImageSet
from hvae.datasets.conversions import FITS, parse_name
from hvae.datasets.own.decoding import SUFFIXES
from hvae.datasets.own.outside import Treatment, read_picture
from hvae.errors import DataError, HvaeError
from hvae.runs.folders import RunEntry
from hvae.runs.images.sources import locate

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
    """Sets that are not on this machine, each with the command that fetches it or the reason, in Markdown."""


class Sizes(UserDict[str, int]):
    """How many images each data set on this machine has, counted only when asked."""

    def __init__(self, slugs: Sequence[str], run: RunEntry) -> None:
        super().__init__(dict.fromkeys(slugs, 0))
        self.run = run

    def __getitem__(self, slug: str) -> int:
        if slug not in self.data:
            raise KeyError(slug)
        return len(whole(slug, self.run))


def here(run: RunEntry) -> Sizes:
    """How many images each data set has that is on this machine and fits a model; first the set of one's own."""
    assert run.config is not None
    known = [slug for slug in datasets.names_for(run.config.model.image_shape) if datasets.available(slug)]
    return Sizes([slug for slug in _own(run) if not _refused(slug, run)] + known, run)


def trained_on(run: RunEntry) -> str:
    """The slug of what a run was trained on, as its tables have it where one's own images have a name and a place."""
    assert run.config is not None
    return next(iter(_own(run)), run.config.data.name)


def from_data_set(selection: state.Selection, run: RunEntry, count: int) -> Source:
    """Images in a row from one that the address says, with a box for another.

    Sets of the selection that are not on this machine are named with the command that fetches them.
    """
    assert run.config is not None
    own, known = _own(run), datasets.names_for(run.config.model.image_shape)
    offered = here(run)
    wanted = own + [slug for slug in (*selection.ood, selection.data) if slug in known]
    opened = (state.chosen("image") or "".join(state.asked("image")[-1:])).partition(":")[0]
    asked = [slug for slug in dict.fromkeys([*wanted, opened]) if slug in (*own, *known)]
    fetched = ", ".join(f"{_plain(slug)} ({_refused(slug, run)})" for slug in asked if slug not in offered)
    default = next((slug for slug in wanted if slug in offered), next(iter(offered)))
    image = controls.start_box(offered, state.ImageId(default, 0))
    every = whole(image.slug, run)
    index = np.arange(image.index, min(image.index + count, len(every)))
    title = _plain(image.slug)
    labels, ids = zip(*((f"{title} {n}", state.ImageId(image.slug, int(n))) for n in index), strict=True)
    flags = f"{data_flags(image.slug, every.split, run)} --first {image.index} --count {len(index)}"
    return Source(every.take(index), index, labels, title, image.slug == trained_on(run), flags, ids, fetched)


def data_flags(slug: str, split: str, run: RunEntry) -> str:
    """How a command names a split of a set."""
    return f"--data {asked_for(slug, run.path)} --split {split}"


def way(image: state.ImageId, label: object) -> Way:
    """How the picture of an image opens it in the inspector of this page."""
    words = f"{_plain(image.slug)} {image.index}, label {label}: open it in the inspector"
    return Way(state.href(state.page(), image=str(image)), words)


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


def whole(slug: str, run: RunEntry) -> ImageSet:
    """The split that stands for a data set, in the shape that a model takes; of one's own set what its table has.

    Raises a DataError.
    """
    if slug not in _own(run):
        shape = run.config.model.image_shape if run.config else (1, 28, 28)
        return loading.images(slug, whole_split(slug), image_shape=shape)
    found = loading.catalogue(run)
    entry = found.find(slug, found.settings(slug)[0])
    assert entry is not None
    # Asked for again and again; whether it lies where it did is looked at each time.
    stamp = run.path, loading.stamp(entry), locate(run.path, slug)
    return kept("own images", stamp, lambda: loading.scored_images(run, loading.table(found, entry)), "large")


def _own(run: RunEntry) -> list[str]:
    """The set of one's own that a run was trained on, where it has scored what no weight was fitted to."""
    found = loading.catalogue(run)
    return [found.own] if found.own and not datasets.is_known(found.own) and found.settings(found.own) else []


def _refused(slug: str, run: RunEntry) -> str:
    """Why a set cannot be shown, or the command that fetches it, in Markdown; empty where it can."""
    if slug not in _own(run):
        return "" if datasets.available(slug) else f"`hvae data fetch {slug}`"
    try:
        whole(slug, run)
    except (HvaeError, OSError) as error:
        return literal(error)
    return ""


def _plain(slug: str) -> str:
    return html.unescape(palette.look(slug).title)


def _loose(pixels: np.ndarray, slug: str, labels: Sequence[str], title: str, familiar: bool, flags: str) -> Source:
    """Pictures without a data set, `(n, channel, height, width)` uint8."""
    images = ImageSet(slug, "", pixels, np.zeros(len(pixels), np.int64))
    content = np.array([datasets.content_index(image) for image in pixels])
    return Source(images, content, tuple(labels), title, familiar, flags)
