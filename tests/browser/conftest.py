"""The dashboard as a process of its own, and Debian's Chromium in front of it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as TimedOut

from tests.synthetic import make_run, make_tables
from tests.synthetic_maps import make_map

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # All tabs in one process: a new one would compile the scripts of the dashboard anew, for seconds.
    "--process-per-site",
)
BRIEF = (
    # Pages that live for seconds: compiling their scripts once more, for speed, costs more than it brings.
    "--js-flags=--no-turbofan",
    # The renderer of a window's menus, which every new tab would start. A list takes the place of Playwright's, so what
    # a page could notice of that one follows.
    "--disable-features=PreloadTopChromeWebUI,AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,"
    "HttpsFirstBalancedModeAutoEnable,HttpsUpgrades,MediaRouter,OptimizationHints,PaintHolding,"
    "ThirdPartyStoragePartitioning",
)
"""What spares a test the work that no page asks for; a benchmark has the browser of a reader."""
VIOLATIONS = {"resultTypes": ["violations"], "rules": {"region": {"enabled": False}}}
"""What axe-core describes element by element; what passes would be described at three times the cost of the checks.

The rule left out takes a tenth of the time and finds nothing worse than moderate, which is no barrier here.
"""
COLOURS = VIOLATIONS | {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
"""The rules on colours alone: all that another theme can break."""
COPY_LINK = '.st-key-copy-link [data-testid="stCode"]'
"""The last element of every page: the address that it was drawn for, with all its values."""
PATIENCE = 60_000
"""Milliseconds until something that never comes is a failure; how long a paint takes is measured apart."""

UNSETTLED = """() => {
    const rendered = what => [...document.querySelectorAll(what)].filter(one => one.checkVisibility());
    // The cheapest question first: most looks end there, and only the last ones ask what the page looks like.
    const app = document.querySelector('[data-testid="stApp"]');
    const left = {
        'the script runs': () => app?.dataset.testScriptState !== 'notRunning',
        'its last element is not there': () => !document.querySelector('.st-key-copy-link [data-testid="stCode"]'),
        'an earlier run shows': () => document.querySelector('[data-stale="true"]'),
        'code of an element is fetched':
            () => rendered('[data-testid="stSkeleton"], [data-testid="stFullScreenFrame"]:empty').length,
        'a chart is not drawn':
            () => rendered('[data-testid="stPlotlyChart"]').some(one => !one.querySelector('.main-svg')),
        'something fades': () => document.getAnimations().some(one => one instanceof CSSTransition
            && one.playState !== 'finished' && one.effect?.target?.checkVisibility()),
    };
    return Object.keys(left).find(what => left[what]());
}"""
"""What the page in the browser has still to do."""


@dataclass
class Dashboard:
    """The running dashboard."""

    url: str
    process: subprocess.Popen

    def libraries(self) -> str:
        """Files the server has mapped into memory: what it has imported, seen from outside."""
        return Path(f"/proc/{self.process.pid}/maps").read_text()


@dataclass
class Visit:
    """A page of the dashboard in a browser tab, and what went wrong in it."""

    page: Page
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def settle(self, frames: int = 1) -> None:
        """Wait until the script has finished and all of it is drawn, none of an earlier run left or fading.

        The browser fetches the code of a widget or a chart when it first meets one (a skeleton stands there meanwhile),
        and draws a chart after that, so what stands below it moves. What a closed fold holds is not rendered: a
        transition that began there stands still until the fold is opened.

        Args:
            frames: for so many frames in a row; more than one where a second run may follow the first at once.
        """
        try:
            self.page.wait_for_function(
                f"""frames => {{
                    window.__settled = ({UNSETTLED})() ? 0 : (window.__settled ?? 0) + 1;
                    if (window.__settled < frames) return false;
                    window.__settled = 0;
                    return true;
                }}""",
                arg=frames,
                timeout=PATIENCE,
            )
        except TimedOut:
            pytest.fail(f"{self.page.url} has not settled: {self.page.evaluate(UNSETTLED) or 'it has, for a moment'}")

    def link(self) -> dict[str, list[str]]:
        """The values that the "Link to exactly this view" box spells out."""
        shown = self.page.locator(COPY_LINK).inner_text()
        return parse_qs(shown.partition("?")[2], keep_blank_values=True)

    def press(self, title: str) -> None:
        """Press the name of a page in the navigation on top, or in its list of more where there is no room for all."""
        link = self.page.get_by_test_id("stTopNavLink").get_by_text(title, exact=True)
        expect(link.first).to_be_attached(timeout=PATIENCE)
        if link.first.evaluate("link => link.closest('[aria-hidden=true]') !== null"):
            self.page.get_by_test_id("stTopNavSection").click()
            link = self.page.get_by_test_id("stTopNavDropdownLink").get_by_text(title, exact=True)
        link.last.click()

    def drop(self, path: Path) -> None:
        """Drop a file or a folder onto the place that takes files, as from the desktop."""
        zone = self.page.get_by_test_id("stFileUploaderDropzone")
        zone.scroll_into_view_if_needed()
        box = zone.bounding_box()
        assert box
        browser = self.page.context.new_cdp_session(self.page)
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            browser.send("Input.dispatchDragEvent", {"type": kind, **place, "data": data})
        browser.detach()

    def navigate(self, title: str) -> None:
        """Open another page than this one through the navigation on top."""
        heading = self.page.get_by_role("heading", level=1)
        before = heading.inner_text()
        self.press(title)
        # The address changes before the page does.
        expect(heading).not_to_have_text(before, timeout=PATIENCE)
        self.settle()

    def barriers(self, rules: Mapping[str, object] = VIOLATIONS) -> list[str]:
        """Serious and critical violations of accessibility that axe-core finds once the page is still, and where."""
        self.settle(frames=3)
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(Axe().axe_script)
        return [
            f"{found['impact']}: {found['help']} ({found['id']}): {node['html'][:200]}"
            for found in self.page.evaluate("options => axe.run(options)", rules)["violations"]
            if found["impact"] in ("serious", "critical")
            for node in found["nodes"]
        ]

    def sound(self) -> None:
        """No exception, no error of the browser, no request that leaves this machine."""
        assert self.page.locator('[data-testid="stException"]').count() == 0
        assert not self.outside, self.outside
        # Streamlit asks for its own health below the address of every deep link and gets two 404s.
        assert all("/_stcore/" in address for address in self.failed), self.failed
        assert len(self.errors) <= len(self.failed), self.errors


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Chromium; missing is a failure where CI is set, else a skip."""
    if path := shutil.which("chromium"):
        return path
    reason = "chromium is not installed (apt-get install chromium)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs with tiny models and score tables as large as real ones."""
    root = tmp_path_factory.mktemp("runs")
    for name, data, seed in (("first", "fashionmnist", 0), ("second", "mnist", 1)):
        run = make_run(root, name, trained=True, data=data, seed=seed)
        make_tables(run, (data, "digits"), n=1797)
        make_tables(run, ("fashionmnist", "mnist"), n=10_000, parts=False)
        make_map(run, (data, "digits"), n=1700)
    return root


