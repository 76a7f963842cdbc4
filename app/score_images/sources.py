"""Which images are to be scored, and what is done to them first: files, samples of the data sets, or the camera."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from app.frame import controls, state
from app.frame.caching import kept
from app.images.sources import whole_split
from app.looks import palette
from app.looks.pictures import png
from app.reading import loading
from app.server import access, limits
from hvae import datasets
from hvae.datasets.conversions import FITS
from hvae.datasets.own.decoding import SUFFIXES
from hvae.datasets.own.outside import Named
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
    size = sum(file.size for file in files)
    problem, most = "", limits.current().upload_mib_together
    if size > most * 2**20:
        many = f"These files are {size / 2**20:,.0f} MiB together, more than the {most:,} MiB that are taken at once."
        problem = f"{many} Give them in several portions, or use the command below."
    named = tuple(Named(file.name, file.getvalue()) for file in files) if not problem else ()
    return Given(counted(len(files), "file"), named, tuple(file.file_id for file in files), problem)


def _samples(selection: state.Selection) -> Given | None:
    """A few images of each data set of the selection that is on this machine, and of the bundled ones."""
    wanted = dict.fromkeys([selection.data, *selection.ood, *BUNDLED])
    here = [slug for slug in wanted if datasets.is_known(slug) and datasets.available(slug)]
    named = tuple(
        Named(f"{palette.look(slug).title} {number}", content)
        for slug in here
        for number, content in enumerate(kept("samples", slug, lambda slug=slug: _first(slug)))
    )
    if not named:
        return None
    title = f"Samples of {', '.join(palette.look(slug).title for slug in here)}"
    return Given(title, named, tuple(here), from_visitor=False)


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
