"""Many people at once: `python -m tests.benchmarks.load --out load.json`, alone on its machine.

One dashboard on the loopback interface with the bundled runs, one headless Chromium with a context for each person:
most browse stored results; some come with pictures of their own, one after the other, score them and look at the
verdicts. Each acts every ten seconds. After `--seconds` nobody begins anything new, and what was begun is waited for.
Before, each has done alone, one person after the other, what they do together: what those who score get among the
others has to be the same, and a browser context, which has an empty cache, compiles every page it opens first: that
stands apart. `HVAE_DATA` says where the data sets are.

The same cores run the server and all the browsers, which people have at home: Chromium's share of them is said beside
the server's; most of a latency is its own. What the server alone takes, one more visitor says, who opens
pages without a browser. The server goes before the browsers, where that is allowed.
Not to be run with `nice`: where it may, Chromium takes its own priority back, and only the server is slow then. Exits
with 1 where a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event

import numpy as np
from playwright.sync_api import Browser, sync_playwright

from app.frame import registry
from app.server.judgements import Stored
from tests.benchmarks.load import probe
from tests.benchmarks.load.users import STORED, Browsing, Noted, Scoring, User, go_on, once
from tests.benchmarks.tab import cpu_seconds, resident_mib
from tests.browser.conftest import FLAGS, ROOT, Dashboard, launch

APART_S = 10.0
"""From one action of a person to the next."""
ANSWER_P95_S = 3.0
PROBED_S = 3.0
"""From an answer of the server to the next page of the visitor without a browser."""
RETURN_MIB = 100
"""Memory of the server that may be left above the start."""
PATIENCE_S = 900.0


@dataclass
class Fact:
    """One line of the report.

    Attributes:
        what: was measured.
        value: of it.
        unit: of the value.
        limit: what the value must not exceed, None where there is none.
    """

    what: str
    value: float
    unit: str = ""
    limit: float | None = None

    @property
    def missed(self) -> bool:
        """Whether the limit is missed."""
        return self.limit is not None and not self.value <= self.limit


@dataclass
class Spent:
    """Seconds by the clock, and of CPU: of the server, of the browser, of everything else on the machine."""

    wall: float
    server: float
    chromium: float
    others: float


def measure(browser: Browser, dashboard: Dashboard, asked: argparse.Namespace) -> tuple[list[Fact], list[str]]:
    """Facts, and every error."""
    noted, alone, first = Noted(), Noted(), Noted()
    _put_first(dashboard)
    # Alone first: what the others' results have to equal, and a server whose bounded caches are filled at the start.
    scoring = [
        Scoring(browser, dashboard.url, alone, number, images=asked.images, patience=PATIENCE_S)
        for number in range(asked.scorers)
    ]
    for user in scoring:
        once(user)
    browsing = [Browsing(browser, dashboard.url, first, number) for number in range(asked.scorers, asked.contexts)]
    for visitor in browsing:
        go_on([visitor], 0.0, 0.0, actions=2 * len(visitor.route))
        visitor.noted = noted
    start = resident_mib(dashboard)
    _forget_peak(dashboard)
    for user in scoring:
        user.arrive(noted)
    users: list[User] = [*scoring, *browsing]
    spent, served = _together(users, dashboard, asked.seconds)
    peak = _peak_mib(dashboard)
    for user in users:
        user.tab.context.close()
    time.sleep(asked.rest)
    rested = resident_mib(dashboard)
    lone = dict(alone.results)
    differing = sum(not _same(found, lone.get(number)) for number, found in noted.results)
    begun = sum(user.scored for user in scoring)
    cores = os.cpu_count() or 1
    errors = noted.errors + alone.errors + first.errors
    return [
        Fact("errors", len(errors), "", 0),
        Fact("jobs begun", begun),
        Fact("jobs not finished", begun - len(noted.results), "", 0),
        Fact("jobs whose results differ from a lone user's", differing, "", 0),
        Fact("actions of those who browse", len(noted.answers)),
        Fact("an answer, median", _quantile(noted.answers, 0.5), "s"),
        Fact("an answer, 95 %", _quantile(noted.answers, 0.95), "s", ANSWER_P95_S),
        Fact("an answer, longest", _quantile(noted.answers, 1), "s"),
        Fact("the whole page after an answer, median", _quantile(noted.finished, 0.5), "s"),
        Fact("the whole page after an answer, 95 %", _quantile(noted.finished, 0.95), "s"),
        Fact("the server's own answer, median", _quantile(served, 0.5), "s"),
        Fact("the server's own answer, 95 %", _quantile(served, 0.95), "s", ANSWER_P95_S),
        Fact("the server's own answer, longest", _quantile(served, 1), "s"),
        Fact("an answer on the first way through, one person at a time, median", _quantile(first.answers, 0.5), "s"),
        Fact("an answer on the first way through, one person at a time, 95 %", _quantile(first.answers, 0.95), "s"),
        Fact("verdicts after Score them, median", _quantile(noted.waits, 0.5), "s"),
        Fact("verdicts after Score them, longest", _quantile(noted.waits, 1), "s"),
        Fact("verdicts after Score them, a lone user, median", _quantile(alone.waits, 0.5), "s"),
        Fact("wall-clock time", spent.wall, "s"),
        Fact("CPU time of the server, share of all cores", 100 * spent.server / spent.wall / cores, "%"),
        Fact("CPU time of Chromium, share of all cores", 100 * spent.chromium / spent.wall / cores, "%"),
        Fact("CPU time of all else, share of all cores", 100 * spent.others / spent.wall / cores, "%"),
        Fact("server at the start, after lone users", start, "MiB"),
        Fact("server at its peak", peak, "MiB"),
        Fact(f"server {asked.rest:.0f} s after the end", rested, "MiB", start + RETURN_MIB),
    ], errors


def _together(users: list[User], dashboard: Dashboard, seconds: float) -> tuple[Spent, list[float]]:
    """Let all act at the same time; what it took, and the seconds of the server's own answers."""
    over, route = Event(), [page for page in STORED if page != registry.HOME]
    with ThreadPoolExecutor(1) as pool:
        probed = pool.submit(probe.answers, dashboard.url, route, PROBED_S, over)
        began = _clocks(dashboard)
        try:
            go_on(users, seconds, APART_S)
        finally:
            over.set()
        wall, server, chromium, machine = (now - then for now, then in zip(_clocks(dashboard), began, strict=True))
    return Spent(wall, server, chromium, max(0.0, machine - server - chromium)), probed.result()


