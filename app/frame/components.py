"""Parts that pages share: charts with their numbers, tables, messages, commands and links."""

import html
import json
import logging
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from app.figures.layout import Figure
from app.frame import state
from app.frame.glossary import explained
from app.looks.pictures import Sheet
from app.looks.wording import literal, shortened
from hvae.errors import HvaeError

logger = logging.getLogger(__name__)

WAY_ON = "Choose another run or data set in the sidebar, or go on with another page."
"""What to do where a page cannot show what is selected; of no use where what was typed or given is refused."""
STYLE_SHEET = Path(__file__).parent / "style.css"
"""Of every page."""
SCRIPTS = "".join(
    f"<script>{(Path(__file__).parent / name).read_text('utf-8')}</script>"
    for name in ("history.js", "hover.js", "folders.js", "stay.js")
)
"""Make every choice one press of Back, show the image of a mark under the mouse, and pack folders to be sent."""
BUTTONS = {"displaylogo": False, "modeBarButtons": [["toImage"]]}
"""Of every figure, while the mouse is on it: plotly's own one that saves it, as SVG."""
SENDING_SECONDS = 0.1
"""In which the web server sends what a page has drawn."""
MOST_IN_LATEX = 100
"""Rows of a table that is to be printed; the CSV file has all."""
MOST_LEFT_OUT = 3
"""Lines about what is left out that stand on a page; more are folded."""
Numbers = pd.DataFrame | Callable[[], pd.DataFrame]
"""A table, or what makes it when somebody looks at it."""


@contextmanager
def guarded(advice: str = WAY_ON) -> Iterator[None]:
    """Say an error and what to do in one box; what nobody foresaw goes to the log with its traceback, never there."""
    try:
        yield
    except HvaeError as error:
        problem(f"{error}. {advice}".rstrip(". ") + ".")
    except Exception:
        logger.exception("a page failed")
        problem(
            "Something unexpected went wrong on this page. The log of the server says what; the other pages still work."
        )


@contextmanager
def starting_pytorch() -> Iterator[None]:
    """Around an import of PyTorch, which lets no other thread have its turn: what is drawn is sent before."""
    with st.spinner("Starting PyTorch"):
        if "torch" not in sys.modules:
            time.sleep(SENDING_SECONDS)
        yield


def heading(title: str, lead: str = "") -> None:
    """Title of a page and one sentence on what it is for (HTML allowed in the lead)."""
    # Streamlit's own headings cost a browser twice as much, each time that a page is drawn or changes.
    said = f'<p class="lead">{explained(lead)}</p>' if lead else ""
    st.html(f"<h1>{escape(title)}</h1>{said}")


def section(title: str, text: str = "") -> None:
    """Heading of a section with a sentence on what it shows (HTML allowed in the text)."""
    said = f'<p class="prose">{explained(text)}</p>' if text else ""
    st.html(f'<h2 class="section">{escape(title)}</h2>{said}')


def titled(title: str) -> None:
    """What a figure or table below shows, in bold (HTML)."""
    st.html(f'<p class="chart-title">{explained(title)}</p>')


def prose(*paragraphs: str) -> None:
    """Paragraphs of HTML."""
    st.html("".join(f'<p class="prose">{explained(text)}</p>' for text in paragraphs))


def problem(text: str, command: str | None = None) -> None:
    """An error in words (no markup), with the command that mends it where there is one."""
    st.error(literal(text))
    if command:
        code(command)


def missing(text: str, command: str) -> None:
    """Something that is not there yet, and the command that makes it."""
    st.info(literal(text))
    code(command)


def left_out(problems: Sequence[str], word: str = "Left out") -> None:
    """Say why something is not among what is shown: a line for each command that mends it, else one a reason.

    Many lines stand in a fold, which says how many there are.
    """
    alike: dict[str, list[str]] = {}
    for text in dict.fromkeys(problems):
        alike.setdefault(text.partition(": hvae ")[2] or text, []).append(text)
    count = len(alike)
    with st.expander(f"{word}: {count}. Why, and what to do") if count > MOST_LEFT_OUT else nullcontext():
        for first, *others in alike.values():
            # Each begins with the name of a score.
            names = ", ".join(dict.fromkeys(text.split(maxsplit=1)[0] for text in others))
            reason, colon, command = first.partition(": hvae ")
            st.caption(literal(f"{word}: {reason}{f' (as for {names})' if names else ''}{colon}{command}"))


def takes(files: int, mib: int, instead: str) -> None:
    """Beside what takes files: how many and how large together, and what else to do.

    What is to be seen there, folders.js says in the browser, before anything is sent.
    """
    st.html(f'<p class="prose" role="status" data-takes="{files} {mib}" data-instead="{escape(instead)}"></p>')


