"""A browser tab that times what it shows: what the benchmarks of the dashboard press and wait for."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page

from app.frame import registry
from tests.browser.conftest import Dashboard

PATIENCE = 120_000

# The page counts as painted when its heading and the first thing below it that a reader came for are there: numbers, a
# sentence or diagram of them, a chart, a picture; where a model has to be loaded for these, the controls that choose
# them. When the first table, chart or picture is there, PyTorch imported where it is needed, is shown beside it.
WATCH = """
const RESULTS = 'table.numbers, .mosaic, .js-plotly-plot .main-svg, img, canvas';
const WORDS = '.prose, [role="img"], [role="radiogroup"], [data-testid="stSelectbox"]';
const seen = what => new Promise(done => {
    const look = () => {
        const main = document.querySelector('.stMainBlockContainer');
        main?.querySelector('h1') && main.querySelector(what) ? done(performance.now() / 1000) : setTimeout(look, 5);
    };
    look();
});
window.__painted = words => seen(words ? `${RESULTS}, ${WORDS}` : RESULTS);
window.__result = Promise.race([seen(RESULTS), new Promise(done => setTimeout(() => done(null), 30000))]);
window.__finished = () => document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === 'notRunning';
const drawn = plot => plot._fullData?.length && plot.querySelector('.overplot *') ? plot._fullData
    .map(trace => [trace.name, trace.x?.length, trace.x?.[0], trace.y?.[0], trace.y?.[(trace.y?.length ?? 0) >> 1],
        Array.isArray(trace.text) ? trace.text.join() : ''])
    .join() + JSON.stringify((plot._fullLayout?.shapes ?? []).map(shape => [shape.x0, shape.y0])) : '';
const content = one => one.matches('.js-plotly-plot') ? drawn(one)
    : one.matches('img') ? (one.complete ? one.src : '') : one.textContent;
// What can be read within an element, item by item.
const shown = where => [...document.querySelectorAll(where)].flatMap(room =>
    [...room.querySelectorAll('.js-plotly-plot, table.numbers, img, .prose')].map(content)).filter(Boolean);