@contextmanager
def launch(
    runs: Path, nowhere: Path, data: Path | None = None, base: str = "", script: Path = ROOT / "streamlit_app.py"
) -> Iterator[Dashboard]:
    """Start the dashboard on a free port of the loopback interface, and stop it afterwards.

    Args:
        runs: folder of runs.
        nowhere: path that does not exist; the log of the server is written beside it.
        data: folder of the data sets; none is on the machine where there is none.
        base: path that everything is served below, such as `/hvae`.
        script: another application than the dashboard, served the same way.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    command += ["--server.baseUrlPath", base.strip("/")] if base else []
    environment = os.environ | {
        "HVAE_RUNS": str(runs),
        "HVAE_DATA": str(data or nowhere),
        "STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
    }
    log = nowhere.with_suffix(".log")
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}{base}"
        wait_for(f"{url}/_stcore/health", process, log)
        yield Dashboard(url, process)
    finally:
        process.terminate()
        process.wait(timeout=20)


def wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    """Return when the address answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < deadline and process.poll() is None:
        try:
            opener.open(address, timeout=2).close()
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"the dashboard did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def dashboard(chromium: str, runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard that the tests of a session share; no data set is downloaded on its machine."""
    with launch(runs, tmp_path_factory.mktemp("machine") / "data") as launched:
        yield launched


@pytest.fixture
def fresh_dashboard(chromium: str, runs: Path, tmp_path: Path) -> Iterator[Callable[..., Dashboard]]:
    """Launches a dashboard (or another script) nobody has visited, as often as it is called."""
    with ExitStack() as stack:
        yield lambda **script: stack.enter_context(launch(runs, tmp_path / "data", **script))


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium for the session."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, *BRIEF])
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def context(browser: Browser) -> BrowserContext:
    """What all tabs share: Chromium takes seconds to fetch and compile the scripts of a page that it has not kept."""
    return browser.new_context()


@pytest.fixture
def visit(context: BrowserContext) -> Iterator[Callable[..., Visit]]:
    """Open an address in a fresh tab: `visit(dashboard, "/scores?k=2")`."""
    pages = []

    def open_page(dashboard: Dashboard, path: str, width: int = 1440) -> Visit:
        pages.append(context.new_page())
        visited = Visit(pages[-1])
        page = visited.page
        page.set_viewport_size({"width": width, "height": 900})
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: visited.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: visited.errors.append(str(error)))
        page.on("response", lambda answer: visited.failed.append(answer.url) if answer.status >= 400 else None)
        page.on("request", lambda request: visited.outside.append(request.url) if is_outside(request.url) else None)
        page.goto(dashboard.url + path)
        return visited

    def is_outside(address: str) -> bool:
        return not address.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))

    yield open_page
    for page in pages:
        if page.is_closed():
            continue
        if page.url != "about:blank":
            page.evaluate("localStorage.clear()")
        if len(context.pages) > 1:
            page.close()
        else:
            # One tab stays, so that its process does, and with it the scripts that it has compiled.
            page.goto("about:blank")
    context.clear_cookies()
