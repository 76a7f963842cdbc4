"""Which images are to be scored (files, samples of the data sets, the camera), and what the model sees of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np
import streamlit as st

from app.frame import components, controls, state
from app.frame.caching import kept
from app.images import mosaic
from app.images.sources import whole_split
from app.looks import palette
from app.looks.pictures import grey_or_colour, png
from app.reading import loading
from app.server import access, limits
from hvae import datasets
from hvae.datasets.conversions import FITS
from hvae.datasets.own.decoding import SUFFIXES
from hvae.datasets.own.outside import Named, Picture, Refusal, Treatment, collect
from hvae.errors import DataError

FILES, FOLDER, SAMPLES, CAMERA = "files", "folder", "samples", "camera"
SOURCES_HELP = (
    "files: images and zip archives of images. folder: all of them in one folder. samples: a few of the data sets "
    "chosen in the sidebar."
)
FITS_HELP = "pad: the whole image on black; crop: the largest centred part; squash: stretched."
INVERT_HELP = "yes: for dark strokes on light paper, as black becomes white."
SAMPLES_EACH = 6
BUNDLED = ("digits", "glyphs")
MOST_SHOWN, MOST_LOOKED_AT, ACROSS, MOST_LETTERS = 12, 60, 6, 14
LIGHT_ON_DARK = ("fashionmnist", "mnist", "notmnist", "kmnist", "digits", "glyphs")
"""Grey data sets whose paper is black."""
MOST_REFUSED, MOST_CHANGES = 50, 4


@dataclass(frozen=True, eq=False)
class Given:
    """What a person gave, and what tells it from other files; `problem` says why they cannot be taken."""

    title: str
    sources: tuple[Named, ...]
    stamp: tuple[str, ...]
    problem: str = ""
    from_visitor: bool = True


def treatment() -> tuple[str, str, bool]:
    """Draw the controls: (source, fit, whether to invert)."""
    sources = [FILES, FOLDER, SAMPLES, CAMERA] if access.may_upload() else [SAMPLES]
    with controls.bar("pictures-bar"):
        source = controls.choose("Images from", "pictures", sources, help=SOURCES_HELP)
        fit = controls.choose("Other aspects are", "fit", FITS, select=True, help=FITS_HELP)
        invert = controls.choose("Invert", "invert", ["no", "yes"], help=INVERT_HELP)
    return source, fit, invert == "yes"


def given(source: str, selection: state.Selection) -> Given | None:
    """Draw what takes the images of a source; None until there are some."""
    if source == SAMPLES:
        if not access.may_upload():
            st.caption(f"{access.NO_UPLOADS} The samples show how it works.")
        return _samples(selection)
    if source == CAMERA:
        # Whoever follows a link must not be asked for the camera.
        if not st.toggle("Turn the camera on", help="The browser asks first. The picture goes to this server only."):
            return None
        taken = st.camera_input("Take a picture of one thing, filling the frame")
        files = [taken] if taken else []
    else:
        files = st.file_uploader(
            "PNG, JPEG, WebP, BMP, TIFF or PPM images, or zip archives of them"
            if source == FILES
            else "A folder: every image and zip archive in it and below it",
            type=[*(suffix[1:] for suffix in SUFFIXES), "zip"],
            accept_multiple_files=True if source == FILES else "directory",
            key=f"uploaded-{source}",
            max_upload_size=limits.current().upload_mib_per_file,
        )
    if not files:
        return None
    title, stamp = counted(len(files), "file"), tuple(file.file_id for file in files)
    size, most = sum(file.size for file in files) / 2**20, limits.current().upload_mib_together
    if size > most:
        many = f"These files are {size:,.0f} MiB together, more than the {most:,} MiB that are taken at once."
        return Given(title, (), stamp, f"{many} Give them in several portions, or use the command below.")
    return Given(title, tuple(Named(file.name, file.getvalue()) for file in files), stamp)


def _samples(selection: state.Selection) -> Given | None:
    """A few images of each data set of the selection that is on this machine, and of the bundled ones."""
    wanted = dict.fromkeys([selection.data, *selection.ood, *BUNDLED])
    here = {slug: palette.look(slug).title for slug in wanted if datasets.is_known(slug) and datasets.available(slug)}
    named = tuple(
        Named(f"{title} {number}", content)
        for slug, title in here.items()
        for number, content in enumerate(kept("samples", slug, lambda slug=slug: _first(slug)))
    )
    title = f"Samples of {', '.join(here.values())}"
    return Given(title, named, tuple(here), from_visitor=False) if named else None


def _first(slug: str) -> list[bytes]:
    """The first images of a data set as PNG files of its own size, none where it cannot be read."""
    try:
        images = loading.images(slug, whole_split(slug)).images[:SAMPLES_EACH]
    except (DataError, OSError):
        return []
    return [png(image) for image in images]


def counted(number: int, what: str) -> str:
    """A number of things in words."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def preview(given: Given, how: Treatment, trained: str) -> bool:
    """Draw the first images as a model of the set `trained` takes them; whether there is an image to score."""
    with st.spinner("Reading the first images"):
        taken, refused = kept("first uploads", (given.stamp, how), lambda: _looked_at(given, how))
    if taken:
        st.html('<p class="chart-title">What the model sees of the first images</p>')
        st.html(mosaic.table_html(*_mosaic(taken), "seen", mosaic.SMALL_CELL))
        # Grey files beside colour ones: each kind is named.
        done = "; ".join(list(dict.fromkeys(", ".join(one.changes) for one in taken if one.changes))[:MOST_CHANGES])
        grey = "Grey values, before they are drawn as black and white pixels."
        seen = grey if how.image_shape[0] == 1 else "Colours as the model takes them."
        st.caption(f"{seen} Done to the files: {done}." if done else seen)
        if words := suggestion([one.image for one in taken], how.invert, trained):
            st.info(words)
    refusals(refused)
    if not taken:
        st.info("None of these files could be read as an image, so there is nothing to score.")
    return bool(taken)


