"""Report tables as text, Markdown, LaTeX or CSV: the paper's arrangement, with the published figures beside ours."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from hvae.errors import ConfigError
from hvae.report.noted import NOTES
from hvae.report.robustness import SEEN
from hvae.report.tables import SETTINGS
from hvae.runs.settings import Setting
from hvae.scores import SCORES, of_label

_NAMES = {"auroc": "AUROC", "auprc": "AUPRC", "fpr80": "FPR80", "fpr95": "FPR95"}
_TITLES = {
    "bits": "Bits per dimension of the bounds L>k (lower = more likely; * = more likely than the model's own data)",
    "detection": "OOD detection with 95 % intervals (best k = chosen on these OOD images, as in the paper)",
    "seeds": "OOD detection over seeds: mean and standard deviation of runs that differ in their seed alone",
    "missed": "OOD images that every seed misses, at 5 % of the own test images called OOD",
    "control": "Negative control: test images against fitted images of the same set, about .5 for every score",
    "alarms": "Label-free rule: realised alarms with the 99.9 % beta-binomial interval",
    "layers": "KL and active units per layer",
    "ratios": "LLR>k in nats, and the share of images where it is negative",
    "card": "Robustness card: changed test images against unaltered ones, AUROC with 95 % intervals and share caught",
    "limits": f"Limits of near-OOD detection: which changes are not seen (AUROC below {SEEN:g})",
}

_BASELINES = {
    "detection": "Model-free baselines: OOD detection by the pixels alone, on either side, with 95 % intervals",
    "control": "Model-free baselines: the negative control by the pixels alone",
}
"""Titles of the blocks behind the model's scores."""

_BLOCKS = {
    "labels or OOD data": "Scores that have seen labels or OOD images",
    "prior knowledge": "Scores with prior knowledge of what misleads a likelihood",
    "neither": "Scores that take neither labels nor OOD images nor prior knowledge",
}
"""Titles of the blocks of a comparison with rivals."""

_SCORE = {"score": "{titled}", "--score": "{option}"}
"""A score by its title, and beside it what one types; see `_titled`."""

_COLUMNS: dict[str, dict[str, str]] = {
    "alarms": {
        "data": "{data}",
        "images": "{role}",
        "n": "{n:,}",
        "judged by": "{titled}",
        "--score": "{option}",
        "calibration": "{n_calibration:,}",
        "alpha": "{alpha:g}",
        "alarm rate": "{rate:.4f}",
        "interval": "[{low:.4f}, {high:.4f}]",
    },
    "layers": {
        "data": "{data}",
        "layer": "z_{layer}",
        "KL (nats)": "{kl:.2f} +- {kl_se:.2f}",
        "KL in validation": "{validation_kl:.2f}",
        "active units": "{active_units} of {units}",
    },
    "ratios": {
        "data": "{data}",
        "score": "LLR>{k}",
        "n": "{n:,}",
        "mean": "{mean:.2f}",
        "sd": "{sd:.2f}",
        "negative": "{negative_share:.2%}",
    },
    "seeds": {"OOD set": "{ood_data}", **_SCORE, "seeds": "{seeds}"}
    | {title: f"{{{metric}:.3f}} +- {{{metric}_sd:.3f}}" for metric, title in _NAMES.items()},
    "missed": {
        "OOD set": "{ood_data}",
        **_SCORE,
        "n": "{n:,}",
        "seeds": "{seeds}",
        "missed by one": "{missed:.1%}",
        "by every one": "{missed_by_all:.1%}",
        "by chance": "{by_chance:.2%}",
    },
    NOTES: {"image": "{image}", "tags": "{tags}", "note": "{note}", "changed": "{changed}"},
    "limits": {"change": "{name}{in_unit}", "score": "{called}", "limit": "{limit}"},
}
"""Of each table whose columns are always the same: headings, and what stands in a row, see `_filled`."""


