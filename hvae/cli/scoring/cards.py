"""`hvae score RUN --card`: how strongly test images have to be changed until the scores see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hvae.cli.options import accelerator
from hvae.cli.terminal import counted, interruptible, say, unwritable, warn

if TYPE_CHECKING:
    from hvae.runs.folders import RunEntry

_KEPT = "finished strengths are kept: run the same command again to continue"


def write_cards(runs: Sequence[RunEntry], asked: dict[str, Any], n: int, batch_size: int, device: str) -> None:
    """Measure the card of each run with `n` changed images; `asked` holds the fields of the setting that were given."""
    from hvae.files import require_writable
    from hvae.measuring.card import card_scores, measure_card
    from hvae.runs.catalogue import catalogue
    from hvae.runs.images.sources import resolve
    from hvae.runs.images.training_set import load_images
    from hvae.runs.measured.cards import FOLDER
    from hvae.verdicts.parts import own_part

    where = accelerator(device)
    for run in runs:
        assert run.config is not None
        require_writable(run.path / FOLDER)
        found, name = catalogue(run), resolve(run.path, run.config.data.name)
        setting = found.rule_setting(**asked)
        reference, calibration = (own_part(found, part, setting) for part in ("reference", "calibration"))
        for problem in card_scores(reference, calibration)[1]:
            warn(f"{run.name}: left out: {problem}")
        # A set of one's own has no test split: of the parts that no weight was fitted to, this one is free.
        images = load_images(run, name, "validation" if ":" in run.config.data.name else "test")
        title = f"{run.name}: robustness card, {setting}"
        with interruptible(_KEPT), unwritable(lambda: _KEPT), counted(title) as progress:
            path = measure_card(
                run, images, reference, calibration, n, batch_size=batch_size, accelerator=where, on_progress=progress
            )
        say(f"{path}: hvae report {run.name} --card prints it")
