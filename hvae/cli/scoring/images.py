"""`hvae score RUN --images`: is this image unlike what the model knows?"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hvae.cli.options import accelerator, one_of
from hvae.cli.terminal import ALARM, FAILED, UNREAD, counted, fail, say, strict_json
from hvae.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pandas as pd

    from hvae.cli.scoring.reporting import Kept
    from hvae.datasets.own.outside import Refusal, Treatment
    from hvae.runs.folders import RunEntry
    from hvae.verdicts.chosen import ChosenRule
    from hvae.verdicts.rule import Rule

BATCH = 64
"""Images read, scored and let go of together: what is in memory does not grow with their number."""


def judge(
    runs: list[RunEntry],
    sources: list[Path],
    *,
    asked: dict[str, Any],
    alpha: float,
    fit: str | None,
    invert: bool,
    prepare: list[str],
    two_sided: bool,
    statistic: str,
    score: str | None,
    device: str,
    as_json: bool,
    fail_if_ood: bool,
    report: Path | None = None,
    pixels: bool = True,
    rule_chosen: ChosenRule | None = None,
) -> None:
    """Score images from outside with some runs and print a verdict on each; with several, which knows each best.

    `asked` holds the fields of the setting that were given. Exit code 4 where a file was not read, else 3 where
    `fail_if_ood` and the first run raises an alarm; its words become a `report`. A `rule_chosen` binds the weights.
    """
    from hvae.datasets.conversions import FITS
    from hvae.datasets.own.preparing import steps_of
    from hvae.verdicts.rule import STATISTICS

    if fit is not None:
        one_of(fit, FITS, "--fit")
    steps = steps_of(prepare)
    one_of(statistic, STATISTICS, "--statistic")
    where = accelerator(device)
    _check(sources, alpha, report)
    # Before any model is loaded: a run without a rule is said at once.
    by: dict[str, Any] = {"score": score, "two_sided": two_sided, "statistic": statistic, "pixels": pixels}
    rules = _rules(runs, asked, by, alpha, rule_chosen)
    treatments = [_treatment(run, fit, invert, steps) for run in runs]
    found: list[dict[str, Any]] = []
    refused: list[Refusal] = []
    frames: list[pd.DataFrame] = []
    kept = _kept() if report is not None else None
    for run, own, how in zip(runs, rules, treatments, strict=True):
        frame, refused, passed = _judge(run, own, sources, how, alpha, where, kept if not found else None)
        found.append(_as_record(run, own, how, frame, refused, passed, alpha))
        if not len(frame):
            break
        frames.append(frame)
    if report is not None and kept is not None and frames:
        from hvae.cli.scoring.reporting import write_report

        catches = found[0]["catches"]
        write_report(report, runs, rules, frames, kept, treatments[0], alpha, sources, catches, refused)
    _tell(found, refused, sources, alpha, as_json)
    if refused:
        raise typer.Exit(UNREAD)
    if fail_if_ood and any(image["ood"] for image in found[0]["images"]):
        raise typer.Exit(ALARM)


def _rules(
    runs: list[RunEntry], asked: dict[str, Any], by: dict[str, Any], alpha: float, chosen: ChosenRule | None
) -> list[Rule]:
    """The rule of each run, which can raise an alarm and is the one that was chosen."""
    from hvae.runs.catalogue import catalogue
    from hvae.verdicts.rule import rule

    rules = [rule(found, found.rule_setting(**asked), **by) for found in map(catalogue, runs)]
    for one in rules:
        if chosen is not None:
            chosen.require(one)
        one.require(alpha)
    return rules


def _treatment(run: RunEntry, fit: str | None, invert: bool, steps: tuple[str, ...]) -> Treatment:
    from hvae.datasets.own.preparing import Treatment, usual_fit

    assert run.config is not None
    trained = run.config.data.name
    return Treatment(run.config.model.image_shape, fit or usual_fit(trained), invert, steps, trained)


def _kept() -> Kept:
    from hvae.cli.scoring.reporting import Kept

    return Kept()


def _check(sources: list[Path], alpha: float, report: Path | None) -> None:
    """Refuse what could not be judged or written, before any model is loaded."""
    if report is not None and report.suffix.lower() != ".html":
        raise ConfigError(f"--report {report}: the name must end in .html")
    if not 0 < alpha < 1:
        raise ConfigError(f"--alpha must lie between 0 and 1, it is {alpha}")
    for path in sources:
        if not path.exists():
            raise DataError(f"there is no file or folder {path}")


def _tell(
    found: list[dict[str, Any]], refused: list[Refusal], sources: list[Path], alpha: float, as_json: bool
) -> None:
    """Print what was found of each run; ends the command where no image could be read."""
    if as_json:
        say(strict_json(found))
    if not found[-1]["images"]:
        reasons = "; ".join(f"{one.name}: {one.reason}" for one in refused[:5])
        nothing = f"no readable image in {', '.join(map(str, sources))}{f' ({reasons})' * bool(reasons)}"
        fail(nothing, UNREAD if refused else FAILED)
    if not as_json:
        for record in found:
            _show(record)
        if len(found) > 1:
            _show_side_by_side(found, alpha)


def _judge(
    run: RunEntry,
    rule: Rule,
    sources: Iterable[Path],
    how: Treatment,
    alpha: float,
    where: str,
    kept: Kept | None = None,
) -> tuple[pd.DataFrame, list[Refusal], list[Refusal]]:
    """(one row an image that could be read, the others with their reasons, what was left out by design).

    What is `kept` of them is what a report shows.
    """
    import numpy as np
    import pandas as pd

    from hvae.datasets.own.outside import Refusal, collect
    from hvae.verdicts.judge import Judge

    frames: list[pd.DataFrame] = []
    refused: list[Refusal] = []
    passed: list[Refusal] = []
    model, found, number = Judge(run, rule, accelerator=where), collect(sources, how, passed=passed), 0
    with counted(f"{run.name}: images") as on_progress:
        while batch := list(islice(found, BATCH)):
            refused += (one for one in batch if isinstance(one, Refusal))
            if pictures := [one for one in batch if not isinstance(one, Refusal)]:
                images, caveats = zip(*((picture.image, picture.caveats) for picture in pictures), strict=True)
                frame = model(np.stack(images), alpha, caveats)
                frame.insert(0, "image", [picture.name for picture in pictures])
                frame.insert(1, "changes", ["; ".join(picture.changes) for picture in pictures])
                frames.append(frame)
                if kept is not None:
                    kept.add(images, frame)
            number += len(batch)
            on_progress(number, 0)
    return (pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()), refused, passed


def _as_record(
    run: RunEntry,
    rule: Rule,
    how: Treatment,
    frame: pd.DataFrame,
    refused: list[Refusal],
    passed: list[Refusal],
    alpha: float,
) -> dict[str, Any]:
    from hvae.runs.catalogue import catalogue
    from hvae.verdicts import power, words

    together = words.summary(frame["p"].to_numpy(), len(rule.calibration), alpha) if len(frame) else None
    setting = {
        **rule.setting.fields, "alpha": alpha, "score": rule.score, "levels": [one.label for one in rule.levels],
        "statistic": rule.statistic, "two_sided": rule.two_sided, "pixels": rule.pixels, "fit": how.fit,
        "invert": how.invert, "prepare": list(how.steps), "n_reference": len(rule.reference),
        "n_calibration": len(rule.calibration), "weights_sha256": rule.weights_sha256, "note": rule.note,
    }  # fmt: skip
    sets = power.measured(catalogue(run), rule) if together else []
    return {
        "run": run.name,
        "setting": setting,
        "conclusion": words.conclusion(together, sum(map(bool, frame["caveats"])), len(refused)) if together else "",
        "catches": power.catches(sets, alpha) if together else "",
        "caught": {one.label: one.share(alpha) for one in sets},
        "together": together,
        "images": frame.to_dict("records"),
        "refused": [{"image": one.name, "reason": one.reason} for one in refused],
        "left_out": [{"name": one.name, "reason": one.reason} for one in passed],
    }


def _show(record: dict) -> None:
    """The verdicts of one run as a table."""
    from rich.markup import escape
    from rich.table import Table

    from hvae.cli.terminal import show
    from hvae.datasets.own.names import cut
    from hvae.runs.settings import Setting
    from hvae.scores import find
    from hvae.verdicts.words import together

    setting = record["setting"]
    # Before any verdict: whoever reads on must know which of them rest on little.
    for image in record["images"]:
        if image["caveats"]:
            say(f"doubtful: {image['image']}: {image['caveats']}")
    levels, differs = setting["levels"], "differs_at" in record["images"][0]
    title = f"{find(setting['score']).title} (--score {setting['score']})"
    table = Table("image", *levels, "p", *(["differs at"] if differs else []), "verdict", title=title)
    for image in record["images"]:
        cells = [f"{image[label]:.1f}" for label in levels] + [f"{image['p']:.4f}"]
        cells += [f"{'k = ' * (len(levels) > 1)}{image['differs_at']}"] if differs else []
        table.add_row(escape(cut(image["image"])), *cells, image["verdict"])
    show(table)
    for one in record["refused"]:
        say(f"not read: {one['image']}: {one['reason']}")
    for one in record["left_out"]:
        say(f"left out: {one['name']}: {one['reason']}")
    if setting["note"]:
        say(f"{record['run']}: {setting['note']}")
    say(f"{record['conclusion']} {record['catches']}")
    how = Setting(**{name: setting[name] for name in Setting().fields})
    told = together(record["together"], setting["n_calibration"], setting["alpha"])
    say(f"{record['run']} ({setting['score']}, {how}): {told}")


def _show_side_by_side(records: list[dict], alpha: float) -> None:
    """The p-values of several runs on the same images as a table, and which run knows each best."""
    import numpy as np
    from rich.markup import escape
    from rich.table import Table

    from hvae.cli.terminal import show
    from hvae.datasets.own.names import cut
    from hvae.verdicts import words

    runs = [record["run"] for record in records]
    p = [np.array([image["p"] for image in record["images"]]) for record in records]
    frame = words.side_by_side(runs, p, alpha)
    table = Table("image", *map(escape, runs), "no alarm from", "knows it best", title="p-values side by side")
    for image, one, *values in zip(records[0]["images"], frame.itertuples(), *p, strict=True):
        cells = [f"{value:.4f}{' alarm' if value <= alpha else ''}" for value in values]
        table.add_row(
            escape(cut(image["image"])), *cells, f"{one.no_alarm_from} of {len(runs)}", escape(str(one.knows_best))
        )
    show(table)
    say(f"{words.best_in_words(runs, frame)} {words.COMPARABLE}")
