"""`hvae report`: the paper's tables from stored scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hvae.cli.options import Runs, named_run, one_of, refuse
from hvae.cli.terminal import say, warn
from hvae.errors import ConfigError, TableError
from hvae.files import require_writable

if TYPE_CHECKING:
    import pandas as pd

    from hvae.report import Comparison
    from hvae.runs.folders import RunEntry

_OF_SCORES = {"control", "detection"}
"""Tables with a row a score."""
_NOT_OF_CARD = ("table", "score", "baselines", "in_data", "alpha", "bootstrap")
"""Options that choose or measure what a card has measured already."""
_SUFFIXES = {".csv": "csv", ".md": "markdown", ".tex": "latex", ".txt": "text"}
"""What a file that ends so holds."""

Form = Annotated[
    str | None, typer.Option("--format", help="text, csv, markdown or latex; default what --out ends in, else text.")
]
Out = Annotated[Path | None, typer.Option(help="Write to this file instead of printing.")]


def _resamples(number: int) -> int:
    if number < 1:
        raise ConfigError(f"--bootstrap must be at least 1, it is {number}")
    return number


Bootstrap = Annotated[
    int, typer.Option(help="Resamples for the intervals of AUPRC, FPR80 and FPR95.", callback=_resamples)
]
Tables = Annotated[
    list[str] | None,
    typer.Option(
        help="bits, detection, control, alarms, layers, ratios, seeds, missed, notes. Several may follow; default all."
    ),
]
Scores = Annotated[
    list[str] | None,
    typer.Option(help="Only this score in detection and control, as their column --score has it. Several may follow."),
]
Baselines = Annotated[
    bool, typer.Option("--baselines/--no-baselines", help="The model-free baselines behind the model's scores.")
]
Card = Annotated[
    bool, typer.Option("--card", help="Instead: the robustness card that `hvae score RUN --card` measures.")
]


def report(
    ctx: typer.Context,
    runs: Runs,
    form: Form = None,
    table: Tables = None,
    score: Scores = None,
    baselines: Baselines = True,
    card: Card = False,
    reading: Annotated[list[str] | None, typer.Option(help="Only this reading of L^{>k}. Several may follow.")] = None,
    in_data: Annotated[
        str | None, typer.Option("--in", help="In-distribution set; default the one each run was trained on.")
    ] = None,
    alpha: Annotated[
        list[float] | None,
        typer.Option(help="False-alarm budget of the label-free rule. Several may follow; default .01, .05 and .1."),
    ] = None,
    bootstrap: Bootstrap = 200,
    out: Out = None,
) -> None:
    """Set the stored scores of runs beside the published figures.

    Bits per dimension of L^{>k} (Table 1 of the paper), AUROC, AUPRC, FPR80 and FPR95 of every score with 95 %
    intervals (Table 2), the negative control, the label-free rule's alarms, KL and active units per layer, and the
    share of negative LLR. With --card: how strongly test images have to be changed until the scores see it.
    """
    from hvae.models.proposal import READINGS
    from hvae.report import card_tables

    for name in reading or []:
        one_of(name, READINGS, "--reading")
    form = form_of(form, out)
    entries = [named_run(name) for name in runs]
    if card:
        refuse(ctx, _NOT_OF_CARD, "--card")
        tables, problems = card_tables(entries, reading or [])
    else:
        tables, problems = _of_score_tables(
            entries, table, score or [], baselines, reading or [], in_data, alpha, bootstrap
        )
    for problem in problems:
        warn(problem)
    if not tables:
        command = "hvae score RUN --card" if card else "hvae score"
        raise TableError(f"there is nothing to report of {', '.join(runs)}: score them with `{command}` first")
    deliver(tables, form, out, entries)


def form_of(form: str | None, out: Path | None) -> str:
    """The format asked for, else the one that the name of the file ends in.

    Raises:
        ConfigError: there is no such format, or the file's name ends in another one.
    """
    from hvae.report import FORMATS

    held = None if out is None else _SUFFIXES.get(out.suffix.lower())
    if out is not None and held is None:
        raise ConfigError(f"--out {out}: the name must end in {', '.join(_SUFFIXES)}")
    form = one_of(form or held or "text", FORMATS, "--format")
    if held not in (None, form):
        raise ConfigError(f"--out {out} is a file of {held}, --format is {form}: choose one of them")
    if out is not None:
        require_writable(out.parent)
    return form


def deliver(tables: dict[str, pd.DataFrame], form: str, out: Path | None, entries: Sequence[RunEntry]) -> None:
    """Print the tables of some runs, or write them to a file and print its path."""
    from hvae.files import write_text
    from hvae.report import render
    from hvae.runs.images.sources import known_labels

    text = render(tables, form, known_labels(entry.path for entry in entries))
    if out is None:
        say(text, nl=False)
    else:
        write_text(out, text)
        say(str(out))


def _of_score_tables(
    entries: Sequence[RunEntry],
    table: Sequence[str] | None,
    score: Sequence[str],
    baselines: bool,
    reading: Sequence[str],
    in_data: str | None,
    alpha: Sequence[float] | None,
    bootstrap: int,
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The tables of a report of stored scores, and a line for each thing left out."""
    from rich.console import Console

    from hvae.report import BUDGETS, NOTES, OVER_SEEDS, TABLES, build, gather, note_table
    from hvae.scores import find, offered

    for name in table or []:
        one_of(name, (*TABLES, *OVER_SEEDS, NOTES), "--table")
    for name in score:
        if find(name).model_free and not baselines:
            raise ConfigError(f"{name} is a model-free baseline: leave out --no-baselines, or do not name it")
    shown = [name for name in table or (*TABLES, *OVER_SEEDS) if name != NOTES]
    if score and not {*_OF_SCORES, *OVER_SEEDS[:1]} & set(shown):
        raise ConfigError(f"--score chooses rows of the tables {' and '.join(sorted(_OF_SCORES))}: leave it out")
    gathered = gather(entries, reading, in_data)
    wanted = score or [name for name, kind in offered(task=None).items() if baselines or not kind.model_free]
    with Console(stderr=True).status("measuring"):
        tables = build(gathered.comparisons, shown, scores=wanted, alphas=alpha or BUDGETS, n_boot=bootstrap)
    problems = [*gathered.problems, *_left_out(gathered.comparisons, shown, wanted, bool(score))]
    if table is None or NOTES in table:
        notes, damaged = note_table(entries)
        tables |= {NOTES: notes} if len(notes) else {}
        problems += damaged
    return tables, problems


def _left_out(comparisons: Sequence[Comparison], tables: Sequence[str], wanted: Sequence[str], why: bool) -> list[str]:
    """What scores are left out: a line for each reason where one asks why, else one line on all."""
    from hvae.report import left_out
    from hvae.scores import SCORES, offered

    if not _OF_SCORES & set(tables):
        return []
    if why:
        return left_out(comparisons, wanted)
    speaking = [(one, offered(one.config.data.preprocessing, one.config.model.task)) for one in comparisons]
    absent = [name for name in wanted if left_out([one for one, known in speaking if name in known], [name])]
    baselines = [name for name in absent if SCORES[name].model_free]
    if len(baselines) > 1:
        absent = [*(name for name in absent if name not in baselines), f"{len(baselines)} model-free baselines"]
    line = f"left out where they cannot be computed: {', '.join(absent)}; name them with --score to see why"
    return [line] if absent else []
