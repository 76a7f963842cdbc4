"""What is to be scored and how: images (files, samples, the camera), what the model sees of them, runs and rule."""

import shlex

import streamlit as st

from app.frame import components, controls, jobs, state
from app.frame.caching import kept
from app.images.sources import FORMATS, whole_split
from app.looks import palette
from app.looks.pictures import png
from app.looks.wording import literal
from app.preparing.controls import AS_ALL, treatment
from app.reading import choosing, judges, loading
from app.score_images.work import Given
from app.server import access, judgements, limits
from hvae import datasets
from hvae import scores as registry
from hvae.datasets.own.names import shown_name
from hvae.datasets.own.outside import Named
from hvae.datasets.own.preparing import SCAN, STEPS, Treatment
from hvae.errors import DataError, TableError
from hvae.runs.catalogue import Catalogue
from hvae.runs.folders import RunEntry, tables_only
from hvae.runs.settings import Setting
from hvae.verdicts import choice, rule
from hvae.verdicts.asked import JudgedBy, Settings

FILES, FOLDER, SAMPLES, CAMERA, AGAIN = "files", "folder", "samples", "camera", "again"
SOURCES_HELP = (
    "files: images, and zip archives of them. folder: everything in one folder. samples: a few images of the data "
    "sets chosen in the sidebar. camera: a picture taken now. again: the images judged last, with other settings."
)
STATISTIC_HELP = (
    "How a score with several levels k becomes one. rank: the k at which the image ranks highest among the "
    "reference images. difference: the k at which it lies most standard deviations above them, as the paper "
    "suggests for single images."
)
SIDES_HELP = (
    "high: the higher the score, the more out-of-distribution. high or low: two-sided, so that images that fit too "
    "well raise an alarm as well."
)
FURTHER_HELP = (
    "Which run knows each image best? Run A, and run B where one is chosen, come from the sidebar. Each further run "
    "takes as long again."
)
PORTIONS = "Give them in several portions, or use the command below."
SAMPLES_EACH, BUNDLED = 6, ("digits", "glyphs")
LONGEST_TITLE = 60
MOST_FURTHER, MOST_LEFT_OUT = 8, 5
"""Runs beside run A, each of which takes as long, and runs that do not fit of which the names are said."""


