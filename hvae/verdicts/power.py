"""What a rule catches of images that are known to be others, measured on the tables of its run. Imports no torch.

A verdict without this says how rare a false alarm is and nothing of how likely a miss is. Nothing is chosen by it: the
rule, its budget and its levels are made of in-distribution images alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hvae.datasets.looks import title
from hvae.errors import TableError
from hvae.runs.catalogue import Catalogue
from hvae.runs.images.sources import known_labels
from hvae.verdicts.rule import Rule

MOST = 2_000
"""Images of a set that are judged, spread evenly over it: a share is known to a percent or two then."""


@dataclass(frozen=True, eq=False)
class Measured:
    """The p-values of one stored image set under a rule."""

    label: str
    own: bool
    """Whether they are images of the kind that the model was trained on, its test images."""
    p: np.ndarray

    def share(self, alpha: float) -> float:
        """Share that raises an alarm."""
        return float(np.mean(self.p <= alpha))


def measured(found: Catalogue, rule: Rule) -> list[Measured]:
    """Every whole image set that the run has scored as the rule measures, its own test images first.

    The images it was trained on are none of them, as they say nothing of new ones.
    """
    titles, by_slug = known_labels([found.run.path]), {}
    fitted = found.run.config.data.fingerprint if found.run.config else ""
    for entry in found.entries:
        # Of one's own images `test` is all of them, those included that the weights were fitted to.
        if fitted and entry.metadata.data_fingerprint == fitted:
            continue
        if entry.setting == rule.setting and entry.split in ("test", "all"):
            by_slug.setdefault(entry.slug, entry)
    listed: list[Measured] = []
    for slug, entry in by_slug.items():
        try:
            table = found.read(entry)
            some = table.take(np.linspace(0, len(table) - 1, min(len(table), MOST)).round().astype(int))
            listed.append(Measured(title(slug, titles), slug == found.own, rule.judge(some).p))
        except TableError:
            # A set whose pixels nobody measured, or that lacks a column, says nothing of this rule.
            continue
    return sorted(listed, key=lambda one: not one.own)


def catches(sets: Sequence[Measured], alpha: float) -> str:
    """What a rule that was `measured` catches at a budget, in sentences."""
    caught = [f"{_percent(one.share(alpha))} of {one.label}" for one in sets if not one.own]
    wrong = [f"{_percent(one.share(alpha))} of {one.label}, its own kind" for one in sets if one.own]
    if not caught:
        return "No other image set is scored under this run, so what it would catch is not known: score one to see."
    said = f"At a budget of {100 * alpha:g} % this rule catches {_listed(caught)}"
    said += f" and raises a false alarm on {_listed(wrong)}." if wrong else "."
    return f"{said} An image without an alarm may be of a kind that it does not catch."


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _listed(parts: Sequence[str]) -> str:
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last