def render(tables: Mapping[str, pd.DataFrame], form: str, labels: Mapping[str, str] | None = None) -> str:
    """The tables of `hvae.report.build` as one text.

    `csv` is tidy and complete, with a first column `table`; the others group by settings, drop what repeats, round, and
    call image sets as people do by the `labels` of their slugs. What is read on a terminal has the titles of scores and
    the names that options take, LaTeX their formulas. `ConfigError` for a form not in `FORMATS`.
    """
    if form not in FORMATS:
        raise ConfigError(f"unknown format '{form}'; the formats are {', '.join(FORMATS)}")
    if form == "csv":
        return _csv(tables)
    return "\n\n".join(_SECTIONS[form](*part) for part in _arranged(tables, labels or {}, form)) + "\n"


def _csv(tables: Mapping[str, pd.DataFrame]) -> str:
    if len(tables) == 1:
        ((name, frame),) = tables.items()
        return frame.assign(table=name)[["table", *frame.columns]].to_csv(index=False)
    stacked = pd.concat([frame.assign(table=name).astype(object) for name, frame in tables.items()], ignore_index=True)
    return stacked[["table", *(name for name in stacked.columns if name != "table")]].to_csv(index=False)


def _titled(table: pd.DataFrame, form: str) -> pd.DataFrame:
    """With `titled`, what a score is called, and `option`, its name on the command line; LaTeX has the label alone.

    The label of a published score is its publishers' own.
    """
    if form == "latex" or "score" not in table:
        return table.assign(titled=table.get("score"), option="")
    found = {label: of_label(label) for label in set(table["score"])}
    called = {label: one.called if one else label for label, one in found.items()}
    names = {label: one.name if one else "" for label, one in found.items()}
    options = table["name"] if "rerun" in table else [names[label] for label in table["score"]]
    return table.assign(titled=[called[label] for label in table["score"]], option=options)


def _arranged(
    tables: Mapping[str, pd.DataFrame], labels: Mapping[str, str], form: str
) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """(title, settings in words, frame of strings) of each table under each group of settings."""
    for name, table in tables.items():
        sets = [column for column in ("in_data", "data", "ood_data") if column in table]
        table = table.assign(**{column: [labels.get(slug, slug) for slug in table[column]] for column in sets})
        table = _titled(table, form)
        if name == NOTES:
            for run, frame in table.groupby("run", sort=False):
                yield "Notes on images", f"run {run}", _filled(frame, _COLUMNS[name])
            continue
        if name == "rivals":
            yield from _rivals(table)
            continue
        for _, frame in table.groupby(SETTINGS, sort=False):
            *known, noise = frame[SETTINGS].iloc[0]
            note = "run {}, in-distribution {}, reading {}, S = {}, R = {}, seed {}, {}".format(*known)
            note += f", noise {noise}" if noise != Setting().noise else ""
            if name == "card":
                first = frame.iloc[0]
                note += (
                    f", {first['n_ood']:,} changed and {first['n_in']:,} unaltered images, budget {first['budget']:g}"
                )
            if name == "alarms" and (more := frame["note"].iloc[0]):
                note += f"; {more}"
            if wide := _WIDE.get(name):
                yield _TITLES[name], note, wide(frame)
                continue
            columns = _columns(name, frame)
            if "model_free" not in frame:
                yield _TITLES[name], note, _filled(frame, columns)
                continue
            for model_free, rows in frame.groupby("model_free"):
                yield (_BASELINES if model_free else _TITLES)[name], note, _filled(rows, columns)


