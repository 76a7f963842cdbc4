"""The options of `hvae score` that no other command has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    list[str] | None,
    typer.Option(
        help="Data set: a name of `hvae data list`, folder:PATH, npz:PATH or shards:PATH. Several may follow; for "
        "parts of the training set default the one each run was trained on."
    ),
]
Images = Annotated[
    list[Path] | None,
    typer.Option(help="Instead of a data set: image files, folders or zip archives to judge. Several may follow."),
]
Fit = Annotated[
    str | None,
    typer.Option(
        help="Your own images of other aspects: pad (with black), extend (with the colour of the border), crop or "
        "squash; default pad; under --images extend, unless the run was trained on images of your own."
    ),
]
Prepare = Annotated[
    list[str] | None,
    typer.Option(
        help="Your own images: scan (dark ink on paper, all of what follows), or some of auto-invert, level, crop and "
        "centre, so that they lie as the training images do. Several may follow."
    ),
]
TwoSided = Annotated[bool, typer.Option("--two-sided", help="With --images: ratios too low are alarms as well.")]
ScoreName = Annotated[
    str | None,
    typer.Option(
        "--score",
        help="With --images: the score that judges, by its name in the registry; default joint, or llr where the run "
        "does not give that or has under 200 reference images.",
    ),
]
Statistic = Annotated[
    str,
    typer.Option(
        help="With --images, of a score with levels: rank (least tail rank over k) or difference (the k that "
        "differs most)."
    ),
]
Card = Annotated[
    bool,
    typer.Option(
        "--card",
        help="Instead of a data set: measure the robustness card, 500 (or --limit) of the run's own test images under "
        "noise, blur, rotation ... of growing strength.",
    ),
]
Also = Annotated[
    list[str] | None,
    typer.Option(
        help="With --data: measure what this score takes besides and put it into the same tables: complementary, lpath "
        "or regret (of 1,000 images a table, under a second each on a free CPU core). Several may follow."
    ),
]
OfShard = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="With --data: score only the I-th of N parts of the rows, on one of several machines; hvae merge puts the "
        "parts together.",
    ),
]
OfLandscape = Annotated[
    bool,
    typer.Option(
        "--landscape",
        help="Instead of scoring the --data: how log p around the mean training image (slope and curvature, from at "
        "most 10,000 or --limit images a set) would make it likelier, and log p of some images as their contrast "
        "changes. For a density of whole pixel values.",
    ),
]
BatchSize = Annotated[
    int, typer.Option(help="Images x samples in one pass; a GPU takes more where they fit. No value depends on it.")
]
NoiseVersion = Annotated[
    int,
    typer.Option(
        "--noise",
        help="Version of all noise: 1 is drawn by the host, 2 where it is computed, which a GPU has not to wait for. "
        "Tables of the two are never compared.",
    ),
]
OfPrecision = Annotated[
    str,
    typer.Option(
        envvar="HVAE_PRECISION",
        help="Of the forward passes: 32-true, bf16-mixed, or auto: that of its tables which are there, else bf16-mixed "
        "where it is fast and changes scores by less than a tenth of their Monte-Carlo error, else 32-true.",
    ),
]
RuleFile = Annotated[
    Path | None,
    typer.Option(
        "--rule",
        help="With --images: a threshold chosen on the page Score images or Scores and saved there. It says score, "
        "setting, budget and how images are prepared; a run with other weights is refused.",
    ),
]
FailIfOod = Annotated[
    bool,
    typer.Option(
        "--fail-if-ood",
        help="With --images: exit code 3 if the first run finds any image OOD. A file that is not read is always 4.",
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(help="With --images: write what the first run says as a report for people to this file, .html."),
]
Split = Annotated[
    list[str] | None,
    typer.Option(
        help="test, train, all, or a part of the training set: fitted, validation, reference, calibration; of a folder "
        "with normal and abnormal in it also abnormal. "
        "Several may follow; default test, and of your own images that a run was trained on reference, calibration and "
        "abnormal, which it has not seen."
    ),
]
