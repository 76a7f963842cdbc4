"""The report as it is mailed: one HTML file that needs nothing else, small enough for an e-mail.

In the order in which it is read: date and conclusion, the threshold and what it catches, what has to be known before
any verdict, the most unusual alarms with their evidence, then the table, and last how it was made. Text from outside
is escaped. Imports no torch.
"""

import base64
import html
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import repeat
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from hvae.datasets.own.caveats import out_of_words
from hvae.datasets.own.names import cut
from hvae.report.judged.where import HIGH_END, LOW_END, Where, diverging, through_scale
from hvae.verdicts.judgement import order
from hvae.verdicts.words import images

MOST_BYTES = 1_900_000
"""Of the whole file: a mailbox takes 2 MB. What does not fit is counted, and the CSV file has it."""
MOST_ALARMS = 12
"""Alarms with their evidence."""
MOST_REFUSED = 200
NOTED = ("tags", "note")
"""What people noted of an image, where there is anything."""
_TABLE_SHARE = 0.85
_LARGEST_SIDE = 64
"""Pixels of a thumbnail."""
_WIDTHS = {"name": 15, "caveats": 6, "verdict": 15, "changes": 12}
"""In letters, of the columns of words in the table of verdicts; numbers take what they need."""
_STYLE = """
:root { color-scheme: light dark; --ink: #1B1F24; --quiet: #555; --line: #D5DAE0; --page: #FFF; --bar: #D55E00; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #E8EAED; --quiet: #A9B0B8; --line: #3A414A; --page: #14171B; --bar: #F0863C; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 70rem;
  margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { margin-bottom: 0; } .date { color: var(--quiet); margin-top: 0; }
.conclusion { font-size: 1.2rem; font-weight: 600; } h2 { margin: 2rem 0 .5rem; } p, li { max-width: 48rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
th, td { text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: middle; }
td { min-width: 3rem; } img { width: 56px; image-rendering: pixelated; display: block;
  outline: 1px solid var(--line); }
.frame { overflow-x: auto; overflow-wrap: normal; } .verdicts { font-size: .9rem; line-height: 1.3; min-width: 60rem; }
.verdicts td:nth-child(2) { overflow-wrap: anywhere; min-width: 9rem; }
small { display: block; color: var(--quiet); white-space: pre-line; }
.alarms { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: 1rem; }
.alarms article { border: 1px solid var(--line); border-radius: .5rem; padding: .8rem; }
.alarms img { width: 112px; } .alarms p { margin: .3rem 0; } .shown { display: flex; gap: .8rem; align-items: start; }
figure { margin: 0; } figcaption { color: var(--quiet); font-size: .85rem; text-align: center; }
.scale { display: flex; flex-wrap: wrap; gap: .3rem .6rem; align-items: center; font-size: .85rem; max-width: none; }
.scale span { width: 12rem; height: .8rem; border: 1px solid var(--line); }
.part { display: grid; grid-template-columns: 9rem 1fr 4rem; gap: .5rem; align-items: center; font-size: .85rem; }
.part i { background: var(--bar); height: .6rem; }
@media print { html { font-size: 11px; } body { margin: 0; max-width: none; font-size: 11px; }
  .frame { overflow: visible; } .verdicts { min-width: 0; } td, .verdicts td:nth-child(2) { min-width: 0; }
  td { padding: .1rem .6rem .1rem 0; } td img { width: 28px; } article, tr, .scale { break-inside: avoid; }
  h2 { break-after: avoid; } .part i, .scale span { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


@dataclass(frozen=True, eq=False)
class JudgedImages:
    """What one run says of some images, and what has to be known of it."""

    run: str
    conclusion: str
    threshold: Sequence[str]
    """The budget in words, and what all images together say; a paragraph each."""
    catches: str
    frame: pd.DataFrame
    """One row an image: `name`, `verdict`, `p`, `alarm` (bool), `caveats`, and what is `shown`."""
    pictures: Sequence[bytes]
    """As `thumbnail` gives them, one an image."""
    shown: Mapping[str, tuple[str, str]]
    """The table for people: heading -> (column, how it is written)."""
    parts: Sequence[str] = ()
    """Columns that the score of an image is the sum of, nats."""
    facts: Mapping[str, object] = field(default_factory=dict)
    notes: Sequence[str] = ()
    """What has to be known of the runs."""
    refused: Sequence[tuple[str, str]] = ()
    beside: tuple[pd.DataFrame, str] | None = None
    """Cells of the p-values of several runs side by side, and what they say."""
    where: Where = field(default_factory=Where)
    """Pixel maps of the most unusual alarms."""


def thumbnail(image: np.ndarray, *, lossless: bool = False) -> bytes:
    """`(channel, height, width)` uint8 as a small WebP file."""
    pixels = image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)
    picture = Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")
    picture.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
    picture.save(buffer := io.BytesIO(), "WEBP", quality=70, method=4, lossless=lossless)
    return buffer.getvalue()


def document(found: JudgedImages, today: datetime | None = None) -> str:
    """The report as HTML, at most about `MOST_BYTES` long; `today` is its date."""
    date = f"{today or datetime.now(UTC):%d %B %Y}".lstrip("0")
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'><title>Verdicts on images</title>",
        f"<style>{_STYLE}</style><h1>Verdicts on images</h1>",
        f"<p class='date'>{date}, by {_text(found.run)}</p>",
        f"<p class='conclusion'>{_text(found.conclusion)}</p>",
        "<h2>The threshold, and what it catches</h2>",
        *(f"<p>{_text(one).replace(' %', '&nbsp;%')}</p>" for one in (*found.threshold, found.catches) if one),
        "<h2>Before you read a verdict</h2>",
        f"<ul>{''.join(f'<li>{_text(line)}</li>' for line in _caveats(found))}</ul>",
        *_alarms(found),
    ]
    end = [*_beside(found), *_refused(found.refused), "<h2>How it was made</h2>"]
    end.append(_table(["setting", "value"], ([_text(name), _text(value)] for name, value in found.facts.items())))
    room = MOST_BYTES - sum(len(part.encode()) for part in [*parts, *end])
    return "\n".join([*parts, *_verdicts(found, room), *end])


def _caveats(found: JudgedImages) -> Iterator[str]:
    """What limits every verdict, and how many images are doubtful by what kind of doubt."""
    yield "An image without an alarm is not proven to be fine: it may be of a kind that this rule does not see."
    doubts = [one for said in found.frame["caveats"] for one in out_of_words(said)]
    for kind, count in Counter(one.kind for one in doubts).most_common():
        first, *others = dict.fromkeys(one.sentence for one in doubts if one.kind == kind)
        yield f"{images(count)} doubtful before any verdict: {kind}: {'such as: ' * bool(others)}{first}"
    if found.refused:
        yield f"{len(found.refused):,} file{'s' * (len(found.refused) != 1)} could not be read, so not judged"
    yield from found.notes


def _alarms(found: JudgedImages) -> Iterator[str]:
    """The most unusual alarms: image, verdict, what stands out, and what its score is the sum of."""
    count = int(np.count_nonzero(found.frame["alarm"]))
    if not count:
        return
    rows = most_unusual(found.frame)
    yield f"<h2>The {len(rows):,} most unusual of {count:,} alarms</h2>" if len(rows) < count else "<h2>Alarms</h2>"
    yield from _key(found.where)
    if found.parts:
        yield "<p>The bars are the parts that the score of an image is the sum of, in nats.</p>"
    yield "<div class='alarms'>"
    for row in rows:
        one = found.frame.iloc[row].to_dict()
        lines = [f"<b>{_text(cut(str(one['name'])))}</b>", f"{_text(one['verdict'])} (p = {one['p']:.4f})"]
        lines += [f"Differs most in {_text(one['differs_at'])}"] if "differs_at" in found.frame else []
        lines += [f"Before judging: {_text(one['caveats'])}"] if one["caveats"] else []
        lines += [_text(one[column]) for column in NOTED if one.get(column)]
        said = "".join(f"<p>{line}</p>" for line in lines)
        shown = f"<div class='shown'>{_picture(found.pictures[row])}{_map(found.where, row)}</div>"
        yield f"<article>{shown}{said}{''.join(_evidence(one, found.parts))}</article>"
    yield "</div>"


def most_unusual(frame: pd.DataFrame) -> list[int]:
    """The rows of the alarms that are shown with their evidence, the most unusual first."""
    rows = order(frame)
    return rows[frame["alarm"].to_numpy()[rows]][:MOST_ALARMS].tolist()


def _key(where: Where) -> Iterator[str]:
    """How to read the maps, with their colours; or why there are none."""
    if where.missing:
        yield f"<p>{_text(where.missing)}</p>"
    if not where.maps:
        return
    latents = "z<sub>1</sub>" if where.k == 1 else f"z<sub>1</sub> to z<sub>{where.k}</sub>"
    over = f", the mean of {where.draws} draws" * (where.draws > 1)
    yield (
        f"<p>Beside each image stands where it is lost: log p(x|z) of each pixel with every latent z from the image, "
        f"minus that with {latents} from the prior (k = {where.k}){over}, in nats. Below it, their sum.</p>"
    )
    stops = ", ".join(f"rgb({red},{green},{blue})" for red, green, blue in diverging()[::17])
    low, high = (_signed(_text(one.format(low=-where.most, high=where.most))) for one in (LOW_END, HIGH_END))
    yield f"<p class='scale'>{low}<span style='background:linear-gradient(90deg, {stops})'></span>{high}</p>"


def _map(where: Where, row: int) -> str:
    """The map of an image at the size of its picture; empty where it has none."""
    if row not in where.maps:
        return ""
    values, total = where.maps[row], _signed(f"{where.maps[row].sum():+,.1f} nats")
    painted = through_scale(values, -where.most, where.most, diverging())
    picture = _picture(thumbnail(painted.transpose(2, 0, 1), lossless=True), f"Where it is lost: {total} in all")
    return f"<figure>{picture}<figcaption>{total}</figcaption></figure>"


def _evidence(one: Mapping[Any, Any], parts: Sequence[str]) -> Iterator[str]:
    """What the score is the sum of, as bars."""
    values = [float(one[part]) for part in parts]
    longest = max([*map(abs, values), 1e-9])
    for part, value in zip(parts, values, strict=True):
        width = 100 * max(value, 0) / longest
        name = part.partition(": ")[2] or part
        yield f"<div class='part'><span>{_text(name)}</span><i style='width:{width:.0f}%'></i><b>{value:.1f}</b></div>"


def _verdicts(found: JudgedImages, room: int) -> Iterator[str]:
    """The table, the most unusual images first, as many as there is room for in bytes."""
    rows: list[list[str]] = []
    wanted = order(found.frame)
    left = _TABLE_SHARE * room
    for row in wanted:
        cells = [_picture(found.pictures[row]), *_cells(found, found.frame.iloc[row].to_dict())]
        left -= sum(len(cell.encode()) + 9 for cell in cells) + 30
        if left < 0:
            break
        rows.append(cells)
    kinds = ["alarm" if found.frame["alarm"].iloc[row] else "" for row in wanted[: len(rows)]]
    yield f"<h2>{len(rows):,} of {images(len(wanted))}</h2>"
    if len(rows) < len(wanted):
        yield "<p>The most unusual ones, as many as fit into a file for e-mail; the CSV or JSON file has all.</p>"
    widths = [0, *(_WIDTHS.get(column, 0) for column, _ in found.shown.values())]
    yield _table(["image", *map(_text, found.shown)], rows, kinds, widths)


def _cells(found: JudgedImages, one: Mapping[Any, Any]) -> Iterator[str]:
    """What stands beside a picture: of doubts their kinds alone, since the sentences stand above; notes by the name."""
    for column, how in found.shown.values():
        said = (
            ", ".join(doubt.kind for doubt in out_of_words(one[column])) if column == "caveats" else how % one[column]
        )
        cell = _text(cut(said, 300))
        if column == "name":
            cell = f"<b>{cell}</b>" if one["alarm"] else cell
            cell += "".join(f"<small>{_text(cut(one[more], 300))}</small>" for more in NOTED if one.get(more))
        yield cell


def _beside(found: JudgedImages) -> Iterator[str]:
    if found.beside:
        cells, said = found.beside
        shown = cells.head(MOST_REFUSED)
        yield f"<h2>p-values side by side, {len(shown):,} of {images(len(found.frame))}</h2><p>{_text(said)}</p>"
        yield _table(map(_text, shown.columns), (map(_text, row) for row in shown.itertuples(index=False)))


def _refused(refused: Sequence[tuple[str, str]]) -> Iterator[str]:
    if refused:
        rows = ([_text(cut(name)), _text(cut(reason, 300))] for name, reason in refused[:MOST_REFUSED])
        more = f", the first {MOST_REFUSED} of {len(refused):,}" if len(refused) > MOST_REFUSED else ""
        yield f"<h2>Could not be read{more}</h2>"
        yield _table(["file", "reason"], rows)


def _picture(image: bytes, alt: str = "") -> str:
    return f"<img alt='{alt}' src='data:image/webp;base64,{base64.b64encode(image).decode()}'>"


def _signed(number: str) -> str:
    return number.replace("-", "\N{MINUS SIGN}", 1)


def _text(value: object) -> str:
    """Text from outside, safe in HTML."""
    return html.escape(str(value))


def _table(
    columns: Iterable[str],
    rows: Iterable[Iterable[str]],
    kinds: Iterable[str] = repeat(""),
    widths: Iterable[int] = (),
) -> str:
    """Cells of HTML as a table; `kinds` are classes of the rows, `widths` those of columns of words, 0 for others."""
    head = "".join(f"<th>{column}</th>" for column in columns)
    body = "".join(
        f'<tr class="{kind}">{"".join(f"<td>{cell}</td>" for cell in row)}</tr>'
        for row, kind in zip(rows, kinds, strict=False)
    )
    wide = "".join(f"<col style='width:{width}rem'>" if width else "<col>" for width in widths)
    table = f"<table{' class=verdicts' * bool(wide)}>{wide}"
    return f"<div class='frame'>{table}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
