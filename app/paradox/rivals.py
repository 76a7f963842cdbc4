"""The densities of whole pixel values that are here, one of each kind, and two image sets under all of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from app.frame import controls
from app.looks.palette import look
from app.looks.wording import literal
from app.reading import loading, presence, view
from app.reading.measures import Measure
from app.reading.view import View
from hvae import datasets
from hvae.config import RunConfig
from hvae.datasets import ImageSet
from hvae.errors import DataError
from hvae.runs.catalogue import Catalogue
from hvae.runs.folders import RunEntry
from hvae.runs.settings import Setting
from hvae.scores import score

UNIT = "bits/dim"
BUDGET = 0.05
"""Of false alarms; a view has one, and no threshold is shown here."""
ALWAYS_HERE = ("digits", "glyphs")
"""Sets whose images are on every machine."""


@dataclass(frozen=True)
class Rival:
    """A density: the first run of its kind, what it has scored and under which setting."""

    catalogue: Catalogue
    setting: Setting
    title: str

    @property
    def run(self) -> RunEntry:
        """Whose density it is."""
        return self.catalogue.run


@dataclass(frozen=True)
class Pair:
    """The two sets that are looked at, each rival with its view of both, the best first, and why others are missing."""

    known: str
    other: str
    shown: tuple[tuple[Rival, View], ...]
    problems: tuple[str, ...]

    @property
    def titles(self) -> tuple[str, str]:
        """Of both sets, safe in HTML."""
        return look(self.known).title, look(self.other).title


def views(rival: Rival, known: str, others: Sequence[str], name: str, k: int | None) -> View:
    """Sets of a run under a score, in bits/dim. Raises a TableError where the familiar one is not scored."""
    measure = Measure(score(name, rival.run.depth or 0, k), UNIT)
    return view.view(rival.catalogue, known, others, rival.setting, measure, BUDGET, UNIT)


def rivals(preferred: RunEntry | None) -> list[Rival]:
    """One scored density of each kind, all trained on one grey set: on that of the run preferred where one is.

    Where the preferred run is a density itself it stands for its kind, and comes first.
    """
    runs = sorted(loading.runs(), key=lambda run: preferred is None or run.path != preferred.path)
    found = [(run, loading.catalogue(run)) for run in runs if run.config and _is_density(run.config)]
    scored = [(run, one, one.settings(one.own)) for run, one in found if one.own and one.settings(one.own)]
    if not scored:
        return []
    counts = Counter(one.own for _, one, _ in scored)
    wanted = preferred.config.data.name if preferred and preferred.config else None
    own = wanted if wanted in counts else counts.most_common(1)[0][0]
    kinds: dict[str, Rival] = {}
    for run, one, settings in scored:
        if one.own == own and run.config:
            title = run.config.model.title
            kinds.setdefault(title, Rival(one, settings[0], title[:1].upper() + title[1:]))
    return list(kinds.values())


def choose(found: Sequence[Rival], selected: Sequence[str]) -> Pair:
    """Two of the sets that the rivals have scored, chosen by two boxes; the own set and one selected by default."""
    own = found[0].catalogue.own or ""
    sets = list(dict.fromkeys(slug for one in found for slug in one.catalogue.sets()))
    known = controls.choose_set("Familiar set", "known", sets, own)
    others = [slug for slug in sets if slug != known] or sets
    usual = next((slug for slug in selected if slug in others), others[0])
    other = controls.choose_set("Unfamiliar set", "other", others, usual)
    made = [view.tried([partial(views, one, known, (other,), "bound", 0)]) for one in found]
    shown = tuple((one, seen[0]) for one, (seen, _) in zip(found, made, strict=True) if seen and seen[0].outside)
    shown = tuple(sorted(shown, key=lambda each: float(each[1].inside.scores.mean())))
    problems = [problem for _, several in made for problem in several]
    problems += [
        f"{one.title} has no scores of {look(other).title}: {presence.command(one.run, [other])}"
        for one, (seen, _) in zip(found, made, strict=True)
        if seen and seen[0].unscored
    ]
    return Pair(known, other, shown, tuple(problems))


def pictures(pair: Pair) -> tuple[tuple[str, ImageSet], tuple[str, ImageSet], str] | None:
    """(slug and scored images of the familiar set, those of the other, in Markdown why they are not those asked for).

    Where one of them is away both are taken from sets that are on every machine; None where those are not scored.
    """
    away: list[str] = []
    for slugs in ((pair.known, pair.other), ALWAYS_HERE):
        both = []
        for slug in slugs:
            try:
                both.append((slug, _images(pair, slug)))
            except DataError as error:
                # A set of the registry is fetched; what is wrong with others is said in its own words.
                unfetched = datasets.is_known(slug) and not datasets.available(slug)
                mend = f"`hvae data fetch {slug}`" if unfetched else literal(str(error))
                away.append(f"{literal(look(slug).title)} ({mend})")
        if len(both) == 2:
            instead = " and ".join(look(slug).title for slug in slugs)
            return *both, f"Not on this machine: {', '.join(away)}. So {instead} are shown" if away else ""
    return None


def looked_at(pair: Pair) -> View:
    """The sets whose images are shown, as the first density has scored them; for the inspector."""
    others = [slug for slug in dict.fromkeys((pair.other, *ALWAYS_HERE)) if slug != pair.known]
    return views(pair.shown[0][0], pair.known, others, "bound", 0)


def values(rival: Rival, slug: str, images: ImageSet) -> np.ndarray | None:
    """-log p(x) of these images in bits/dim, `(n,)`; None where the rival has scored others of the set."""
    entry = rival.catalogue.find(slug, rival.setting)
    if entry is None or entry.metadata.data_fingerprint != images.fingerprint:
        return None
    return view.scored(rival.catalogue, entry, Measure(score("bound", rival.run.depth or 0, 0), UNIT)).scores


def _images(pair: Pair, slug: str) -> ImageSet:
    """The images that the first rival has scored of a set. Raises a DataError where they are not here."""
    for rival, _ in pair.shown:
        if entry := rival.catalogue.find(slug, rival.setting):
            return loading.scored_images(rival.run, loading.table(rival.catalogue, entry))
    raise DataError("no model here has scored it")


def _is_density(config: RunConfig) -> bool:
    """Whether a model gives p(x) of grey images in whole pixel values."""
    return config.data.preprocessing == "integer" and config.model.image_shape[0] == 1
