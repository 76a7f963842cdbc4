"""Report tables as text, Markdown, LaTeX or CSV: the paper's arrangement, with the published figures beside ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hvae.errors import ConfigError
from hvae.report.tables import METRICS, SETTINGS
from hvae.scores import everything

_NAMES = {"auroc": "AUROC", "auprc": "AUPRC", "fpr80": "FPR80"}
_TITLES = {
    "bits": "Bits per dimension of the bounds L>k (lower = more likely; * = more likely than the model's own data)",
    "detection": "OOD detection with 95 % intervals (best k = chosen on these OOD images, as in the paper)",
    "control": "Negative control: test images against fitted images of the same set, about .5 for every score",
    "alarms": "Label-free rule: realised alarms with the 95 % beta-binomial interval",
    "layers": "KL and active units per layer",
    "ratios": "LLR>k in nats, and the share of images where it is negative",
}


def render(tables: Mapping[str, pd.DataFrame], form: str, labels: Mapping[str, str] | None = None) -> str:
    """The tables of `hvae.report.build` as one text.

    `csv` is tidy and complete, with a first column `table`; the others group by settings, drop what repeats, and
    round.

    `labels` are what people call image sets, by slug; `csv` keeps the slugs.

    Raises:
        ConfigError: a form not in `FORMATS`.
    """
    if form not in FORMATS:
        raise ConfigError(f"unknown format '{form}'; the formats are {', '.join(FORMATS)}")
    if form == "csv":
        return _csv(tables)
    return "\n\n".join(_SECTIONS[form](*part) for part in _arranged(tables, labels or {})) + "\n"


def _csv(tables: Mapping[str, pd.DataFrame]) -> str:
    if len(tables) == 1:
        ((name, frame),) = tables.items()
        return frame.assign(table=name)[["table", *frame.columns]].to_csv(index=False)
    stacked = pd.concat([frame.assign(table=name).astype(object) for name, frame in tables.items()], ignore_index=True)
    return stacked[["table", *(name for name in stacked.columns if name != "table")]].to_csv(index=False)


def _arranged(tables: Mapping[str, pd.DataFrame], labels: Mapping[str, str]) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """(title, settings in words, frame of strings) of each table under each group of settings."""
    for name, table in tables.items():
        sets = [column for column in ("in_data", "data", "ood_data") if column in table]
        table = table.assign(**{column: [labels.get(slug, slug) for slug in table[column]] for column in sets})
        for _, frame in table.groupby(SETTINGS, sort=False):
            note = "run {}, in-distribution {}, reading {}, S = {}, R = {}, seed {}, {}".format(
                *frame[SETTINGS].iloc[0]
            )
            yield _TITLES[name], note, _ARRANGE[name](frame)


def _bits(frame: pd.DataFrame) -> pd.DataFrame:
    columns: dict[str, list[str]] = {"bound": [f"L>{k}" for k in sorted(frame["k"].unique())]}
    for data, rows in frame.groupby("data", sort=False):
        rows = rows.sort_values("k")
        own = " (own)" if bool(rows["own"].iloc[0]) else ""
        columns[f"{data}{own}"] = [
            f"{bits:.3f}{'*' if mark else ''}" for bits, mark in zip(rows["bits"], rows["more_likely"], strict=True)
        ]
        if _stated(rows["published_bits"]):
            columns[f"{data} published"] = [_number(value) for value in rows["published_bits"]]
    return pd.DataFrame(columns)


def _metrics(frame: pd.DataFrame) -> pd.DataFrame:
    best = frame["best_k"] if "best_k" in frame else [False] * len(frame)
    columns: dict[str, object] = {}
    if "best_k" in frame:
        columns["OOD set"] = frame["ood_data"]
    columns["score"] = [
        f"{score} (best k)" if mark else score for score, mark in zip(frame["score"], best, strict=True)
    ]
    columns["images"] = [
        f"{kind}, {n_in:,} / {n_ood:,}"
        for kind, n_in, n_ood in zip(frame["images"], frame["n_in"], frame["n_ood"], strict=True)
    ]
    stated = _stated(frame["published_auroc"])
    for metric in METRICS:
        intervals = zip(frame[metric], frame[f"{metric}_low"], frame[f"{metric}_high"], strict=True)
        columns[_NAMES[metric]] = [f"{value:.3f} [{low:.3f}, {high:.3f}]" for value, low, high in intervals]
        if stated:
            columns[f"{_NAMES[metric]} published"] = frame[f"published_{metric}"].map(_number)
    if stated:
        columns["source"] = frame["published_source"].str.replace("Havtorn et al. (2021), ", "", regex=False)
    return pd.DataFrame(columns)


def _alarms(frame: pd.DataFrame) -> pd.DataFrame:
    intervals = zip(frame["low"], frame["high"], strict=True)
    return pd.DataFrame(
        {
            "data": frame["data"],
            "images": frame["role"],
            "n": frame["n"].map("{:,}".format),
            "calibration": frame["n_calibration"].map("{:,}".format),
            "alpha": frame["alpha"].map("{:g}".format),
            "alarm rate": frame["rate"].map("{:.4f}".format),
            "interval": ["" if np.isnan(low) else f"[{low:.4f}, {high:.4f}]" for low, high in intervals],
        }
    )


def _layers(frame: pd.DataFrame) -> pd.DataFrame:
    units = zip(frame["active_units"], frame["units"], strict=True)
    return pd.DataFrame(
        {
            "data": frame["data"],
            "layer": frame["layer"].map("z_{}".format),
            "KL (nats)": [f"{kl:.2f} +- {se:.2f}" for kl, se in zip(frame["kl"], frame["kl_se"], strict=True)],
            "KL in validation": frame["validation_kl"].map(lambda value: _number(value, 2)),
            "active units": [f"{'?' if np.isnan(active) else int(active)} of {total}" for active, total in units],
        }
    )


def _ratios(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "data": frame["data"],
            "score": frame["k"].map("LLR>{}".format),
            "n": frame["n"].map("{:,}".format),
            "mean": frame["mean"].map("{:.2f}".format),
            "sd": frame["sd"].map("{:.2f}".format),
            "negative": frame["negative_share"].map("{:.2%}".format),
        }
    )


def _stated(figures: ArrayLike) -> bool:
    return not np.isnan(np.asarray(figures, dtype=np.float64)).all()


def _number(value: float, digits: int = 3) -> str:
    return "" if np.isnan(value) else f"{value:.{digits}f}"


def _text(title: str, note: str, frame: pd.DataFrame) -> str:
    return f"{title}\n{note}\n{frame.to_string(index=False)}"


def _markdown(title: str, note: str, frame: pd.DataFrame) -> str:
    rows = [list(frame.columns), ["---"] * len(frame.columns), *frame.astype(str).to_numpy().tolist()]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    title, note, body = (text.replace("*", "\\*") for text in (title, note, "\n".join(lines)))
    return f"**{title}**\n{note}\n\n{body}"


def latex_table(title: str, note: str, frame: pd.DataFrame) -> str:
    """A frame as a LaTeX table (booktabs), everything escaped and the names of scores as formulas.

    The caption is the title and the note, settings in words.
    """
    escaped = frame.astype(str).map(_escaped).rename(columns=_escaped)
    body = escaped.to_latex(index=False, escape=False, column_format="l" * len(frame.columns)).rstrip("\n")
    caption = _escaped(f"{title}. {note[0].upper()}{note[1:]}.")
    return f"\\begin{{table}}\n\\centering\n\\caption{{{caption}}}\n{body}\n\\end{{table}}"


_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$"}
_LEVELLED = re.compile(r"(?P<minus>-?)\b(?P<name>[A-Za-z]+)>(?P<k>\d+|k)\b")


def _escaped(text: str) -> str:
    """Text for LaTeX (booktabs), the names of scores as formulas."""
    without_levels = {score.label: score.latex for score in everything(0) if score.k is None}
    if text in without_levels:
        return f"${without_levels[text]}$"
    pieces, end = [], 0
    for match in _LEVELLED.finditer(text):
        font = "mathcal" if len(match["name"]) == 1 else "mathrm"
        formula = rf"{match['minus']}\{font}{{{match['name']}}}^{{>{match['k']}}}"
        pieces += [_plain(text[end : match.start()]), f"${formula}$"]
        end = match.end()
    return "".join([*pieces, _plain(text[end:])])


def _plain(text: str) -> str:
    escaped = "".join(_LATEX.get(char, f"\\{char}" if char in "&%$#_{}" else char) for char in text)
    return escaped.replace("+-", r"$\pm$")


_ARRANGE = {
    "bits": _bits, "detection": _metrics, "control": _metrics, "alarms": _alarms, "layers": _layers, "ratios": _ratios
}  # fmt: skip
_SECTIONS = {"text": _text, "markdown": _markdown, "latex": latex_table}
FORMATS = ("csv", *_SECTIONS)
"""Names of the formats that `render` knows."""