def _rivals(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Scores of several runs, a block for each OOD set and what the scores take."""
    table = table.assign(setting=[_setting(row) for row in table.to_dict("records")])
    settings = sorted(set(table["setting"]) - {""})
    for _, rows in table.groupby(["ood_data", "group"], sort=False):
        first = rows.iloc[0]
        note = f"in-distribution {first['in_data']}, OOD {first['ood_data']}"
        if any(rows["setting"]):
            note += f", {rows['n_in'].max():,} / {rows['n_ood'].max():,} images, the same for all"
            note += f"; {settings[0]}" * (len(settings) == 1)
        columns = {"run": "{run}", "model": "{model}", **_SCORE, "score": "{titled}{free}"}
        columns |= ({"setting": "{setting}"} if len(settings) > 1 else {}) | {"passes": "{passes}"}
        for metric, title in _NAMES.items():
            columns[title] = f"{{{metric}:.3f}} [{{{metric}_low:.3f}}, {{{metric}_high:.3f}}]"
        if rival := max(rows["against"]):
            note += f"; differences in AUROC from {rival}, paired"
            columns["difference"] = "{difference:+.3f} [{difference_low:+.3f}, {difference_high:+.3f}]"
        if any(rows["published_source"]):
            columns |= {"published": "{published}"} | ({"re-run": "{rerun}"} if any(rows["rerun"]) else {})
            columns["source"] = "{source}"
        yield _BLOCKS[first["group"]], note, _filled(rows, columns)


def _setting(row: Mapping[Any, Any]) -> str:
    """The setting of a row in words; empty where nothing was measured for it."""
    return "" if pd.isna(row["reading"]) else str(Setting(**{name: row[name] for name in Setting().fields}))


def _bits(frame: pd.DataFrame) -> pd.DataFrame:
    columns: dict[str, object] = {"bound": [f"L>{k}" for k in sorted(frame["k"].unique())]}
    for data, rows in frame.groupby("data", sort=False):
        rows = rows.sort_values("k")
        rows = rows.assign(mark=["*" if more else "" for more in rows["more_likely"]])
        wanted = {f"{data} (own)" if bool(rows["own"].iloc[0]) else str(data): "{bits:.3f}{mark}"}
        if bool(rows["published_bits"].notna().any()):
            wanted[f"{data} published"] = "{published_bits:.3f}"
        columns |= _filled(rows, wanted).to_dict("list")  # type: ignore[arg-type]  # headings are text
    return pd.DataFrame(columns)


def _card(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a family and strength, two columns a score that is shown."""
    columns: dict[str, object] = {}
    for shown, rows in frame.query("shown != ''").groupby("shown", sort=False):
        if not columns:
            columns |= _filled(rows, {"change": "{name}", "strength": "{words}"}).to_dict("list")  # type: ignore[arg-type]
        named = "{titled} " if bool(rows["model_free"].iloc[0]) else ""
        shown = shown if named else rows["titled"].iloc[0]
        wanted = {
            str(shown): f"{named}{{auroc:.3f}} [{{auroc_low:.3f}}, {{auroc_high:.3f}}]",
            f"{shown} caught": "{caught:.1%}",
        }
        columns |= _filled(rows, wanted).to_dict("list")  # type: ignore[arg-type]  # headings are text
    return pd.DataFrame(columns)


_WIDE = {"bits": _bits, "card": _card}
"""Tables that stand in another arrangement than one row a row."""


def _columns(name: str, frame: pd.DataFrame) -> dict[str, str]:
    """The columns of any other table, as `_COLUMNS` has them."""
    if name in _COLUMNS:
        return _COLUMNS[name]
    columns = {"OOD set": "{ood_data}"} if "best_k" in frame else {}
    columns |= {**_SCORE, "score": "{titled}{best}", "needs": "{needs}", "passes": "{passes}"}
    columns |= {"images": "{images}, {n_in:,} / {n_ood:,}"}
    stated = bool(frame["published_auroc"].notna().any())
    for metric, title in _NAMES.items():
        columns[title] = f"{{{metric}:.3f}} [{{{metric}_low:.3f}}, {{{metric}_high:.3f}}]"
        if stated and f"published_{metric}" in frame:
            columns[f"{title} published"] = f"{{published_{metric}:.3f}}"
    return columns | ({"source": "{source}"} if stated else {})


def _filled(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Templates filled in with each row; a cell is empty where the first of its values is missing."""
    rows = [_worded({str(name): value for name, value in row.items()}) for row in frame.to_dict("records")]
    # Nowhere in LaTeX, and not where publishers alone have the scores.
    columns = {title: template for title, template in columns.items() if template != "{option}" or any(frame["option"])}
    first = {title: re.findall(r"\{(\w+)", template)[0] for title, template in columns.items()}
    return pd.DataFrame(
        {
            title: ["" if pd.isna(row[first[title]]) else template.format(**row) for row in rows]
            for title, template in columns.items()
        }
    )


def _worded(row: dict[str, Any]) -> dict[str, Any]:
    """A row with what templates cannot say by themselves."""
    if "active_units" in row:
        row["active_units"] = "?" if np.isnan(row["active_units"]) else int(row["active_units"])
    row["best"] = " (best k)" if row.get("best_k") else ""
    if "rerun" in row:
        row["free"] = " (no model)" * row["model_free"]
        if not row["per_image"]:
            row["free"] = (
                f" ({row['n_in']:,} / {row['n_ood']:,} {'batches' if 'a batch' in row['needs'] else 'images'})"
            )
        stated = [row[key] for metric in _NAMES if (key := f"published_{metric}") in row]
        row["published"] = " / ".join(f"{one:.3f}" for one in stated if not np.isnan(one))
    if "limit" in row:
        row["in_unit"] = f" ({row['unit']})" * bool(row["unit"])
        row["called"] = row["titled"] if row["shown"] == row["score"] else f"{row['shown']} ({row['titled']})"
    row["source"] = row.get("published_source", "").replace("Havtorn et al. (2021), ", "")
    if note := row.get("published_note"):
        row["source"] += f"; {note}"
    return row


def _text(title: str, note: str, frame: pd.DataFrame) -> str:
    return f"{title}\n{note}\n{frame.to_string(index=False)}"


def _markdown(title: str, note: str, frame: pd.DataFrame) -> str:
    rows = [list(frame.columns), ["---"] * len(frame.columns), *frame.astype(str).to_numpy().tolist()]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    title, note, body = (text.replace("*", "\\*") for text in (title, note, "\n".join(lines)))
    return f"**{title}**\n{note}\n\n{body}"


def latex_table(title: str, note: str, frame: pd.DataFrame) -> str:
    """A frame as a LaTeX table (booktabs), everything escaped and the names of scores as formulas.

    The caption is the title and the note, settings in words, where there is one.
    """
    escaped = frame.astype(str).map(_escaped).rename(columns=_escaped)
    # After the end of a row, LaTeX takes a bracket or a star for an option of it.
    escaped.isetitem(0, [f"{{}}{cell}" if cell.startswith(("[", "*")) else cell for cell in escaped.iloc[:, 0]])
    body = escaped.to_latex(index=False, escape=False, column_format="l" * len(frame.columns)).rstrip("\n")
    caption = _escaped(f"{title}. {note[:1].upper()}{note[1:]}." if note else f"{title}.")
    return f"\\begin{{table}}\n\\centering\n\\caption{{{caption}}}\n{body}\n\\end{{table}}"


_LATEX = {
    **dict.fromkeys("\t\n\r", " "),
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "\N{MINUS SIGN}": "$-$",
    "\N{EN DASH}": "--",
    "\N{NO-BREAK SPACE}": "~",
    "\N{HORIZONTAL ELLIPSIS}": r"\dots{}",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{UPWARDS ARROW}": r"$\uparrow$",
    "\N{DOWNWARDS ARROW}": r"$\downarrow$",
    "\N{MIDDLE DOT}": r"$\cdot$",
    **{chr(0x2080 + digit): f"$_{digit}$" for digit in range(10)},
}
_LEVELLED = re.compile(r"(?P<minus>[-\N{MINUS SIGN}]?)\b(?P<name>[A-Za-z]+)>(?P<k>\d+|k)\b")


def _escaped(text: str) -> str:
    """Text for LaTeX (booktabs), the names of scores as formulas."""
    without_levels = {kind().label: kind().latex for kind in SCORES.values() if None in kind.levels(0)}
    if text in without_levels:
        return f"${without_levels[text]}$"
    pieces, end = [], 0
    for match in _LEVELLED.finditer(text):
        font = "mathcal" if len(match["name"]) == 1 else "mathrm"
        formula = rf"{'-' * bool(match['minus'])}\{font}{{{match['name']}}}^{{>{match['k']}}}"
        pieces += [_plain(text[end : match.start()]), f"${formula}$"]
        end = match.end()
    return "".join([*pieces, _plain(text[end:])])


def _plain(text: str) -> str:
    escaped = "".join(_LATEX.get(char, f"\\{char}" if char in "&%$#_{}" else char) for char in text)
    return escaped.replace("+-", r"$\pm$")


_SECTIONS = {"text": _text, "markdown": _markdown, "latex": latex_table}
FORMATS = ("csv", *_SECTIONS)
"""Names of the formats that `render` knows."""