def _looked_at(given: Given, how: Treatment) -> tuple[list[Picture], list[tuple[str, str]]]:
    """The first images, and what could not be read before them."""
    taken, refused = [], []
    for one in islice(collect(given.sources, how), MOST_LOOKED_AT):
        (refused if isinstance(one, Refusal) else taken).append(one)
        if len(taken) == MOST_SHOWN:
            break
    return taken, [(one.name, one.reason) for one in refused]


def suggestion(images: list[np.ndarray], invert: bool, trained: str) -> str:
    """One sentence where most images, as the model takes them, are light but it knows light on black; else empty."""
    if trained not in LIGHT_ON_DARK or sum(border(image) > 127 for image in images) * 2 <= len(images):
        return ""
    advice = ("These", "Try Invert") if not invert else ("Inverted, these", "Try without Invert")
    return f"{advice[0]} look like dark strokes on light paper; the model was trained on light on black. {advice[1]}."


def border(image: np.ndarray) -> float:
    """Mean of the border pixels in 0..255; of the lighter pair of sides, as padding makes the other one black."""
    top_and_bottom, sides = image[:, (0, -1), :], image[:, :, (0, -1)]
    return max(float(top_and_bottom.mean()), float(sides.mean()))


def refusals(refused: list[tuple[str, str]]) -> None:
    """List the files that could not be read."""
    if refused:
        rows = [[components.escape(name), components.escape(reason)] for name, reason in refused[:MOST_REFUSED]]
        more = f", the first {MOST_REFUSED} of {len(refused):,}" if len(refused) > MOST_REFUSED else ""
        components.table(["file", "reason"], rows, f"Could not be read{more}; the others are scored all the same")


def _mosaic(taken: list[Picture]) -> tuple[list[str], list[mosaic.Row]]:
    # The end of a file name tells files apart.
    short = [one.name if len(one.name) <= MOST_LETTERS else f"…{one.name[1 - MOST_LETTERS :]}" for one in taken]
    cells = [mosaic.Cell(grey_or_colour(one.image), one.name, (end,)) for one, end in zip(taken, short, strict=True)]
    across = min(ACROSS, len(cells))
    rows = []
    for start in range(0, len(cells), across):
        chosen = cells[start : start + across]
        last = start + len(chosen)
        label = f"Image {last}" if last == start + 1 else f"Images {start + 1} to {last}"
        rows.append(mosaic.Row(label, (*chosen, *[None] * (across - len(chosen)))))
    return [str(number) for number in range(1, across + 1)], rows
