"""`hvae report`: the paper's tables from stored scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hvae.cli.options import Runs, named_run, one_of
from hvae.cli.terminal import warn
from hvae.errors import ConfigError, TableError

if TYPE_CHECKING:
    from hvae.report import Comparison

_OF_SCORES = {"control", "detection"}
"""Tables with a row a score."""
_SUFFIXES = {".csv": "csv", ".md": "markdown", ".tex": "latex"}


def report(
    runs: Runs,
    form: Annotated[
        str | None,
        typer.Option("--format", help="text, csv, markdown or latex; default what --out ends in, else text."),
    ] = None,
    table: Annotated[
        list[str] | None,
        typer.Option(help="bits, detection, control, alarms, layers or ratios. Several may follow; default all."),
    ] = None,
    score: Annotated[
        list[str] | None,
        typer.Option(help="Only this score in detection and control, by its name in the registry. Several may follow."),
    ] = None,
    baselines: Annotated[
        bool, typer.Option("--baselines/--no-baselines", help="The model-free baselines behind the model's scores.")
    ] = True,
    reading: Annotated[list[str] | None, typer.Option(help="Only this reading of L^{>k}. Several may follow.")] = None,
    in_data: Annotated[
        str | None, typer.Option("--in", help="In-distribution set; default the one each run was trained on.")
    ] = None,
    alpha: Annotated[
        list[float] | None,
        typer.Option(help="False-alarm budget of the label-free rule. Several may follow; default .01, .05 and .1."),
    ] = None,
    bootstrap: Annotated[int, typer.Option(help="Resamples for the intervals of AUPRC and FPR80.")] = 200,
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of printing.")] = None,
) -> None:
    """Set the stored scores of runs beside the published figures.

    Bits per dimension of L^{>k} (Table 1 of the paper), AUROC, AUPRC and FPR80 of every score with 95 % intervals
    (Table 2), the negative control, the label-free rule's alarms, KL and active units per layer, and the share of
    negative LLR.
    """
    from rich.console import Console

    from hvae.files import write_text
    from hvae.models.proposal import READINGS
    from hvae.report import BUDGETS, FORMATS, TABLES, build, gather, render
    from hvae.runs.sources import known_labels
    from hvae.scores import SCORES, find

    for name in reading or []:
        one_of(name, READINGS, "--reading")
    for name in table or []:
        one_of(name, TABLES, "--table")
    for name in score or []:
        if find(name).model_free and not baselines:
            raise ConfigError(f"{name} is a model-free baseline: leave out --no-baselines, or do not name it")
    if score and not _OF_SCORES & set(table or TABLES):
        raise ConfigError(f"--score chooses rows of the tables {' and '.join(sorted(_OF_SCORES))}: leave it out")
    form = one_of(form or (_SUFFIXES.get(out.suffix, "text") if out else "text"), FORMATS, "--format")
    entries = [named_run(name) for name in runs]
    gathered = gather(entries, reading or [], in_data)
    wanted = score or [name for name, kind in SCORES.items() if baselines or not kind.model_free]
    for problem in [*gathered.problems, *_left_out(gathered.comparisons, table or TABLES, wanted, bool(score))]:
        warn(problem)
    with Console(stderr=True).status("measuring"):
        tables = build(gathered.comparisons, table or TABLES, scores=wanted, alphas=alpha or BUDGETS, n_boot=bootstrap)
    if not tables:
        raise TableError(f"there is nothing to report of {', '.join(runs)}: score them with `hvae score` first")
    text = render(tables, form, known_labels(entry.path for entry in entries))
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_text(out, text)
        typer.echo(str(out))


def _left_out(comparisons: Sequence[Comparison], tables: Sequence[str], wanted: Sequence[str], why: bool) -> list[str]:
    """What scores are left out: a line for each reason where one asks why, else one line on all."""
    from hvae.report import left_out
    from hvae.scores import SCORES

    if not _OF_SCORES & set(tables):
        return []
    if why:
        return left_out(comparisons, wanted)
    absent = [name for name in wanted if left_out(comparisons, [name])]
    baselines = [name for name in absent if SCORES[name].model_free]
    if len(baselines) > 1:
        absent = [*(name for name in absent if name not in baselines), f"{len(baselines)} model-free baselines"]
    line = f"left out where they cannot be computed: {', '.join(absent)}; name them with --score to see why"
    return [line] if absent else []