def counted(number: int, what: str) -> str:
    """A number of things in words."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def kept_images(job: str | None, image_shape: tuple[int, int, int]) -> Given | None:
    """The images of a finished job, for a model that takes the same shape; None where none is kept."""
    if not job or jobs.unfinished(job):
        return None
    return kept("again", (job, judgements.stamp(job), image_shape), lambda: _again(job, image_shape), "large")


def _again(job: str, image_shape: tuple[int, int, int]) -> Given | None:
    stored = judgements.read(job)
    if stored is None or not len(stored) or tuple(stored.settings.image_shape) != tuple(image_shape):
        return None
    if not {"changes", "caveats"} <= set(stored.frame):
        return None
    named = tuple(Named(name, png(one)) for name, one in zip(stored.frame["name"], stored.images, strict=True))
    return Given(stored.settings.source, named, (job,), again=stored)


def source(image_shape: tuple[int, int, int], trained: str, again: bool) -> tuple[str, Treatment]:
    """Draw the controls: where images come from, and what is done to them for a model trained on the named set."""
    sources = [FILES, FOLDER, SAMPLES, CAMERA] if access.may_upload() else [SAMPLES]
    with controls.bar("pictures-bar"):
        chosen = controls.choose("Images from", "pictures", sources + [AGAIN] * again, help=SOURCES_HELP)
        if chosen == AGAIN:
            return chosen, Treatment(image_shape)
        return chosen, treatment(image_shape, trained)


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
        # Of any suffix, or none: files are known by their content, and what is no image is said to be none.
        files = st.file_uploader(
            f"{FORMATS} images, zip archives of them, or arrays (npz, npy, idx)"
            if single
            else "A folder: every image, archive and array in it and below it",
            accept_multiple_files=True if single else "directory",
            key=f"uploaded-{source}",
            max_upload_size=limits.current().upload_mib_per_file,
            help=access.FAILED_UPLOADS,
        )
        components.takes(limits.current().images_per_job, limits.current().upload_mib_together, PORTIONS)
    if not files:
        return None
    if source == FOLDER:
        # A browser sends them in any order.
        files = sorted(files, key=lambda file: file.name)
    # One file is often an archive of many.
    title = shown_name(files[0].name, LONGEST_TITLE) if len(files) == 1 else counted(len(files), "file")
    stamp = tuple(file.file_id for file in files)
    size, most = sum(file.size for file in files) / 2**20, limits.current().upload_mib_together
    if size > most:
        many = f"These files are {size:,.0f} MiB together, more than the {most:,} MiB that are taken at once."
        return Given(title, (), stamp, f"{many} {PORTIONS}")
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


def judging(
    selection: state.Selection, found: Catalogue, given: Given | None, how: Treatment, choices: dict[int, str]
) -> tuple[Settings, tuple[RunEntry, ...]]:
    """Draw how the images are to be judged, and by which runs: run A, whose tables `found` are, and others that can."""
    bar = controls.bar("rule-bar")
    common = bar.container(width="content")
    with controls.advanced(bar):
        setting = choosing.choose_setting(found.rule_settings())
        statistic = controls.choose("Combine levels by", "statistic", rule.STATISTICS, help=STATISTIC_HELP)
        sides = controls.choose("Alarm if the score is", "sides", ("high", "high or low"), help=SIDES_HELP)
    usual, instead = judges.usual(found, setting)
    judges.follow("judge", usual)
    config = found.run.config
    kinds = (registry.offered(config.data.preprocessing, config.model.task) if config else registry.offered()).values()
    obstacles = {kind.name: judges.obstacle(found, setting, kind.name) for kind in kinds if kind.of_single_images}
    offered, about = choosing.menu(name for name, why in obstacles.items() if not why)
    if not offered:
        raise TableError(f"{found.run.name} gives no score that could judge images: {next(iter(obstacles.values()))}")
    with common:
        names = {name: registry.find(name).title for name in offered}
        score = controls.choose("Judge by the score", "judge", offered, usual, width=240, help=about, named=names)
    few = choice.few_images(score, judges.parts(found, setting)[0])
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
        choices={number: recipe for number, recipe in choices.items() if recipe != AS_ALL},
        score=score,
        depth=found.run.depth or 0,
        statistic=statistic,  # type: ignore[arg-type]
        two_sided=sides != "high",
        note=note,
        also=tuple(JudgedBy(run=one.name, setting=_alike(loading.catalogue(one), setting)) for one in further),
    )
    if given is not None and given.again is not None:
        before = given.again.settings
        kept_as = {name: getattr(before, name) for name in ("fit", "invert", "steps", "like", "choices")}
        settings = settings.model_copy(update=kept_as)
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
        some = [
            (", ".join(runs) if len(runs) <= MOST_LEFT_OUT else counted(len(runs), "run"), why)
            for why, runs in alike.items()
        ]
        left_out = [f"{literal(runs)} ({literal(why)})" for runs, why in some]
        st.caption(f"Cannot judge these images the same way: {'; '.join(left_out)}.")
    if len(named) > MOST_FURTHER:
        st.caption(f"At most {MOST_FURTHER} runs judge beside run A. The others are left out.")
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


def _short(steps: tuple[str, ...]) -> tuple[str, ...]:
    return (SCAN,) if steps == STEPS else steps


def command(settings: Settings, alpha: str) -> str:
    """The command that judges files as the page does."""
    names, about = " ".join(map(shlex.quote, settings.runs)), settings.setting
    switches = "".join([" --invert" * settings.invert, *(f" --prepare {step}" for step in _short(settings.steps))])
    switches += " --two-sided" * settings.two_sided
    return (
        f"hvae score {names} --images PATH --fit {settings.fit}{switches} --statistic {settings.statistic} --score "
        f"{settings.score} --reading {about.reading} --samples {about.samples} --draws {about.draws} --alpha {alpha}"
    )
