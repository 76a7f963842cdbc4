"""Scored uploads as one HTML file that needs nothing else: settings, verdicts, pictures, figure, other runs."""

from __future__ import annotations

import html
from collections.abc import Iterable

import numpy as np

from app.figures.layout import Figure
from app.score_images import grid
from app.score_images.results import Judged, in_words
from app.score_images.store import JudgedBy

MOST_ROWS = 2_000
"""Images in the table, about a kilobyte each; the CSV file has all."""
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1B1F24; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
th, td { text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid #D5DAE0; vertical-align: middle; }
td img { width: 56px; image-rendering: pixelated; } .alarm { font-weight: 600; } .frame { overflow-x: auto; }
"""


def report(found: Judged, figure: Figure | None) -> str:
    """The report, every text in it escaped; the figure stands above the table, its title as a heading."""
    settings = found.stored.settings
    facts = _facts(settings) | {"false-alarm budget": found.alpha}
    for number, other in enumerate(settings.also, start=1):
        facts |= {f"further run {number}, {name}": value for name, value in _facts(other).items()}
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Verdicts on images</title>",
        f"<style>{_STYLE}</style><h1>Verdicts on images</h1><p>{_text(in_words(found))}</p>",
        "<h2>Settings</h2>",
        _table(["setting", "value"], (map(_text, fact) for fact in facts.items())),
    ]
    if figure is not None:
        # The title is ours; the names in the figure come escaped, and plotly writes no `<` into its script.
        parts += ["<h2>", figure.heading, "</h2>", figure.to_html(full_html=False, include_plotlyjs=True)]
    whole, shown = f"of {len(found.stored):,} images", np.arange(min(len(found.stored), MOST_ROWS))
    frame, formats = grid.visible(found, shown), [how for _, how in grid.columns(found).values()]
    rows = (
        [f'<img alt="" src="{image}">', *(_text(how % cell) for how, cell in zip(formats, cells, strict=True))]
        for image, *cells in frame.itertuples(index=False)
    )
    kinds = ["alarm" if alarm else "typical" for alarm in found.alarms]
    parts += [f"<h2>{len(shown):,} {whole}</h2>", _table(map(_text, frame.columns), rows, kinds)]
    if (table := grid.compared(found)) is not None:
        cells = grid.cells(found, table.iloc[:MOST_ROWS])
        parts += [
            f"<h2>p-values side by side, {len(cells):,} {whole}</h2>",
            f"<p>{_text(grid.compared_in_words(found, table))}</p>",
            _table(map(_text, cells.columns), (map(_text, row) for row in cells.itertuples(index=False))),
        ]
    if found.stored.refused:
        refused = (map(_text, one) for one in found.stored.refused[:MOST_ROWS])
        parts += ["<h2>Could not be read</h2>", _table(["file", "reason"], refused)]
    return "\n".join(parts)


def _facts(by: JudgedBy) -> dict[str, object]:
    """Everything that is known of a run that judged, or of the whole job."""
    return by.model_dump(exclude={"also", "setting"}) | by.setting.fields


def _text(value: object) -> str:
    return html.escape(str(value))


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]], kinds: Iterable[str] = ()) -> str:
    """Cells of HTML as a table; `kinds` are classes of the rows."""
    head = "".join(f"<th>{column}</th>" for column in columns)
    named = iter(kinds)
    body = "".join(
        f'<tr class="{next(named, "")}">' + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<div class='frame'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