def code(command: str) -> None:
    """A command that can be copied."""
    st.code(command, language="bash", wrap_lines=True)


def no_run() -> None:
    """What to do where there is no run at all."""
    text = (
        "No run was found. A run is a folder with a trained model: train one (a small one takes minutes on a CPU), "
        "or point HVAE_RUNS at a folder of runs"
    )
    missing(f"{text} and reload this page.", "hvae train fashionmnist-lite")


def chart(
    figure: Figure,
    table: Numbers,
    name: str,
    *,
    key: str,
    on_click: Callable[[Any], None] | None = None,
    on_brush: Callable[[float, float], None] | None = None,
    on_lasso: Callable[[str, list[float], list[float]], None] | None = None,
    pictures: Sequence[str] = (),
    sheet: Sheet | None = None,
) -> None:
    """A figure under its title, with the numbers drawn as a table and as CSV.

    Before the page runs again, `on_click` gets the customdata of a mark that was clicked, or `on_brush` the ends of the
    range that was dragged over: a figure cannot have both. `on_lasso`, which goes with `on_click`, gets the x-axis of
    the panel and the corners of what was drawn around marks. `pictures` are where the images of each set are that marks
    stand for (`app.images.served`): they are shown under the mouse. A `sheet` has the pictures of marks whose
    customdata is their place in it; this visitor alone has it.
    """
    title = figure.heading

    def selected() -> None:
        box, points = st.session_state[key].selection.box, st.session_state[key].selection.points
        drawn = st.session_state[key].selection.lasso
        if on_lasso and drawn:
            on_lasso(drawn[0]["xref"], drawn[0]["x"], drawn[0]["y"])
        elif on_brush and box:
            on_brush(min(box[0]["x"]), max(box[0]["x"]))
        elif on_click and points and (mark := _mark(figure, points[0])) is not None:
            on_click(mark)

    with st.container(gap="small"):
        shown = f" data-pictures='{escape(json.dumps(list(pictures)))}'" if pictures else ""
        shown += f" data-sheet='{escape(json.dumps(asdict(sheet)))}'" if sheet else ""
        st.html(f'<p class="chart-title"{shown}>{explained(title)}</p>')
        st.plotly_chart(
            figure,
            theme=None,
            key=key,
            on_select=selected if on_click or on_brush else "ignore",
            selection_mode="box" if on_brush else ("points", "lasso") if on_lasso else "points",
            config=BUTTONS | {"toImageButtonOptions": {"format": "svg", "filename": name}},
            alt=plain(title),
        )
        # Rendered when it is opened: a hidden grid costs the browser as much as one that is seen.
        details = st.expander("Numbers behind this figure", key=f"{key}-numbers", on_change="rerun")
        if details.open:
            with details:
                numbers(made(table), name, key=f"{key}-table")


def _mark(figure: Figure, point: Any) -> Any:
    """What a mark that was clicked stands for, None where it is only a mark."""
    if not figure.marks:
        return point.get("customdata")
    curve, place = point.get("curve_number", -1), point.get("point_index", -1)
    within = 0 <= curve < len(figure.marks) and 0 <= place < len(figure.marks[curve])
    return int(figure.marks[curve][place]) if within else None


def made(table: Numbers) -> pd.DataFrame:
    """A table as it is, or made now."""
    return table() if callable(table) else table


def is_brushed(key: str) -> bool:
    """Whether the browser shows the outline of a range dragged over in the chart with this key."""
    return key in st.session_state and bool(st.session_state[key].selection.box)


def numbers(table: pd.DataFrame, name: str, *, key: str, headings: Mapping[str, str] | None = None) -> None:
    """A table with a button that saves it as CSV; `headings` are what people call its columns."""
    st.dataframe(table, hide_index=True, key=key, column_config=dict(headings or {}))
    save(table, name, key=f"{key}-csv")


def save(
    table: Numbers, name: str, *, key: str, quiet: bool = False, of: str = "", latex: Callable[[], str] | None = None
) -> None:
    """Buttons that save a table (`of` what, where there are several) as CSV and as LaTeX, each made when asked for.

    `latex` gives what is printed where that is not the table as it is.
    """
    in_latex = latex or (lambda: printed(made(table), name.replace("-", " ")))
    files = {
        "CSV": ("csv", "text/csv", lambda: for_spreadsheets(made(table)).to_csv(index=False)),
        "LaTeX": ("tex", "text/x-tex", in_latex),
    }
    with st.container(horizontal=True, gap="small", width="content"):
        for form, (ending, kind, content) in files.items():
            st.download_button(
                f"{'↓' if quiet else 'Download'} {form}{of and f' of {of}'}",
                content,
                f"{name}.{ending}",
                kind,
                key=key if form == "CSV" else f"{key}-latex",
                on_click="ignore",
                type="tertiary" if quiet else "secondary",
            )


