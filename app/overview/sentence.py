"""The paradox in one sentence, true for the run it is said of: what fails, and which score tells the sets apart."""

from collections.abc import Sequence

from app.looks.palette import look
from app.looks.wording import lowered
from app.overview.tables import usual
from app.reading import view
from app.reading.choosing import PARTED, USUAL
from app.reading.view import View

TELLS = 0.6
"""AUROC from which on a score counts as telling two sets apart."""
GENERAL = (
    "A generative model can give images of another kind a higher likelihood than the images it was trained on; "
    "a hierarchical VAE can notice, because its upper layers carry what the images have in common."
)

NO_LIKELIHOOD = "This run gives no likelihood: it sorts images into classes."


def sentence(views: Sequence[View], bounds: Sequence[View]) -> str:
    """In HTML, from every score of a run in nats and its likelihood bounds in bits per dimension."""
    if not bounds or not bounds[0].outside:
        return GENERAL if bounds or not views else f"{NO_LIKELIHOOD} {GENERAL}"
    bits = {one.slug: one.scores.mean() for one in bounds[0].sets}
    own = bounds[0].inside.slug
    inner = bits.pop(own)
    slug = next((slug for slug in bits if bits[slug] < inner), min(bits, key=bits.__getitem__))
    first, other = look(own).title, look(slug).title
    if bits[slug] >= inner:
        return (
            f"This model finds none of the chosen sets more likely than {first}; {other} comes nearest with "
            f"{bits[slug]:.3f} against {inner:.3f} bits per dimension."
        )
    said = (
        f"Trained on {first}, this model finds <b>{other} more likely than {first} itself</b> ({bits[slug]:.3f} "
        f"against {inner:.3f} bits per dimension, lower is likelier)"
    )
    return f"{said}{_way_out(views, slug)}"


def _way_out(views: Sequence[View], slug: str) -> str:
    """Which score tells this set apart, those first that no OOD image chose; what fails before one does is named."""
    parted = next((one for one in views if one.measure.score.name == PARTED), None)
    failed = ""
    for one in filter(None, (usual(views, USUAL), parted)):
        reached = _reached(one, slug)
        if reached is None:
            continue
        if reached >= TELLS:
            return f"{failed}, and yet {_asked(one)} tells the two apart in {100 * reached:.0f} of 100 pairs."
        failed += f"; {one.measure.symbol} fails there ({100 * reached:.0f} of 100 pairs)"
    # To know the best takes OOD images.
    ratio = _best([one for one in views if one.measure.score.name == USUAL], slug)
    if ratio and ratio[1] >= TELLS:
        which = f"{ratio[0].measure.symbol}, a level chosen with OOD images,"
        return f"{failed}, while {which} tells the two apart in {100 * ratio[1]:.0f} of 100 pairs."
    best = _best([one for one in views if one.measure.score.name != "bound"], slug)
    if best is None:
        return f"{failed}."
    if best[1] < TELLS:
        return f"{failed}, and none of its scores tells the two apart (at best {100 * best[1]:.0f} of 100)."
    which = f"its best score on these images, {lowered(best[0].measure.score.title)},"
    return f"{failed}, while {which} tells the two apart in {100 * best[1]:.0f} of 100 pairs."


def _best(views: Sequence[View], slug: str) -> tuple[View, float] | None:
    """(the score that tells the set apart best, its AUROC); None where none has seen the set."""
    reached = [(one, area) for one in views if (area := _reached(one, slug)) is not None]
    return max(reached, key=lambda one: one[1], default=None)


def _asked(one: View) -> str:
    joint = one.measure.score.name == PARTED
    if not joint:
        return f"its hierarchy, asked by {one.measure.symbol},"
    return f"the {one.measure.symbol} score{' of all its levels' if one.depth > 1 else ''}"


def _reached(one: View, slug: str) -> float | None:
    """AUROC against the set."""
    found = next((outside for outside in one.outside if outside.slug == slug), None)
    return None if found is None else view.auroc(one.inside, found).value
