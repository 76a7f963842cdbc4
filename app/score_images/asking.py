"""What is to be scored and how: images (files, samples, the camera), what the model sees of them, runs and rule."""

import shlex
from collections.abc import Sequence
from itertools import islice

import numpy as np
import streamlit as st

from app.frame import components, controls, state
from app.frame.caching import kept
from app.images import mosaic
from app.images.sources import FORMATS, whole_split
from app.looks import palette
from app.looks.pictures import grey_or_colour, png
from app.looks.wording import literal
from app.reading import choosing, judges, loading
from app.score_images.work import Given
from app.server import access, limits
from app.server.judgements import JudgedBy, Settings
from hvae import datasets
from hvae import scores as registry
from hvae.datasets.conversions import FITS
from hvae.datasets.own.decoding import SUFFIXES
from hvae.datasets.own.outside import Named, Picture, Refusal, Treatment, collect
from hvae.errors import DataError, TableError
from hvae.runs.catalogue import Catalogue
from hvae.runs.folders import RunEntry, tables_only
from hvae.runs.settings import Setting
from hvae.verdicts import rule

FILES, FOLDER, SAMPLES, CAMERA = "files", "folder", "samples", "camera"
SOURCES_HELP = (
    "files: images and zip archives of images. folder: all of them in one folder. samples: a few of the data sets "
    "chosen in the sidebar."
)
STATISTIC_HELP = (
    "Of a score with levels. rank: the k at which it ranks highest among the reference images. difference: the k at "
    "which it lies most standard deviations above them, as the paper suggests for single images."
)
SIDES_HELP = (
    "high: the higher a score, the more out-of-distribution. high or low: the rule is two-sided, so that images that "
    "fit too well stand out as well."
)
FURTHER_HELP = (
    "Which run knows each image best? Run A, and run B where one is chosen, come from the sidebar. Each further run "
    "takes as long again."
)
SAMPLES_EACH, BUNDLED = 6, ("digits", "glyphs")
MOST_SHOWN, MOST_LOOKED_AT, ACROSS, MOST_LETTERS, MOST_REFUSED, MOST_CHANGES = 12, 60, 6, 14, 50, 4
MOST_FURTHER, MOST_LEFT_OUT = 8, 5
"""Runs beside run A, each of which takes as long, and runs that do not fit of which it is said why."""
LIGHT_ON_DARK = ("fashionmnist", "mnist", "notmnist", "kmnist", "digits", "glyphs")
"""Grey data sets whose paper is black."""


