"""One selection: a link, a reload and the Back button show what was seen."""

from collections.abc import Callable, Iterable

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as TimedOut

from app.frame import registry
from app.frame.state import SELECTION_KEYS
from tests.browser.conftest import PATIENCE, Dashboard, Visit

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

CHOSEN = {
    "run": "second",
    "versus": "first",
    "data": "mnist",
    "ood": "digits",
    "score": "llr",
    "k": "2",
    "unit": "bits/dim",
    "image": "digits:11",
    "alarm": "10",
}
"""No value of these is what a page shows by itself."""
PAGES = [(one.name, one.title) for one in registry.there()]
SHOWN = """keys => Object.fromEntries(keys.map(key => {
    const widget = document.querySelector(`.st-key-${key}`);
    if (!widget) return [key, null];
    const tags = [...widget.querySelectorAll('.react-aria-ComboBox [data-tag]')].map(tag => tag.textContent);
    if (tags.length) return [key, tags.join(',')];
    const picked = widget.querySelector('[aria-checked="true"]');
    return [key, picked ? picked.textContent : widget.querySelector('input')?.value ?? null];
}).filter(([, value]) => value !== null))"""


def shown(page: Page) -> dict[str, str]:
    """What the widgets of the page show, by their key."""
    return page.evaluate(SHOWN, list(CHOSEN))


def comes_to_hold(page: Page, what: str, keys: Iterable[str] = SELECTION_KEYS) -> tuple[str, ...]:
    """Wait until the page shows these of the values chosen at least, and no other value; the keys of all it shows.

    The browser fetches the code of a widget when it first draws one, and the address may change once more after that.
    """
    held = f"""([chosen, keys]) => {{
        const here = ({SHOWN})(Object.keys(chosen));
        return keys.every(key => key in here) && Object.keys(here).every(key => here[key] === chosen[key]);
    }}"""
    try:
        page.wait_for_function(held, arg=[CHOSEN, list(keys)])
    except TimedOut:
        here = shown(page)
        assert set(keys) <= set(here), what
        assert here == {key: CHOSEN[key] for key in here}, what
    return tuple(shown(page))


def all_hold(page: Page, what: str) -> None:
    """Wait until the page shows every value chosen, those behind "Advanced" as well."""
    page.get_by_role("button", name="Advanced").click()
    comes_to_hold(page, what, CHOSEN)
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-unit")).to_have_count(0)


def address(page: str, **values: str) -> str:
    return f"{registry.address(page)}?" + "&".join(f"{key}={value}" for key, value in values.items())


@pytest.mark.slow
def test_a_copied_link_shows_the_same_selection_on_every_page(
    dashboard: Dashboard, visit: Callable[..., Visit]
) -> None:
    first = visit(dashboard, address("scores", **CHOSEN | {"k": "3", "image": "digits:10"}))
    page = first.page
    expect(page.locator(".st-key-image input").first).to_have_value("digits:10")
    first.settle()
    page.locator(".st-key-k").get_by_text("2", exact=True).click()
    page.wait_for_url("**k=2**")
    first.settle()
    page.get_by_role("button", name="Next").first.click()
    expect(page.locator(".st-key-image input").first).to_have_value("digits:11")
    first.settle()
    copied = first.link()
    assert {key: copied[key][-1] for key in ("k", "image", "unit")} == {
        key: CHOSEN[key] for key in ("k", "image", "unit")
    }
    all_hold(page, "chosen")

    second = visit(dashboard, "/scores?" + "&".join(f"{key}={value}" for key in copied for value in copied[key]))
    tab = second.page
    expect(tab.locator(".st-key-image input").first).to_be_visible()
    second.settle()
    all_hold(tab, "opened by the link")
    tab.reload()
    expect(tab.locator(".st-key-image input").first).to_be_visible()
    second.settle()
    all_hold(tab, "reloaded")
    heading = tab.get_by_role("heading", level=1)
    walked = {}
    for name, title in PAGES:
        second.navigate(title)
        assert has_path(tab, registry.address(name))
        walked[name] = heading.inner_text(), comes_to_hold(tab, name)
        link = second.link()
        assert {key: link.get(key) for key in copied} == copied, f"{name}: the link holds what other pages show, too"
    names = [name for name, _ in PAGES]
    # Streamlit may push one correction of the address on arrival, so the page before is at most two steps away.
    for go, route in ((tab.go_back, names[-2:-6:-1]), (tab.go_forward, names[-4:-2])):
        for name in route:
            go()
            if not has_path(tab, registry.address(name), patience=5000):
                go()
                assert has_path(tab, registry.address(name)), f"two presses do not lead to {name}"
            # The address changes before the page does.
            expect(heading).to_have_text(walked[name][0])
            comes_to_hold(tab, f"{name}: gone back to", walked[name][1])
            # Streamlit follows Back with a second run where it emptied a widget, and loses a Back pressed during one.
            second.settle(frames=20)
    second.sound()


@pytest.mark.slow
def test_a_reload_keeps_what_every_page_shows(dashboard: Dashboard, visit: Callable[..., Visit]) -> None:
    visited = visit(dashboard, address("overview", **CHOSEN))
    tab = visited.page
    for name, _ in PAGES:
        tab.goto(dashboard.url + address(name, **CHOSEN))
        expect(tab.get_by_role("heading", level=1)).to_be_visible()
        visited.settle()
        before = comes_to_hold(tab, name)
        tab.reload()
        comes_to_hold(tab, f"{name}: reloaded", before)
    visited.sound()


def has_path(page: Page, path: str, patience: int = PATIENCE) -> bool:
    """Whether the address comes to have this path."""
    try:
        page.wait_for_function("path => location.pathname === path", arg=path, timeout=patience)
    except TimedOut:
        return False
    return True
