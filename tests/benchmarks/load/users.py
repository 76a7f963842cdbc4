"""People who use the dashboard at the same time: some browse stored results, some score pictures of their own."""

from __future__ import annotations

import io
import time
import zipfile
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page

from app.frame import registry
from app.server import judgements
from app.server.judgements import Stored
from tests.benchmarks.tab import PAGE, Tab, press, press_k, press_navigation

HAVE_K = ("scores", "compare")
LIGHT, STORED = ("overview", "runs"), ("scores", "compare", "features", "overview", "runs")
"""Routes of those who browse: pages of few figures, and all that show stored results."""
LOOK_S = 0.5
"""Between two looks at a page that is busy: what is timed is timed in the page, and looking costs the cores it uses."""
GIVE_UP_S = 60
"""A press after which nothing new was shown for so long counts as an error."""

_KEEP = """() => {
    window.__got = null;
    window.__pending.then(one => { window.__got = one; }, () => { window.__got = [60, 60]; });
}"""
_SCORING = """() => {
    const button = document.querySelector('.st-key-score-them button');
    const done = window.__finished?.() && !document.querySelector('[data-stale="true"]');
    return {ready: Boolean(done && button && !button.disabled),
            shown: Boolean(done && document.querySelector('.st-key-verdicts-csv')), address: location.href};
}"""


