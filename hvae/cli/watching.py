"""A training that nobody sits beside: how far it is, in a file, when it has to stop, and what is scored after it."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

from hvae.errors import HvaeError

if TYPE_CHECKING:
    from hvae.training.trainer import Progress

SECONDS = 1.0
"""Between two looks at how far it is."""
BESIDE, MOST_BESIDE = "digits", 500
"""The set that comes with a package, of which so many images are scored to show what the run tells apart."""

ThenScore = Annotated[
    bool,
    typer.Option(
        "--then-score",
        help="When trained, score what judging needs: the reference and calibration parts of the training set, its "
        f"sub-folder `abnormal` where it has one beside `normal`, and {MOST_BESIDE} of the bundled {BESIDE}.",
    ),
]
Hours = Annotated[
    float | None,
    typer.Option(min=0, help="Stop after so many hours as Ctrl-C would: what was learnt is kept, --resume continues."),
]
ProgressFile = Annotated[
    Path | None,
    typer.Option(
        "--progress",
        help="Write how far it is to this file, as JSON, every second: stage (reading, training, scoring, done), step, "
        "steps, epoch, elbo (nats), images_per_second, problem. For programs that watch it.",
    ),
]


class Watch:
    """What is told of a training in a file, none where there is no path, and its end: after its hours, or as asked.

    Whoever watches the file asks for the end by SIGTERM: the step that is under way is finished and kept.
    """

    def __init__(self, path: Path | None, hours: float | None) -> None:
        self._path, self._hours = path, hours
        self._until = time.monotonic() + 3600 * hours if hours is not None else math.inf
        self._told = -math.inf
        self._stepping = self._asked = False

    def __enter__(self) -> Self:
        if self._path is not None:
            self._before = signal.signal(signal.SIGTERM, self._end)
        self.say("reading")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if self._path is not None:
            signal.signal(signal.SIGTERM, self._before)
        if isinstance(error, HvaeError):
            self.say("failed", problem=str(error))

    def _end(self, *_: object) -> None:
        self._asked = True
        if not self._stepping:
            raise KeyboardInterrupt

    def say(self, stage: str, **about: object) -> None:
        """Tell a stage now. What cannot be written is passed over: the training matters more."""
        self._stepping = stage == "training"
        if self._path is None:
            return
        part = self._path.with_name(f".{self._path.name}.part")
        try:
            part.write_text(json.dumps({"stage": stage, "problem": "", **about}))
            part.replace(self._path)
        except OSError:
            part.unlink(missing_ok=True)

    def step(self, progress: Progress) -> None:
        """Tell one step, once a second; ends the training where its time is up."""
        now = time.monotonic()
        if self._asked:
            raise KeyboardInterrupt
        if now >= self._until:
            self.say("stopped", problem=f"its {self._hours:g} hours are over")
            raise KeyboardInterrupt
        if now < self._told + SECONDS:
            return
        self._told = now
        elbo = progress.elbo if math.isfinite(progress.elbo) else None
        pace = round(progress.images_per_second, 3)
        self.say(
            "training", step=progress.step, steps=progress.steps, epoch=progress.epoch, elbo=elbo,
            images_per_second=pace,
        )  # fmt: skip


def score_for_judging(folder: Path, accelerator: str, watch: Watch) -> None:
    """Score the parts that the rule of a run is made from, and some images of other kinds to see what it catches."""
    from hvae.cli.scoring.precision import AUTO, setting_for
    from hvae.cli.scoring.tables import write_tables
    from hvae.datasets import names, names_for
    from hvae.datasets.own.entry import ABNORMAL, by_role
    from hvae.runs.folders import find_run

    watch.say("scoring")
    run, machine = find_run(str(folder.absolute())), {"batch_size": 64, "accelerator": accelerator}
    assert run.config is not None
    own, shape = run.config.data.name, run.config.model.image_shape
    splits = ["reference", "calibration"]
    if by_role(own, ABNORMAL) != (own, ABNORMAL):
        splits.append(ABNORMAL)
    setting = setting_for(run, {"precision": os.environ.get("HVAE_PRECISION", AUTO)}, machine)
    write_tables(run, [own], splits, setting, None, machine, [])
    other = names_for(shape)[names().index(BESIDE)]
    if other != own:
        write_tables(run, [other], ["all"], setting, MOST_BESIDE, machine, [])
