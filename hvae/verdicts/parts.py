"""The parts of a run's own training set that a rule is made from. Imports no torch."""

from hvae.errors import TableError
from hvae.runs.catalogue import Catalogue
from hvae.runs.score_tables import ScoreTable
from hvae.runs.settings import Setting


def own_part(found: Catalogue, part: str, setting: Setting) -> ScoreTable:
    """The table of a part of a run's own training set under a setting; `TableError` with the command that makes it."""
    entry = None if found.own is None else found.find(found.own, setting, (part,))
    if entry is None:
        named = "" if found.run.config is None else f" --data {found.run.config.data.name}"
        raise TableError(
            f"{found.run.name} has no scores of the {part} part of its training set under {setting}"
            f"{_foreign(found, part)}: hvae score {found.run.name}{named} --split reference calibration "
            f"{setting.options}"
        )
    return found.read(entry)


def _foreign(found: Catalogue, part: str) -> str:
    """What is said of a part of another set among the tables of a run, with both counts; empty where there is none."""
    entry = next((one for one in found.entries if one.split == part and one.slug != found.own), None)
    if entry is None or found.run.config is None:
        return ""
    count = found.run.config.data.images
    trained = f"the {count:,} images" if count else "the images"
    return (
        f" ({entry.path.name} does not count: its {len(found.read(entry)):,} images are a part of another set than "
        f"{trained} that the run was trained on)"
    )
