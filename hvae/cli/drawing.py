"""`hvae figure`: figures like those of the paper, at column width, from stored tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hvae.cli.options import Runs, Seed, named_run, one_of
from hvae.cli.terminal import say
from hvae.errors import ConfigError
from hvae.files import require_writable

MOST_IMAGES = 16


def figure(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="1 (forgotten), 2 (correlations), 3 (levels), 5 (bounds), 6 (ratios) or 7 (roc), the paper's numbers.",
        ),
    ],
    runs: Runs,
    out: Annotated[Path, typer.Option(help="File to write: .pdf or .svg.")],
    csv: Annotated[bool, typer.Option("--csv", help="Write the same numbers beside it, as .csv.")] = False,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", help="OOD set. Several may follow; default all that are scored."),
    ] = None,
    k: Annotated[
        int | None,
        typer.Option("--k", help="Level; default 1 in figures 6 and 7, one less than the layers in 1 and 5."),
    ] = None,
    reading: Annotated[str | None, typer.Option(help="Only tables of this reading of L^{>k}.")] = None,
    samples: Annotated[int | None, typer.Option(help="Only tables of so many importance samples S.")] = None,
    draws: Annotated[int | None, typer.Option(help="Only tables of so many draws R.")] = None,
    images: Annotated[int, typer.Option(help="Images of each set, in figures 1 and 3.")] = 4,
    seed: Seed = 0,
) -> None:
    """Draw a figure like one of the paper's for runs of yours, at the width of a column.

    1 what is left of images of two sets when all but the highest latents are forgotten, and 3 the same at every level
    (both need weights and images); 2 how alike two runs represent the same images; 5 the densities of -L and -L^{>k};
    6 those of LLR^{>k}; 7 their ROC curves.
    """
    from hvae.report.figures import FIGURES, NAMES, Asked, draw, suffix
    from hvae.runs.settings import Setting

    one_of(name, [*FIGURES, *NAMES], "NAME")
    suffix(out)
    require_writable(out.parent)
    if not 1 <= images <= MOST_IMAGES:
        raise ConfigError(f"--images {images} is outside 1..{MOST_IMAGES}, what fits into a column")
    given = {"reading": reading, "samples": samples, "draws": draws}
    given = {option: value for option, value in given.items() if value is not None}
    entries = [named_run(one) for one in dict.fromkeys(runs)]
    asked = Asked(entries, data or (), Setting.of(**given) if given else None, k, images, seed)
    drawn = draw(name, asked)
    drawn.write(out)
    say(str(out))
    if csv:
        numbers = out.with_suffix(".csv")
        drawn.write_numbers(numbers)
        say(str(numbers))
