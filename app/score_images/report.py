"""Scored uploads as one HTML file that needs nothing else: settings, verdicts, pictures, figure, other runs."""

from __future__ import annotations

import html

import pandas as pd

from app.figures.layout import Figure
from app.images.mosaic import data_uri
from app.score_images import grid
from app.score_images.results import Judged, in_words

MOST_ROWS = 2_000
"""Images in the table, about a kilobyte each; the CSV file has all."""
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1B1F24; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
th, td { text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid #D5DAE0; vertical-align: middle; }
td img { width: 56px; image-rendering: pixelated; } .alarm { font-weight: 600; } .frame { overflow-x: auto; }
"""


def report(found: Judged, figure: Figure | None) -> str:
    """The report; every text in it is escaped.

    Args:
        found: the verdicts.
        figure: shown above the table, its title as a heading; None where there is none.
    """
    settings = found.stored.settings
    facts = settings.model_dump(exclude={"also"}) | {"false-alarm budget": found.alpha}
    for number, other in enumerate(settings.also, start=1):
        facts |= {f"further run {number}, {name}": value for name, value in other.model_dump().items()}
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Verdicts on images</title>",
        f"<style>{_STYLE}</style><h1>Verdicts on images</h1><p>{html.escape(in_words(found))}</p>",
        "<h2>Settings</h2>",
        _table(["setting", "value"], [[_text(name), _text(value)] for name, value in facts.items()]),
    ]
    if figure is not None:
        # The title is ours; the names in the figure come escaped, and plotly writes no `<` into its script.
        parts += ["<h2>", figure.heading, "</h2>", figure.to_html(full_html=False, include_plotlyjs=True)]
    frame = found.frame.iloc[:MOST_ROWS]
    rows = [
        [
            f'<img alt="" src="{data_uri(image)}">',
            _text(row["name"]),
            f'<span class="{"alarm" if row["alarm"] else "typical"}">{_text(row["verdict"])}</span>',
            f"{row['p']:.4f}",
            _text(row["differs_at"]),
            *(f"{row[column]:.1f}" for column in found.ratios),
        ]
        for row, image in zip(frame.to_dict("records"), found.stored.images, strict=False)
    ]
    parts.append(f"<h2>{len(rows):,} of {len(found.stored):,} images</h2>")
    parts.append(_table(["image", "name", "verdict", "p", "differs at k", *map(_text, found.ratios)], rows))
    if (table := grid.compared(found)) is not None:
        parts += _side_by_side(found, table)
    if found.stored.refused:
        refused = [[_text(name), _text(reason)] for name, reason in found.stored.refused[:MOST_ROWS]]
        parts += ["<h2>Could not be read</h2>", _table(["file", "reason"], refused)]
    return "\n".join(parts)


def _side_by_side(found: Judged, table: pd.DataFrame) -> list[str]:
    """A section with the p-values of several runs."""
    shown = grid.cells(found, table.iloc[:MOST_ROWS])
    rows = [[_text(cell) for cell in row] for row in shown.itertuples(index=False)]
    return [
        f"<h2>p-values side by side, {len(rows):,} of {len(found.stored):,} images</h2>",
        f"<p>{_text(grid.compared_in_words(found, table))}</p>",
        _table([_text(column) for column in shown.columns], rows),
    ]


def _text(value: object) -> str:
    return html.escape(str(value))


def _table(columns: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{column}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class='frame'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
