"""The paradox in one sentence, true for the run it is said of: what fails, and which score tells the sets apart."""

from collections.abc import Sequence

from app.looks.palette import look
from app.looks.wording import lowered
from app.overview.tables import nearest, usual
from app.reading import view
from app.reading.choosing import PARTED, USUAL
from app.reading.view import View

GENERAL = (
    "A generative model can give images of another kind a higher likelihood than the images it was trained on; "
    "a hierarchical VAE can notice, because its upper layers carry what the images have in common."
)
NO_LIKELIHOOD = "This run gives no likelihood: it sorts images into classes."


def sentence(views: Sequence[View], bounds: Sequence[View]) -> str:
    """In HTML, from every score of a run in nats and its likelihood bounds in bits per dimension."""
    found = nearest(bounds)
    if found is None:
        return GENERAL if bounds or not views else f"{NO_LIKELIHOOD} {GENERAL}"
    slug, bits, inner = found
    own = bounds[0].inside.slug
    first, other = look(own).title, look(slug).title
    if bits >= inner:
        return (
            f"This model finds none of the chosen sets more likely than {first}; {other} comes nearest with "
            f"{bits:.3f} against {inner:.3f} bits per dimension."
        )
    trained = bounds[0].catalogue.own
    return (
        f"{f'Trained on {look(trained).title}, this' if trained else 'This'} model finds <b>{other} more likely than "
        f"{first}{' itself' if own == trained else ''}</b> ({bits:.3f} against {inner:.3f} bits per dimension, lower "
        f"is likelier){_way_out(views, slug)}"
    )


def _way_out(views: Sequence[View], slug: str) -> str:
    """Which score tells this set apart, those first that no OOD image chose; what falls short before is named."""
    short = ""
    for one in unchosen(views):
        area = view.reached(one, slug)
        if area is None:
            continue
        if area >= view.TELLS:
            return f"{short}, and yet {_asked(one)} {_tells(area)}"
        pairs = f"{100 * area:.0f} of 100 pairs"
        fails = f"fails there ({pairs})" if area < view.GUESSING else f"ranks only {pairs} correctly"
        short += f"; {one.measure.symbol} {fails}"
    ratio = _best([one for one in views if one.measure.score.name == USUAL], slug)
    if ratio and ratio[1] >= view.TELLS:
        return f"{short}, while {ratio[0].measure.symbol}, a level chosen with OOD images, {_tells(ratio[1])}"
    best = _best([one for one in views if (one.measure.score.name, one.measure.score.k) != ("bound", 0)], slug)
    if best is None:
        return f"{short}."
    measure = best[0].measure
    named = lowered(measure.score.title) + (f" ({measure.symbol})" if measure.score.k is not None else "")
    if best[1] < view.TELLS:
        return f"{short}, and none of its scores tells the two apart (at best {100 * best[1]:.0f} of 100, by {named})."
    return f"{short}, while its best score on these images, {named}, {_tells(best[1])}"


def unchosen(views: Sequence[View]) -> list[View]:
    """The ratio at its usual level and the joint score, of those that a run has: no OOD image chose them."""
    return [one for name in (USUAL, PARTED) if (one := usual(views, name))]


def _tells(area: float) -> str:
    return f"tells the two apart in {100 * area:.0f} of 100 pairs."


def _best(views: Sequence[View], slug: str) -> tuple[View, float] | None:
    """(the score that tells the set apart best, its AUROC), which takes OOD images to know; None without any."""
    reached = [(one, area) for one in views if (area := view.reached(one, slug)) is not None]
    return max(reached, key=lambda one: one[1], default=None)


def _asked(one: View) -> str:
    if one.measure.score.name == USUAL:
        return f"its hierarchy, asked by {one.measure.symbol},"
    return f"the {one.measure.symbol} score{' of all its levels' if one.depth > 1 else ''}"