def _same(one: Stored | None, other: Stored | None) -> bool:
    """Whether two results are the same to the last bit."""
    return (
        one is not None
        and other is not None
        and one.complete
        and other.complete
        and one.frame.equals(other.frame)
        and np.array_equal(one.images, other.images)
        and one.refused == other.refused
    )


def _quantile(values: list[float], share: float) -> float:
    return float(np.quantile(values, share)) if values else float("nan")


def _put_first(dashboard: Dashboard) -> None:
    """Let the server have its cores before the browsers, which elsewhere have cores of their own; where one may."""
    for thread in Path(f"/proc/{dashboard.process.pid}/task").iterdir():
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, int(thread.name), -10)


def _forget_peak(dashboard: Dashboard) -> None:
    """Set the peak of the server's memory back to what it has now."""
    Path(f"/proc/{dashboard.process.pid}/clear_refs").write_text("5")


def _peak_mib(dashboard: Dashboard) -> float:
    status = Path(f"/proc/{dashboard.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _clocks(dashboard: Dashboard) -> tuple[float, float, float, float]:
    """(wall clock, CPU time of the server, of the browser, of everything on the machine), in seconds."""
    fields = [int(one) for one in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    # Idle and waiting for a disk are the fourth and the fifth; guests, at the end, are counted as users already.
    machine = (sum(fields[:8]) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")
    return time.monotonic(), cpu_seconds(dashboard), _browser_seconds(dashboard), machine


def _browser_seconds(dashboard: Dashboard) -> float:
    """CPU time of what this program started, and what that started, other than the server."""
    parents: dict[int, int] = {}
    spent: dict[int, float] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        # It has ended since.
        except OSError:
            continue
        pid = int(path.parent.name)
        # Of itself and of those below it that have ended.
        parents[pid], spent[pid] = int(fields[1]), sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def ours(pid: int) -> bool:
        while pid in parents and pid != dashboard.process.pid:
            pid = parents[pid]
            if pid == os.getpid():
                return True
        return False

    return sum(seconds for pid, seconds in spent.items() if ours(pid))


def main() -> int:
    """Measure, print what was found, and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contexts", type=int, default=30, help="people, each in a browser context of their own")
    parser.add_argument("--scorers", type=int, default=10, help="of them, those who score pictures")
    parser.add_argument("--seconds", type=float, default=180, help="during which actions begin")
    parser.add_argument("--images", type=int, default=50, help="pictures of each upload")
    parser.add_argument(
        "--rest",
        type=float,
        default=150,
        help="seconds from the end until memory has to be back; "
        "Streamlit keeps what a closed tab had for two minutes, in case it comes back",
    )
    parser.add_argument("--out", type=Path, help="JSON file of all numbers")
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="path of the browser")
    asked = parser.parse_args()
    data = os.environ.get("HVAE_DATA")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} (other work makes every number worse)", flush=True)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        # The server and this program agree on where results lie, apart from those of other servers.
        os.environ["TMPDIR"] = tempfile.tempdir = scratch
        browser = playwright.chromium.launch(executable_path=asked.chromium, args=list(FLAGS))
        with launch(ROOT / "assets" / "runs", Path(scratch) / "data", Path(data) if data else None) as dashboard:
            facts, errors = measure(browser, dashboard, asked)
        log = (Path(scratch) / "data.log").read_text()
        browser.close()
    errors += [line for line in log.splitlines() if re.search(r"Traceback|Exception|Error", line)]
    facts[0].value = len(errors)
    for fact in facts:
        limit = "" if fact.limit is None else f"<= {fact.limit:.4g}"
        print(f"{fact.what:66} {fact.value:9.2f} {fact.unit:4} {limit:9} {'MISSED' if fact.missed else ''}")
    for error in errors[:20]:
        print(error)
    if asked.out:
        found = [asdict(fact) | {"missed": fact.missed} for fact in facts]
        asked.out.write_text(json.dumps({"facts": found, "errors": errors[:200]}, indent=2) + "\n")
    return 1 if any(fact.missed for fact in facts) else 0


if __name__ == "__main__":
    sys.exit(main())