@dataclass
class Noted:
    """What all users together saw.

    Attributes:
        answers: seconds from a press to something new on the page, of those who browse.
        finished: seconds from the press until the whole page was done, in the order of `answers`.
        results: (user, what is kept of the job) of each scoring whose verdicts were shown, read at that moment: only
            the newest jobs are kept.
        waits: seconds from "Score them" to the verdicts, in the order of `results`.
        errors: what went wrong, one line each.
    """

    answers: list[float] = field(default_factory=list)
    finished: list[float] = field(default_factory=list)
    results: list[tuple[int, Stored | None]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class User(ABC):
    """One person in a browser context of their own; `step` never waits for the page for long.

    Attributes:
        busy: whether an answer is pending.
        due: when the next action begins, by `time.monotonic`.
        begun: actions so far.
    """

    def __init__(self, browser: Browser, address: str, noted: Noted, number: int) -> None:
        self.noted, self.number, self.address = noted, number, address
        self.busy, self.due, self.begun, self._since, self._looked = False, 0.0, 0, 0.0, 0.0
        self.tab = Tab(browser)
        page = self.page
        page.on(
            "console", lambda said: self.wrong(said.text) if said.type == "error" and _ours(said.location) else None
        )
        page.on("pageerror", lambda error: self.wrong(str(error)))
        page.on("response", lambda answer: self._answered(answer.status, answer.url))

    @property
    def page(self) -> Page:
        """Of the context."""
        return self.tab.page

    def wrong(self, what: str) -> None:
        """Note an error, with who saw it and where."""
        self.noted.errors.append(f"user {self.number} on {urlsplit(self.page.url).path}: {what.splitlines()[0][:200]}")

    def step(self, apart: float, over: bool) -> None:
        """Begin the next action when it is due, or see whether the pending one is answered.

        Args:
            apart: seconds from one action to the next, at least.
            over: whether to begin nothing more.
        """
        now = time.monotonic()
        if self.busy:
            if now - self._looked < LOOK_S:
                return
            self._looked = now
            if self.answered(now - self._since):
                self.busy = False
                if count := self.page.locator('[data-testid="stException"]').count():
                    self.wrong(f"{count} exceptions on the page")
        elif now >= self.due and not over:
            self.due = max(now, self.due + apart)
            self.act()
            self.busy, self.begun, self._since = True, self.begun + 1, time.monotonic()

    @abstractmethod
    def act(self) -> None:
        """Begin one action."""

    @abstractmethod
    def answered(self, waited: float) -> bool:
        """Whether the action that began `waited` seconds ago is answered."""

    def _new(self, waited: float) -> list[float] | None:
        """Seconds until something new was shown and until the page was done, None while neither is known."""
        got = self.page.evaluate("window.__got")
        if got is None and waited < 2 * GIVE_UP_S:
            return None
        # Where not even the wait ended, the browser has stopped drawing.
        got = got or [waited, waited]
        if got[0] >= GIVE_UP_S:
            self.wrong("nothing new was shown")
        return got

    def _answered(self, status: int, address: str) -> None:
        if status >= 400 and "/_stcore/" not in address:
            self.wrong(f"HTTP {status} for {urlsplit(address).path}")


class Browsing(User):
    """Somebody who looks at stored results: opens the pages of a route one after the other, and switches k there."""

    def __init__(self, browser: Browser, address: str, noted: Noted, number: int) -> None:
        super().__init__(browser, address, noted, number)
        self.route = LIGHT if number % 2 else STORED
        self.turn, self.pressed = number % len(self.route), False
        self.tab.open(address + registry.address(self.route[self.turn]))

    def act(self) -> None:
        """Switch k where that was not done yet, else open the next page."""
        # A page that is still drawn has no k yet; what was seen of it was that the one before had gone.
        if self.route[self.turn] in HAVE_K and not self.pressed and self.page.locator(".st-key-k [role=radio]").count():
            press_k(self.page, self.number)
            self.pressed = True
        else:
            self.turn, self.pressed = (self.turn + 1) % len(self.route), False
            press_navigation(self.page, self.route[self.turn])
        self.page.evaluate(_KEEP)

    def answered(self, waited: float) -> bool:
        """Whether something new is shown."""
        if got := self._new(waited):
            self.noted.answers.append(got[0])
            self.noted.finished.append(got[1])
        return got is not None


class Scoring(User):
    """Somebody who hands over pictures, presses "Score them", and then looks at the verdicts by budget after budget.

    Args:
        patience: seconds until verdicts that never come are an error.
        images: how many pictures.

    Attributes:
        scored: how often "Score them" was pressed: once, in the end.
    """

    def __init__(
        self, browser: Browser, address: str, noted: Noted, number: int, *, images: int, patience: float
    ) -> None:
        super().__init__(browser, address, noted, number)
        self.patience = patience
        self.files = uploads(images, seed=number, packed=number % 2 == 1)
        self.arrive(noted)

    def arrive(self, noted: Noted) -> None:
        """Open the page anew, as a visitor the server does not know; what is seen from now on is noted there."""
        self.noted, self.begun, self.scored, self._ready, self._doing = noted, 0, 0, 0, "give"
        self.tab.open(f"{self.address}/score_images")

    def act(self) -> None:
        """Begin the next of: hand over the files, score them, look."""
        self._doing = ("give", "score", "look")[min(self.begun, 2)]
        if self._doing == "give":
            self.page.locator("input[type=file]").set_input_files(self.files)
        elif self._doing == "score":
            self.page.locator(".st-key-score-them button").click()
            self.scored += 1
        else:
            press(self.page, "alpha", self.begun, PAGE)
            self.page.evaluate(_KEEP)

    def answered(self, waited: float) -> bool:
        """Whether the button can be pressed, the verdicts are shown, or the figures of the other budget."""
        if self._doing == "look":
            return self._new(waited) is not None
        seen = self.page.evaluate(_SCORING)
        if self._doing == "give" and seen["ready"]:
            # Seen twice: who presses in the instant between two runs of the script is not heard, and nobody is as fast.
            self._ready += 1
            return self._ready == 2
        if self._doing == "score" and seen["shown"]:
            job = parse_qs(urlsplit(seen["address"]).query).get("job", [""])[0]
            self.noted.results.append((self.number, judgements.read(job)))
            self.noted.waits.append(waited)
            return True
        if waited > self.patience:
            self.wrong(f"no answer to {self._doing} after {waited:.0f} s")
        return waited > self.patience


def go_on(users: list[User], seconds: float, apart: float, actions: int = 0) -> None:
    """Let all users act for some seconds, one after the other, and then wait until nothing is pending.

    Those who score come with their pictures one by one over the first half of the time.

    Args:
        users: one at least.
        seconds: after which nobody begins anything new.
        apart: seconds from one action of a user to the next.
        actions: that each begins at least, however long it takes.
    """
    begun = time.monotonic()
    arriving = [user for user in users if isinstance(user, Scoring)]
    for number, user in enumerate(users):
        user.due = begun + apart * number / len(users)
    for number, user in enumerate(arriving):
        user.due = begun + seconds / 2 * number / len(arriving)
    over = False
    while not (over and not any(user.busy for user in users)):
        over = time.monotonic() - begun > seconds and all(user.begun >= actions for user in users)
        for user in users:
            user.step(apart, over)
        users[0].page.wait_for_timeout(50)


def once(user: Scoring) -> None:
    """One job of a user who is alone, from the files to the verdicts."""
    while user.busy or not user.scored:
        user.step(0.0, False)
        user.page.wait_for_timeout(50)


def uploads(images: int, seed: int, packed: bool) -> list[FilePayload]:
    """Small grey PNG files as a browser uploads them, all of them different; or a zip archive of them."""
    files = {f"{number:03}.png": content for number, content in enumerate(pictures(images, seed))}
    if not packed:
        return [{"name": name, "mimeType": "image/png", "buffer": content} for name, content in files.items()]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return [{"name": "pictures.zip", "mimeType": "application/zip", "buffer": buffer.getvalue()}]


def pictures(images: int, seed: int) -> list[bytes]:
    """PNG files of 28 x 28 noise in blocks, so that some look a little like strokes."""
    generator = np.random.default_rng(seed)
    made = []
    for _ in range(images):
        blocks = generator.integers(0, 256, (7, 7), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(blocks.repeat(4, 0).repeat(4, 1)).save(buffer, "PNG")
        made.append(buffer.getvalue())
    return made


def _ours(place: dict) -> bool:
    """Whether a message of the browser is about more than Streamlit's own health checks."""
    return "/_stcore/" not in place.get("url", "")
