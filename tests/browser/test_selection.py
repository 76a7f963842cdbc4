"""One selection: a link, a reload and the Back button show what was seen."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as TimedOut

from app import registry
from app.state import SELECTION_KEYS
from tests.browser.conftest import PATIENCE, Dashboard, Visit

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

CHOSEN = {
    "run": "second",
    "versus": "first",
    "data": "mnist",
    "ood": "digits",
    "score": "LLR",
    "k": "2",
    "unit": "bits/dim",
    "image": "digits:11",
    "alarm": "10",
}
"""No value of these is what a page shows by itself."""
PAGES = [(group, name, title) for group, entries in registry.groups().items() for name, title in entries]
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


def comes_to_show(page: Page, values: dict[str, str], what: str) -> None:
    """Wait until the widgets show exactly this; the address may change once more after a page was drawn."""
    ordered = f"([keys, wanted]) => JSON.stringify(({SHOWN})(keys)) === JSON.stringify(wanted)"
    try:
        page.wait_for_function(ordered, arg=[list(CHOSEN), {key: values[key] for key in CHOSEN if key in values}])
    except TimedOut:
        assert shown(page) == values, what


def address(page: str, **values: str) -> str:
    return f"{registry.address(page)}?" + "&".join(f"{key}={value}" for key, value in values.items())


def test_a_copied_link_shows_the_same_selection_on_every_page(
    dashboard: Dashboard, visit: Callable[..., Visit]
) -> None:
    first = visit(dashboard, address("scores", **CHOSEN | {"k": "3", "image": "digits:10"}))
    page = first.page
    expect(page.get_by_test_id("stTextInputField").first).to_have_value("digits:10")
    first.settle()
    page.locator(".st-key-k").get_by_text("2", exact=True).click()
    page.wait_for_url("**k=2**")
    first.settle()
    page.get_by_role("button", name="Next").first.click()
    expect(page.get_by_test_id("stTextInputField").first).to_have_value("digits:11")
    first.settle()
    copied = first.link()
    assert {key: copied[key][-1] for key in ("k", "image", "unit")} == {
        key: CHOSEN[key] for key in ("k", "image", "unit")
    }
    comes_to_show(page, CHOSEN, "chosen")

    second = visit(dashboard, "/scores?" + "&".join(f"{key}={value}" for key in copied for value in copied[key]))
    tab = second.page
    expect(tab.get_by_test_id("stTextInputField").first).to_be_visible()
    second.settle()
    comes_to_show(tab, CHOSEN, "opened by the link")
    tab.reload()
    expect(tab.get_by_test_id("stTextInputField").first).to_be_visible()
    second.settle()
    comes_to_show(tab, CHOSEN, "reloaded")
    heading = tab.get_by_role("heading", level=1)
    walked = {}
    for group, name, title in PAGES:
        second.navigate(group, title)
        assert has_path(tab, registry.address(name))
        walked[name] = heading.inner_text(), shown(tab)
        holds_the_selection(walked[name][1], name)
        link = second.link()
        assert {key: link.get(key) for key in copied} == copied, f"{name}: the link holds what other pages show, too"
    names = [name for _, name, _ in PAGES]
    # Streamlit may push one correction of the address on arrival, so the page before is at most two steps away.
    for go, route in ((tab.go_back, names[-2:-6:-1]), (tab.go_forward, names[-4:-2])):
        for name in route:
            go()
            if not has_path(tab, registry.address(name), patience=5000):
                go()
                assert has_path(tab, registry.address(name)), f"two presses do not lead to {name}"
            # The address changes before the page does.
            expect(heading).to_have_text(walked[name][0])
            comes_to_show(tab, walked[name][1], f"{name}: gone back to")
            # Streamlit follows Back with a second run where it emptied a widget, and loses a Back pressed during one.
            second.settle(frames=20)
    second.sound()


def test_a_reload_keeps_what_every_page_shows(dashboard: Dashboard, visit: Callable[..., Visit]) -> None:
    visited = visit(dashboard, address("overview", **CHOSEN))
    tab = visited.page
    for _, name, _ in PAGES:
        tab.goto(dashboard.url + address(name, **CHOSEN))
        expect(tab.get_by_role("heading", level=1)).to_be_visible()
        visited.settle()
        before = shown(tab)
        holds_the_selection(before, name)
        tab.reload()
        comes_to_show(tab, before, f"{name}: reloaded")
    visited.sound()


def holds_the_selection(here: dict[str, str], page: str) -> None:
    """The sidebar is there and shows it, and whatever else the page draws of the values chosen shows them."""
    assert set(SELECTION_KEYS) <= set(here), page
    assert here == {key: CHOSEN[key] for key in here}, page


def has_path(page: Page, path: str, patience: int = PATIENCE) -> bool:
    """Whether the address comes to have this path."""
    try:
        page.wait_for_function("path => location.pathname === path", arg=path, timeout=patience)
    except TimedOut:
        return False
    return True
