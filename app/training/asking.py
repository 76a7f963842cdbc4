"""What to train on, and how: a folder, an archive or an array is looked at, then a model that fits it is offered."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import streamlit as st

from app.frame import components, controls
from app.frame.caching import kept
from app.looks.pictures import data_uri
from app.looks.wording import literal
from app.server import access, limits, trainings
from app.server.trainings import Asked
from app.training import offers
from app.training.following import BEGUN
from app.training.offers import UNBOUND, Offer
from hvae.datasets.own.decoding import SUFFIXES
from hvae.datasets.own.outside import Named
from hvae.datasets.own.preparing import Treatment
from hvae.datasets.survey import Source, Survey, gathered, survey
from hvae.errors import HvaeError
from hvae.files import write_atomically

FOLDER, FILES, PATH = "folder", "files", "path"
_HELP = (
    "folder, files: from your computer; zip archives and .npz arrays as well. path: a place on the computer "
    "that runs this dashboard."
)
UPLOADS, DAY = "uploads", 86_400
"""Where uploaded arrays wait to be trained on, and for how many seconds at least."""
_NAMED = 5
WAITING_SECONDS = 2.0
"""Between two looks at what is being trained."""


def given() -> tuple[Source, str, str] | None:
    """Draw what takes the images: (the images, what they are in words, a stamp of them); None until there are some."""
    uploads, paths = access.may_upload(), access.may_name_paths()
    ways = [FOLDER, FILES] * uploads + [PATH] * paths
    if not ways:
        st.info(f"{access.NO_UPLOADS} Others may reach it, so it opens no paths either. On its computer:")
        components.code("hvae train photos-lite --data folder:PATH --then-score")
        return None
    way = controls.choose("Images from", "give", ways, help=_HELP)
    if way == PATH:
        typed = st.text_input(
            "Folder, zip archive or .npz file on this computer", placeholder="/path/to/images"
        ).strip()
        if not typed.strip():
            return None
        path = Path(typed.strip()).expanduser().absolute()
        if not path.exists():
            components.problem(f"There is no file or folder {path}.")
            return None
        changed = path.stat().st_mtime_ns
        return path, path.name, f"{path}@{changed}"
    files = st.file_uploader(
        "A folder of images" if way == FOLDER else "Images, zip archives of them, or .npz arrays",
        type=[*(suffix[1:] for suffix in SUFFIXES), "zip", "npz", "npy"],
        accept_multiple_files="directory" if way == FOLDER else True,
        key=f"trained-on-{way}",
        max_upload_size=limits.current().upload_mib_per_file,
    )
    most = limits.current().upload_mib_together
    components.takes(limits.current().training_images, most, UNBOUND)
    if not files:
        return None
    if (size := sum(file.size for file in files) / 2**20) > most:
        components.problem(
            f"These files are {size:,.0f} MiB together, more than the {most:,} MiB that are taken at once. {UNBOUND}"
        )
        return None
    sources = [
        Named(
            file.name,
            _on_disk(file.name, file.getvalue(), file.file_id)
            if file.name.lower().endswith((".npz", ".npy"))
            else file.getvalue(),
        )
        for file in files
    ]
    first = files[0].name
    parts = "/" in first or len(files) == 1 or first.endswith("-1.zip")
    named = first.split("/")[0].removesuffix("-1.zip") if parts else f"{len(files):,}-images"
    stamp = f"{len(files)} {hash(tuple(file.file_id for file in files))}"
    return sources, named, stamp


def _on_disk(name: str, content: bytes, stamp: str) -> Path:
    """Where an uploaded array lies as a file, which its reader wants."""
    uploads = trainings.home() / UPLOADS
    place = uploads / f"{re.sub('[^a-zA-Z0-9]', '', stamp)[:60]}{Path(name).suffix.lower()}"
    if not place.is_file():
        access.check_writing()
        for old in uploads.glob("*"):
            if old.stat().st_mtime < time.time() - DAY:
                old.unlink(missing_ok=True)
        write_atomically(place, lambda part: part.write_bytes(content))
    return place


def checked(source: Source, stamp: str) -> Survey | None:
    """Look at the images and say what was found; None where no model can be trained on them."""
    most = limits.current().training_images

    def look() -> Survey:
        bar = st.progress(0.0, "Looking at the images")
        try:
            return survey(source, most, _shown_on(bar.progress, "Looking at the images"))
        finally:
            bar.empty()

    try:
        found = kept("survey", stamp, look, "large")
    except HvaeError as error:
        components.problem(f"{error}. {UNBOUND}")
        return None
    if why := found.obstacle():
        components.problem(why)
        if found.images or len(found.refused) > 1:
            _refusals(found)
        return None
    components.section("What was found")
    pictures = "".join(f'<img alt="" src="{data_uri(one)}" width="48" height="48">' for one in found.shown)
    st.html(f'<p class="prose">{pictures}</p>')
    rows = [[components.escape(cell) for cell in fact] for fact in offers.facts(found)]
    components.table(["", ""], rows, "The images")
    for line in offers.warnings(found):
        st.warning(line)
    _refusals(found)
    return found


def _refusals(found: Survey) -> None:
    if refused := found.refused:
        some = "; ".join(f"{one.name}: {one.reason}" for one in refused[:_NAMED])
        more = f"; and {len(refused) - _NAMED:,} more" if len(refused) > _NAMED else ""
        st.caption(literal(f"Not read: {some}{more}."))


def _shown_on(progress: Callable[..., object], text: str) -> Callable[[int, int], None]:
    told = [0.0]

    def show(done: int, total: int) -> None:
        if time.monotonic() > told[0] + 0.3:
            told[0] = time.monotonic()
            progress(min(1.0, done / total) if total else 0.0, f"{text}: {done:,}{f' of {total:,}' if total else ''}")

    return show


def model(found: Survey, title: str, source: Source, stamp: str) -> None:
    """Offer the models that fit, and to train one."""
    components.section("The model")
    choices = offers.fitting(found)
    names = [one.title for one in choices]
    chosen = choices[
        names.index(st.radio("Kind of images", names, captions=[one.about for one in choices], key="_offer"))
    ]
    parts = found.parts()
    usual = chosen.epochs(parts["fitted"])
    left, right = st.columns([1, 2], gap="medium")
    epochs = left.number_input("Passes over the images", 1, 10_000, usual, key=f"_epochs {stamp} {chosen.title}")
    run = right.text_input("Name of the model", _free_name(title), max_chars=60, key=f"_name {stamp}").strip()
    seconds = chosen.seconds(parts["fitted"], found.trained_on, int(epochs))
    hours = limits.current().training_hours
    st.html(
        f'<p class="prose">Takes <strong>{offers.time_needed(seconds)}</strong>. It goes on when this tab is closed; '
        f"it takes one core and gives way to people who judge. It stops by itself after {hours:,} hours and can be "
        "continued.</p>"
    )
    if running := trainings.busy():
        st.fragment(_wait_for, run_every=WAITING_SECONDS)(running)
    if st.button("Train it", type="primary", disabled=bool(running), key="train-it"):
        with components.guarded(advice=""):
            _begin(chosen, run, title, int(epochs), source)
    components.footer(f"hvae train {chosen.preset} --data folder:PATH --epochs {epochs} --then-score")


def _wait_for(running: str) -> None:
    """Say what is being trained; the whole page is drawn anew when that has ended."""
    if trainings.busy() != running:
        st.rerun()
    st.info(
        f"{literal(running)} is being trained, and only one model is trained at a time. This one can begin "
        "when that has ended."
    )


def _free_name(title: str) -> str:
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(title).stem).strip("-_")[:50] or "mine"
    for number in range(1, 100):
        name = stem if number == 1 else f"{stem}-{number}"
        try:
            trainings.check_name(name)
        except HvaeError:
            continue
        return name
    return stem


def _begin(chosen: Offer, run: str, title: str, epochs: int, source: Source) -> None:
    """Make the images ready, begin the training, and draw the page anew to follow it."""
    access.check_writing()
    trainings.check_name(run)
    trainings.check_room()
    if isinstance(source, Path) and source.is_dir():
        data = f"folder:{source}"
    else:
        bar = st.progress(0.0, "Preparing the images")
        how = Treatment(chosen.image_shape)
        images, names = gathered(
            source, how, limits.current().training_images, _shown_on(bar.progress, "Preparing the images")
        )
        # It may have taken minutes, and somebody else may have begun one of this name.
        trainings.check_name(run)
        place = trainings.folder_of(run) / f"{run}.npz"
        write_atomically(place, lambda part: _save(part, images, names))
        bar.empty()
        data = f"npz:{place}"
    trainings.start(
        Asked(run=run, preset=chosen.preset, data=data, title=title, epochs=epochs, size=chosen.size, began=time.time())
    )
    st.session_state[BEGUN] = run
    st.rerun()


def _save(part: Path, images: np.ndarray, names: tuple[str, ...]) -> None:
    with part.open("wb") as file:
        np.savez(file, images=images, names=np.array(names))