def counted(number: int, what: str) -> str:
    """A number of things in words."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def treatment(image_shape: tuple[int, int, int]) -> tuple[str, Treatment]:
    """Draw the controls: where images come from, and what is done to them."""
    sources = [FILES, FOLDER, SAMPLES, CAMERA] if access.may_upload() else [SAMPLES]
    fits = "pad: the whole image on black; crop: the largest centred part; squash: stretched."
    inverted = "yes: for dark strokes on light paper, as black becomes white."
    with controls.bar("pictures-bar"):
        source = controls.choose("Images from", "pictures", sources, help=SOURCES_HELP)
        fit = controls.choose("Other aspects are", "fit", FITS, select=True, help=fits)
        invert = controls.choose("Invert", "invert", ["no", "yes"], help=inverted)
    return source, Treatment(image_shape, fit, invert == "yes")


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
        single = source == FILES
        files = st.file_uploader(
            f"{FORMATS} images, or zip archives of them"
            if single
            else "A folder: every image and zip archive in it and below it",
            type=[*(suffix[1:] for suffix in SUFFIXES), "zip"],
            accept_multiple_files=True if single else "directory",
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
    """A few images of each data set of the selection that is here, and of the bundled ones."""
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
        return [png(image) for image in loading.images(slug, whole_split(slug)).images[:SAMPLES_EACH]]
    except (DataError, OSError):
        return []


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


def _mosaic(taken: list[Picture]) -> tuple[list[str], list[mosaic.Row]]:
    # The end of a file name tells files apart.
    short = [one.name if len(one.name) <= MOST_LETTERS else f"…{one.name[1 - MOST_LETTERS :]}" for one in taken]
    cells = [mosaic.Cell(grey_or_colour(one.image), one.name, (end,)) for one, end in zip(taken, short, strict=True)]
    across = min(ACROSS, len(cells))
    rows = []
    for start in range(0, len(cells), across):
        last = min(start + across, len(cells))
        label = f"Image {last}" if last == start + 1 else f"Images {start + 1} to {last}"
        rows.append(mosaic.Row(label, (*cells[start:last], *[None] * (start + across - last))))
    return [str(number) for number in range(1, across + 1)], rows


def suggestion(images: list[np.ndarray], invert: bool, trained: str) -> str:
    """One sentence where most images, as the model takes them, are light but it knows light on black; else empty."""
    # The border tells: that of the lighter pair of sides, as padding makes the other one black.
    borders = [max(image[:, (0, -1), :].mean(), image[:, :, (0, -1)].mean()) for image in images]
    if trained not in LIGHT_ON_DARK or sum(border > 127 for border in borders) * 2 <= len(images):
        return ""
    advice = ("These", "Try Invert") if not invert else ("Inverted, these", "Try without Invert")
    return f"{advice[0]} look like dark strokes on light paper; the model was trained on light on black. {advice[1]}."


def refusals(refused: Sequence[tuple[str, str]]) -> None:
    """List the files that could not be read, each with its reason."""
    if refused:
        rows = [list(map(components.escape, one)) for one in refused[:MOST_REFUSED]]
        more = f", the first {MOST_REFUSED} of {len(refused):,}" if len(refused) > MOST_REFUSED else ""
        components.table(["file", "reason"], rows, f"Could not be read{more}; the others are scored all the same")


def judging(
    selection: state.Selection, found: Catalogue, given: Given | None, how: Treatment
) -> tuple[Settings, tuple[RunEntry, ...]]:
    """Draw how the images are to be judged, and by which runs: run A, whose tables `found` are, and others that can."""
    setting = choosing.choose_setting(found.rule_settings())
    usual, instead = judges.usual(found, setting)
    judges.follow("judge", usual)
    config = found.run.config
    kinds = (registry.offered(config.data.preprocessing, config.model.task) if config else registry.offered()).values()
    obstacles = {kind.name: judges.obstacle(found, setting, kind.name) for kind in kinds if kind.of_single_images}
    offered, about = choosing.menu(name for name, why in obstacles.items() if not why)
    if not offered:
        raise TableError(f"{found.run.name} gives no score that could judge images: {next(iter(obstacles.values()))}")
    with controls.bar("rule-bar"):
        score = controls.choose("Judged by", "judge", offered, usual, help=about)
        statistic = controls.choose("Levels together", "statistic", rule.STATISTICS, help=STATISTIC_HELP)
        sides = controls.choose("Unusual are scores too", "sides", ("high", "high or low"), help=SIDES_HELP)
    few = rule.few_images(score, judges.parts(found, setting)[0])
    if note := instead if score == usual and instead else few:
        if note == instead:
            components.prose(components.escape(note))
        else:
            st.warning(literal(note))
    components.left_out([why for why in obstacles.values() if why], "Cannot judge here")
    further = _further(selection, found.run, setting, score)
    settings = Settings(
        run=found.run.name,
        setting=setting,
        source=given.title if given else "",
        **vars(how),
        score=score,
        depth=found.run.depth or 0,
        statistic=statistic,  # type: ignore[arg-type]
        two_sided=sides != "high",
        note=note,
        also=tuple(JudgedBy(run=one.name, setting=_alike(loading.catalogue(one), setting)) for one in further),
    )
    return settings, (found.run, *further)


def _alike(found: Catalogue, setting: Setting) -> Setting:
    """The setting of a further run that agrees in reading, S and R: its seed is its own."""
    return found.rule_setting(reading=setting.reading, samples=setting.samples, draws=setting.draws)


def _further(selection: state.Selection, run: RunEntry, setting: Setting, score: str) -> tuple[RunEntry, ...]:
    """Run B where it can judge the same images the same way, and any others, chosen here."""
    others = [one for one in loading.runs() if one.name != run.name]
    obstacles = {one.name: _unlike(run, one, setting, score) for one in others}
    fitting = {one.name: one for one in others if not obstacles[one.name]}
    second = selection.versus.name if selection.versus else ""
    named = [second] if second in fitting else []
    offered = [name for name in fitting if name != second]
    if offered:
        named += controls.choose_many("Further runs", "also", offered, [], help=FURTHER_HELP)
    alike = {why: [name for name, one in obstacles.items() if one == why] for why in obstacles.values() if why}
    if alike:
        some = [(runs[:MOST_LEFT_OUT], len(runs) > MOST_LEFT_OUT, why) for why, runs in alike.items()]
        left_out = [f"{literal(', '.join(runs))}{' …' * more} ({literal(why)})" for runs, more, why in some]
        st.caption(f"Cannot judge these images the same way: {'; '.join(left_out)}.")
    if len(named) > MOST_FURTHER:
        st.caption(f"At most {MOST_FURTHER} runs judge beside run A; the others are passed over.")
    return tuple(fitting[name] for name in named[:MOST_FURTHER])


def _unlike(run: RunEntry, other: RunEntry, setting: Setting, score: str) -> str:
    """Why a run cannot judge what run A judges by a score under a setting; empty where it can."""
    if other.config is None or run.config is None:
        return "damaged"
    if other.config.model.image_shape != run.config.model.image_shape:
        return f"takes images of {' × '.join(map(str, other.config.model.image_shape))}"
    if not other.has_weights:
        return "bundled without weights" if tables_only(other.path) else "no weights yet"
    found = loading.catalogue(other)
    own = _alike(found, setting)
    if own not in found.rule_settings():
        return f"no scores of its reference and calibration parts under {own}"
    return judges.obstacle(found, own, score)


def command(settings: Settings, alpha: str) -> str:
    """The command that judges files as the page does."""
    names, about = " ".join(map(shlex.quote, settings.runs)), settings.setting
    switches = f"{' --invert' if settings.invert else ''}{' --two-sided' if settings.two_sided else ''}"
    return (
        f"hvae score {names} --images PATH --fit {settings.fit}{switches} --statistic {settings.statistic} --score "
        f"{settings.score} --reading {about.reading} --samples {about.samples} --draws {about.draws} --alpha {alpha}"
    )