def for_spreadsheets(frame: pd.DataFrame) -> pd.DataFrame:
    """With no name, tag or note that a spreadsheet takes for a formula."""
    texts = [column for column in ("name", "tags", "note") if column in frame]
    quoted = {
        column: [f"'{one}" if str(one).startswith(tuple("=+-@\t\r")) else one for one in frame[column]]
        for column in texts
    }
    return frame.assign(**quoted)


def printed(frame: pd.DataFrame, caption: str) -> str:
    """A table of plain text and numbers as LaTeX, its first rows where it is long; nothing in it is taken for HTML."""
    from hvae.report.rendering import latex_table

    cells = frame.head(MOST_IN_LATEX).map(lambda cell: f"{cell:.4g}" if isinstance(cell, float) else str(cell))
    more = f"the first {MOST_IN_LATEX} of {len(frame):,} rows" if len(frame) > MOST_IN_LATEX else ""
    return latex_table(caption, more, cells.rename(columns=str))


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    caption: str = "",
    numbers: Numbers | None = None,
    name: str = "",
    most: int | None = None,
) -> None:
    """A small table of HTML cells (text from outside escaped), the first of each row its heading; `numbers` as CSV.

    One of more than `most` rows stands as two halves side by side.
    """
    head = explained("".join(f'<th scope="col">{column}</th>' for column in columns))
    lines = [
        f'<tr><th scope="row">{row[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) + "</tr>" for row in rows
    ]
    half = len(lines) if most is None or len(lines) <= most else (len(lines) + 1) // 2
    halves = "".join(
        f'<table class="numbers"><thead><tr>{head}</tr></thead><tbody>{"".join(part)}</tbody></table>'
        for part in (lines[:half], lines[half:])
        if part or not lines
    )
    title = f'<p class="chart-title">{explained(caption)}</p>' if caption else ""
    st.html(
        f'{title}<div class="table-frame" tabindex="0" role="region" aria-label="{plain(caption) or "table"}">'
        f"{halves}</div>"
    )
    if numbers is not None:
        shown = pd.DataFrame([list(map(plain, row)) for row in rows], columns=list(map(plain, columns)))
        save(numbers, name, key=f"{name}-csv", quiet=True, latex=lambda: printed(shown, plain(caption) or name))


def listed(
    frame: pd.DataFrame,
    shown: Mapping[str, Callable[[Any], str]],
    caption: str = "",
    name: str = "",
    most: int | None = None,
) -> None:
    """A small table of a frame: `shown` gives each heading the HTML cell of a named tuple; with a name, also as CSV."""
    rows = [[cell(row) for cell in shown.values()] for row in frame.itertuples(index=False)]
    table(list(shown), rows, caption, numbers=frame if name else None, name=name, most=most)


def mark(text: str, kind: str = "warn") -> str:
    """A word that stands out (HTML): `warn` for what should worry, `good` for what should not."""
    return f'<span class="mark {kind}">{escape(text)}</span>'


def escape(text: object) -> str:
    """Text from outside, safe in HTML."""
    return html.escape(str(text))


def leads(text: str, page: str, **values: object) -> str:
    """Text of a table (HTML) as a link to a page with some values chosen (HTML); the session goes along."""
    return f'<a class="leads" href="{escape(state.href(page, **values))}">{text}</a>'


def named(name: str) -> str:
    """A name from outside in HTML, its middle left out where it is long; the whole on hovering."""
    short = shortened(name)
    return escape(name) if short == name else f'<span class="named" title="{escape(name)}">{escape(short)}</span>'


def plain(text: str) -> str:
    """HTML of ours, a title or a cell, as plain text for screen readers and files; names whole."""
    whole = re.sub(r'<span class="named" title="([^"]*)">[^<]*</span>', r"\1", text.replace("<br>", " "))
    return html.unescape(re.sub(r"<[^<>]*>", "", whole))


def footer(command: str) -> None:
    """The command that makes what the page shows."""
    st.html('<hr><p class="small">The same on the command line</p>')
    code(command)


def copy_link() -> None:
    """The link to exactly this view; at the end of every page, whatever the page could show."""
    with st.container(key="copy-link", gap="small"):
        st.html('<p class="small">Link to exactly this view</p>')
        st.code(state.address(), language=None, wrap_lines=True)