// Seconds from `act` until something stands on the page that did not stand there before (what is taken away is no
// answer), in `where` and below another heading where a page is `opened`; and until the script has finished as well.
// The longer it takes, the more rarely it looks, to a twentieth: looking costs the cores that are waited for.
window.__answer = (act, where, opened = false) => new Promise(done => {
    const before = new Set(shown(where)), started = performance.now();
    const since = () => (performance.now() - started) / 1000;
    const painted = then => requestAnimationFrame(() => requestAnimationFrame(then));
    const heading = () => document.querySelector('.stMainBlockContainer h1')?.textContent;
    const old = heading(), arrived = () => !opened || (heading() && heading() !== old);
    let answered = null;
    const look = () => {
        if (since() > 60) done([60, 60]);
        else if (answered === null && arrived() && shown(where).some(one => !before.has(one)))
            painted(() => { answered = since(); look(); });
        else if (answered !== null && window.__finished()) painted(() => done([answered, since()]));
        else setTimeout(look, Math.max(20, 50 * since()));
    };
    act();
    look();
});
"""
PICK = """([key, position, where]) => window.__answer(() => {
    const choices = [...document.querySelectorAll(`.st-key-${key} [role="radio"]`)];
    const others = choices.filter(one => one.getAttribute('aria-checked') !== 'true');
    others[position % others.length].click();
}, where)"""
DENSITIES, CURVES = ".st-key-densities", ".st-key-overlay"
BRUSHED = '[class*="st-key-tiles-"][class*="-in-brush"]'
"""Where the answer to a press stands: on Scores and below a brush there, and on Compare."""
INSPECTOR, MAPS, PAGE = ".st-key-inspector", '[class*="st-key-map-"]', ".stMainBlockContainer"
ANSWERS = {"scores": DENSITIES, "compare": CURVES, "map": MAPS}
"""Of a press of k, by page; anywhere on the others."""


class Tab:
    """A browser tab with an empty cache that counts what the server sends it."""

    def __init__(self, browser: Browser) -> None:
        self.context = browser.new_context(viewport={"width": 1440, "height": 900})
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.add_init_script(WATCH)
        self._bytes = 0
        self.page.on("websocket", lambda socket: socket.on("framereceived", self._count))
        self.page.on("response", self._count_media)

    def _count(self, frame: str | bytes) -> None:
        self._bytes += len(frame)

    def _count_media(self, answer) -> None:
        if urlsplit(answer.url).path.startswith("/media/"):
            self._bytes += int(answer.headers.get("content-length", 0))

    def sent_kb(self) -> float:
        """Thousands of bytes since the last call."""
        sent, self._bytes = self._bytes / 1000, 0
        return sent

    def open(self, address: str) -> None:
        """Open an address and wait until the script has finished and the browser has drawn all of it."""
        self.page.goto(address, wait_until="commit")
        self.page.locator("h1").wait_for()
        self.page.wait_for_function("window.__finished()")
        # A browser among thirty may never be idle.
        self.page.evaluate("() => new Promise(done => requestIdleCallback(done, {timeout: 10000}))")

    def paint(self, address: str, words: bool) -> tuple[float, float | None]:
        """Seconds from asking for the address to its paint, and to its first result; the script has finished then.

        A page that waits for pictures has no result.

        Args:
            address: of the page.
            words: whether a sentence, a diagram or the controls count as paint.
        """
        self.page.goto(address, wait_until="commit")
        painted = self.page.evaluate("words => window.__painted(words)", words)
        result = self.page.evaluate("window.__result")
        self.page.wait_for_function("window.__finished()")
        return painted, result


def pick(key: str, where: str, page: Page, turn: int) -> list[float]:
    """Press another choice of a control; seconds until its answer is drawn in `where`, and until the page is done."""
    return page.evaluate(PICK, [key, turn, where])


def step(key: str, where: str, page: Page, _: int) -> list[float]:
    """Press the plus of a number box; seconds as of `pick`."""
    return page.evaluate(
        """([key, where]) => window.__answer(() =>
            document.querySelector(`.st-key-${key} [data-testid="stNumberInputStepUp"]`).click(), where)""",
        [key, where],
    )


def brush(page: Page, turn: int) -> list[float]:
    """Drag over a part of the densities, another one each time; seconds as of `pick`, from letting go."""
    # Asked of the document at once: plotly replaces the element whenever it draws.
    box = page.evaluate(
        """() => {
            const find = () => document.querySelector('.st-key-densities .js-plotly-plot .nsewdrag');
            find().scrollIntoView({block: 'center'});
            const {x, y, width, height} = find().getBoundingClientRect();
            return {x, y, width, height};
        }"""
    )
    # Left and right in turn, where images are: a drag that begins in the range brushed before would move that range.
    start, width = box["x"] + box["width"] * (0.05 + 0.3 * (turn % 2) + 0.01 * turn), box["width"] * 0.2
    y = box["y"] + box["height"] * 0.5
    page.mouse.move(start, y)
    page.mouse.down()
    page.mouse.move(start + width / 2, y, steps=3)
    page.mouse.move(start + width, y)
    page.evaluate("where => { window.__pending = window.__answer(() => {}, where); }", BRUSHED)
    page.mouse.up()
    return page.evaluate("window.__pending")


def press(page: Page, key: str, turn: int, where: str) -> None:
    """Start to press another choice of a control; the answer is pending."""
    page.evaluate(f"asked => {{ window.__pending = ({PICK})(asked); }}", [key, turn, where])


def press_k(page: Page, turn: int) -> None:
    """Start to switch k on Scores or Compare; the answer is pending."""
    press(page, "k", turn, f"{DENSITIES}, {CURVES}")


def press_next(page: Page, _: int) -> list[float]:
    """Press "Next" in the inspector; seconds as of `pick`."""
    return page.evaluate(
        """where => window.__answer(() => [...document.querySelectorAll(`${where} button`)]
            .find(one => one.textContent.trim() === 'Next').click(), where)""",
        INSPECTOR,
    )


def open_map(page: Page, _: int) -> list[float]:
    """Open the map from another page; seconds as of `pick`."""
    press_navigation(page, "overview")
    page.evaluate("window.__pending")
    press_navigation(page, "map", MAPS)
    return page.evaluate("window.__pending")


def press_navigation(page: Page, name: str, where: str = PAGE) -> None:
    """Start to open a page through the navigation; the answer is pending."""
    title = next(one.title for one in registry.there() if one.name == name)
    page.get_by_test_id("stTopNavLink").get_by_text(title, exact=True).first.wait_for(state="attached")
    page.evaluate(
        """([title, where]) => {
            const link = [...document.querySelectorAll('[data-testid="stTopNavLink"]')]
                .find(one => one.textContent.trim() === title);
            window.__pending = window.__answer(() => link.click(), where, true);
        }""",
        [title, where],
    )


def resident_mib(dashboard: Dashboard) -> float:
    """Resident set of the server."""
    status = Path(f"/proc/{dashboard.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def cpu_seconds(dashboard: Dashboard) -> float:
    """CPU time of the server since it started."""
    fields = Path(f"/proc/{dashboard.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
