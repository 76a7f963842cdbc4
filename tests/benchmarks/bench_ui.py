"""How fast the dashboard is: `make bench-ui`, or `python -m tests.benchmarks.bench_ui --out ui.json`.

Wall-clock time is taken in the browser (Chromium, on this same machine), bytes are those of the websocket and of the
media the page fetches, memory is the resident set of the server. The bundled runs are shown. Exits with 1 where a limit
is missed; the limits are meant for two cores that do nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from app.frame import registry
from tests.benchmarks.tab import (
    ANSWERS,
    DENSITIES,
    INSPECTOR,
    MAPS,
    PAGE,
    Tab,
    brush,
    cpu_seconds,
    open_map,
    pick,
    press_k,
    press_navigation,
    press_next,
    resident_mib,
    step,
)
from tests.browser.conftest import FLAGS, Dashboard, launch

COLD_S = 3.0
"""Median from asking for a page to its paint: a server nobody has visited, an empty browser cache."""
VISITS = 3
"""Such servers for each page."""
WARM_S = 0.5
"""Median from a press of a control until the figure that it is about is drawn anew: the densities for k and threshold
of Scores, the gallery for its brush, the curves for k of Compare, the picture and its words in the inspector. Beside it
stands when the whole page was done."""
MAP_S = 1.0
"""Median from a press in the navigation until the map of 10,000 stored points stands, on a server that has read it."""
TOGETHER_S = 2.0
"""Any answer while `TABS` tabs browse: as of `WARM_S` for k; of a page that is opened its heading and the first table,
chart or sentence below."""
TABS = 10
APART_S = 1.0
"""Between the presses of two tabs: each acts every ten seconds, as people do who look at what they see."""
SERVER_MIB = 600
PAGE_KB = 300
"""Bytes a page sends to the browser."""
REPEATS = 10
PARTS = ("cold", "warm", "together")
BUNDLED = Path(__file__).resolve().parents[2] / "assets" / "runs"

WORDS_FIRST = ("reconstructions", "how_it_works", "features", "score_images", "train")
"""Pages that begin with a sentence on the results, or with controls while a model is loaded."""
NOT_STORED = ("reconstructions", "how_it_works", "score_images", "train")
"""Pages that may load PyTorch to draw, or wait for images; the others show stored results."""
HAVE_K = ("scores", "compare")


@dataclass
class Row:
    """One measurement.

    Attributes:
        page: address of the page.
        what: what was done.
        value: median of the repeats.
        worst: the greatest of them.
        unit: of both.
        limit: what `judged` must stay below, None where there is none.
        payload_kb: bytes the server sent, in thousands, on average.
        judge_worst: whether the limit is for the greatest rather than for the median.
        finished: median until the whole page was done, where that is not the value.
    """

    page: str
    what: str
    value: float
    worst: float
    unit: str
    limit: float | None = None
    payload_kb: float | None = None
    judge_worst: bool = False
    finished: float | None = None

    @property
    def missed(self) -> bool:
        """Whether the limit is missed."""
        return self.limit is not None and (self.worst if self.judge_worst else self.value) >= self.limit


def cold(browser: Browser, serve: Callable, page: str) -> list[Row]:
    """The first visits of servers that nobody has visited."""
    painted, results, sent, memory = zip(*(first_visit(browser, serve, page) for _ in range(VISITS)), strict=True)
    drawn = [one for one in results if one]
    return [
        Row(page, "cold paint", statistics.median(painted), max(painted), "s", COLD_S, sent[0]),
        *([Row(page, "first table, chart, picture", statistics.median(drawn), max(drawn), "s")] if drawn else []),
        Row(page, "payload", sent[0], max(sent), "kB", PAGE_KB),
        Row(page, "server after one visit", statistics.median(memory), max(memory), "MiB"),
    ]


def first_visit(browser: Browser, serve: Callable, page: str) -> tuple[float, float | None, float, float]:
    """(seconds until it is painted, until its first result stands if it has one, kB sent, MiB of the server after)."""
    with serve() as dashboard:
        tab = Tab(browser)
        painted, result = tab.paint(dashboard.url + registry.address(page), page in WORDS_FIRST)
        sent = tab.sent_kb()
        tab.context.close()
        return painted, result, sent, resident_mib(dashboard)


def warm(browser: Browser, dashboard: Dashboard) -> Iterator[Row]:
    """k, threshold and brush on the Scores page, k and the next image of the inspector wherever there are, the map."""
    for page in registry.names():
        tab = Tab(browser)
        tab.open(dashboard.url + registry.address(page))
        if tab.page.locator(".st-key-k [role=radio]").count() > 1:
            yield repeated(page, "k", tab, partial(pick, "k", ANSWERS.get(page, PAGE)))
        if tab.page.locator(".st-key-alarm").count():
            yield repeated(page, "threshold", tab, partial(step, "alarm", DENSITIES))
        if (switch := tab.page.locator(".st-key-_mouse").get_by_text("Drag")).count():
            switch.click()
            tab.page.locator(".st-key-densities .js-plotly-plot .cursor-crosshair").first.wait_for(state="attached")
            tab.page.wait_for_function("window.__finished()")
            yield repeated(page, "brush", tab, brush)
        if (closed := tab.page.locator(".st-key-_inspect button")).count():
            closed.first.click()
            tab.page.locator(INSPECTOR).wait_for()
            tab.page.wait_for_function("window.__finished()")
            yield repeated(page, "next in the inspector", tab, press_next)
        tab.context.close()
    tab = Tab(browser)
    tab.open(dashboard.url + registry.address("map"))
    tab.page.locator(MAPS).first.wait_for()
    yield repeated("map", "the map", tab, open_map, MAP_S)
    tab.context.close()


def repeated(page: str, what: str, tab: Tab, act: Callable[[Page, int], list[float]], limit: float = WARM_S) -> Row:
    """`act` once to warm up, then `REPEATS` times; it returns seconds to the answer and to the end of the script."""
    act(tab.page, 0)
    tab.sent_kb()
    drawn, finished = zip(*(act(tab.page, turn) for turn in range(1, REPEATS + 1)), strict=True)
    sent = tab.sent_kb() / REPEATS
    return Row(page, what, statistics.median(drawn), max(drawn), "s", limit, sent, finished=statistics.median(finished))


def together(browser: Browser, dashboard: Dashboard) -> Iterator[Row]:
    """`TABS` tabs that browse stored results: each acts every `TABS * APART_S` seconds, one after the other.

    They open pages, then press k where the page has it and open the next page elsewhere. No limit is set for what
    follows: all of them on the page with the most figures, where ten browsers draw on the cores that the server has,
    and there all at the same moment. The CPU time of the server per action says which part of that is its own.
    """
    stored = [page for page in registry.names() if page not in NOT_STORED]
    tabs = [Tab(browser) for _ in range(TABS)]
    pages = [stored[number % len(stored)] for number in range(TABS)]

    def on(number: int) -> tuple[Tab, Callable[[Page], None]]:
        pages[number] = stored[(stored.index(pages[number]) + 1) % len(stored)]
        return tabs[number], partial(press_navigation, name=pages[number])

    for tab, page in zip(tabs, pages, strict=True):
        tab.open(dashboard.url + registry.address(page))
    busy, actions = cpu_seconds(dashboard), 0
    for turn in range(1, 4):
        yield crowd(f"open a page, round {turn}", [on(number) for number in range(TABS)], APART_S)
        actions += TABS
    for turn in range(1, 4):
        presses = [
            (tab, partial(press_k, turn=turn)) if page in HAVE_K else on(number)
            for number, (tab, page) in enumerate(zip(tabs, pages, strict=True))
        ]
        yield crowd(f"k or open, round {turn}", presses, APART_S)
        actions += TABS
    spent = (cpu_seconds(dashboard) - busy) / actions
    yield Row("10 tabs", "server CPU per action", spent, spent, "s")
    for tab in tabs:
        tab.open(f"{dashboard.url}/scores")
    busy, actions = cpu_seconds(dashboard), 0
    for what, turn, apart in (("one by one", 1, APART_S), ("once more", 2, APART_S), ("all at once", 3, 0)):
        yield crowd(f"k of Scores, {what}", [(tab, partial(press_k, turn=turn)) for tab in tabs], apart, None)
        actions += TABS
    spent = (cpu_seconds(dashboard) - busy) / actions
    yield Row("10 tabs", "server CPU per action", spent, spent, "s")
    yield Row("10 tabs", "server", resident_mib(dashboard), resident_mib(dashboard), "MiB", SERVER_MIB)
    mapped = float("libtorch" in dashboard.libraries())
    yield Row("10 tabs", "PyTorch in memory", mapped, mapped, "", 1)
    for tab in tabs:
        tab.context.close()


def crowd(
    what: str, presses: list[tuple[Tab, Callable[[Page], None]]], apart: float, limit: float | None = TOGETHER_S
) -> Row:
    """Every tab presses in turn; the longest time until one of them is answered is judged."""
    for tab, press in presses:
        press(tab.page)
        tab.page.wait_for_timeout(1000 * apart)
    drawn, finished = zip(*(tab.page.evaluate("window.__pending") for tab, _ in presses), strict=True)
    return Row("10 tabs", what, statistics.median(drawn), max(drawn), "s", limit, judge_worst=True,
               finished=statistics.median(finished))  # fmt: skip


def show(row: Row) -> None:
    """One line of the table."""
    limit = "" if row.limit is None else f"< {row.limit:g}"
    payload = "" if row.payload_kb is None else f"{row.payload_kb:.0f} kB"
    finished = "" if row.finished is None else f"{row.finished:.2f} s"
    print(
        f"{row.page:16} {row.what:26} {row.value:8.2f} {row.worst:8.2f} {row.unit:4} {limit:7} {finished:9} "
        f"{payload:9} {'MISSED' if row.missed else ''}",
        flush=True,
    )


def main() -> int:
    """Measure, print a table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="JSON file of all numbers")
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="path of the browser")
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS, help="what to measure; everything if absent")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} (other work makes every number worse)")
    print(f"{'page':16} {'what':26} {'median':>8} {'worst':>8} {'':4} {'limit':7} {'all done':9} payload")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=list(FLAGS))

        @contextmanager
        def serve() -> Iterator[Dashboard]:
            folder = Path(tempfile.mkdtemp(dir=scratch))
            data = os.environ.get("HVAE_DATA")
            with launch(BUNDLED, folder / "data", Path(data) if data else None) as dashboard:
                yield dashboard

        def measured() -> Iterator[Row]:
            if "cold" in arguments.part:
                for page in registry.names():
                    yield from cold(browser, serve, page)
            for part, measure in (("warm", warm), ("together", together)):
                if part in arguments.part:
                    with serve() as dashboard:
                        yield from measure(browser, dashboard)

        for row in measured():
            show(row)
            rows.append(row)
        browser.close()
    if arguments.out:
        text = json.dumps([asdict(row) | {"missed": row.missed} for row in rows], indent=2)
        arguments.out.write_text(text + "\n")
    missed = sum(row.missed for row in rows)
    print(
        f"{missed} of {sum(row.limit is not None for row in rows)} limits missed" if missed else "every limit is kept"
    )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
