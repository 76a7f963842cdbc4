"""`hvae compare`: every score of several runs on the same images, beside what others published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hvae.cli.options import Data, Runs, named_run
from hvae.cli.reporting import Bootstrap, Form, Out, deliver, form_of
from hvae.cli.terminal import warn
from hvae.errors import ConfigError, TableError

if TYPE_CHECKING:
    from hvae.report.rivals import Absent

Against = Annotated[
    str | None,
    typer.Option(help="Score that the others are set against: `llr`, `LLR>2`, or `LLR>2 of RUN`; default joint."),
]


def compare(
    runs: Runs,
    data: Data,
    score: Annotated[
        list[str] | None, typer.Option(help="Only this score, as the column --score has it. Several may follow.")
    ] = None,
    against: Against = None,
    baselines: Annotated[
        bool, typer.Option("--baselines/--no-baselines", help="The scores in which no model takes part.")
    ] = True,
    reading: Annotated[str | None, typer.Option(help="Only tables of this reading of L^{>k}.")] = None,
    samples: Annotated[int | None, typer.Option(help="Only tables of so many importance samples S.")] = None,
    draws: Annotated[int | None, typer.Option(help="Only tables of so many draws R.")] = None,
    bootstrap: Bootstrap = 200,
    form: Form = None,
    out: Out = None,
) -> None:
    """Set every score of every run against the rivals on the same images, from stored tables.

    One table in the groups of Table 2 of the paper (scores that have seen labels or OOD images, that have prior
    knowledge, that take neither): AUROC, AUPRC, FPR80 and FPR95 with intervals, the paired difference to `joint`, cost
    in forward passes an image, what was published and re-run. Runs have to be trained on one set; it is the
    in-distribution one, and --data names the others.
    """
    from rich.console import Console

    from hvae.report import line_up, rivals
    from hvae.runs.catalogue import catalogue
    from hvae.scores import SCORES, find

    form = form_of(form, out)
    entries = [named_run(name) for name in dict.fromkeys(runs)]
    for name in score or []:
        if find(name).model_free and not baselines:
            raise ConfigError(f"{name} needs no model: leave out --no-baselines, or do not name it")
    wanted = score or [name for name, kind in SCORES.items() if baselines or not kind.model_free]
    found = line_up([catalogue(entry) for entry in entries], data, reading=reading, samples=samples, draws=draws)
    if found.refused:
        raise TableError(found.refused[0])
    with Console(stderr=True).status("measuring"):
        made, absent = rivals.columns(found, wanted)
        if not made:
            raise TableError(
                f"no score can be computed of {', '.join(runs)}: {absent[0] if absent else 'none is known'}"
            )
        table = rivals.table(found, made, rivals.against(made, against), score or (), n_boot=bootstrap)
    for line in map(str, absent) if score else _briefly(absent):
        warn(line)
    for line in found.choices:
        warn(line)
    deliver({"rivals": table}, form, out, entries)


def _briefly(absent: Sequence[Absent]) -> list[str]:
    """One line on all that is left out."""
    names = dict.fromkeys(one.score.name for one in absent)
    line = f"left out where they cannot be computed: {', '.join(names)}; name them with --score to see why"
    return [line] if absent else []
