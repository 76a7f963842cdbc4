"""The documents: every link leads somewhere, every page is linked, every picture shown."""

import re
import unicodedata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + DOCS
LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^()\s]+(?:\([^()]*\))?)\)")
DASHBOARD = re.compile(r"http://localhost:8501/(\w*)(\?[\w.,:=&+-]*)?")


def prose(path: Path) -> str:
    """A document without its fenced blocks and code spans."""
    text = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]+`", lambda span: "code" if "](" in span.group() else span.group(), text)


def links(path: Path) -> list[str]:
    return LINK.findall(prose(path))


def anchors(path: Path) -> set[str]:
    """Anchors of the headings as GitHub makes them: lower case, no punctuation, a hyphen for each space."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE):
        text = re.sub(r"<[^>]+>", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)).replace("&gt;", ">")
        kept = (c for c in text.strip().lower() if c in " -_" or unicodedata.category(c)[0] in "LN")
        slug = "".join(kept).replace(" ", "-")
        number = 0
        while (anchor := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(anchor)
    return found


def problem(page: Path, link: str) -> str | None:
    """Why a link leads nowhere; addresses of the internet are not asked."""
    if link.startswith("http://localhost"):
        match = DASHBOARD.fullmatch(link)
        known = match is not None and (not match[1] or (ROOT / "pages" / f"{match[1]}.py").is_file())
        return None if known else "no page of the dashboard"
    if link.startswith("https://"):
        return None
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.is_relative_to(ROOT) or not target.exists():
        return "no such file"
    if anchor and anchor not in anchors(target):
        return f"{target.name} has no heading of this anchor"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    wrong = {link: why for link in links(page) if (why := problem(page, link)) is not None}
    assert wrong == {}


@pytest.mark.parametrize(
    "link",
    [
        "docs/nowhere.md",
        "docs/serving.md#nowhere",
        "#nowhere",
        "../elsewhere.md",
        "http://localhost:8501/nowhere",
        "ftp://x",
    ],
)
def test_a_link_that_leads_nowhere_is_found(link: str) -> None:
    assert problem(ROOT / "README.md", link) is not None


@pytest.mark.parametrize("page", sorted({*PAGES} - {ROOT / "CHANGELOG.md"}), ids=lambda page: page.name)
def test_every_file_of_the_tests_that_a_document_names_is_there(page: Path) -> None:
    named = re.findall(r"\btests/[\w./-]+\.py\b", page.read_text("utf-8"))
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_every_page_of_the_documents_is_linked_from_the_readme() -> None:
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in links(ROOT / "README.md") if "://" not in link}
    assert set(DOCS) <= linked


def test_every_picture_is_shown() -> None:
    shown = {(page.parent / link).resolve() for page in PAGES for link in links(page) if link.endswith(".webp")}
    assert set((ROOT / "assets" / "screenshots").iterdir()) == shown
