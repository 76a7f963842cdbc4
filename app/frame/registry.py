"""Every page of the dashboard, in the order of the navigation: the one list of them."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "pages"
HOME = "overview"
_MEASURE = ("score", "k", "reading", "S", "R", "unit")
_COSTS = ("volume", "unusual", "miss", "wrong")


@dataclass(frozen=True)
class Page:
    """A page: its file in `pages/` and its address, its title, where it stands in the navigation.

    `keys` are the values of the address that it knows beside the selection.
    """

    name: str
    title: str
    group: str
    keys: tuple[str, ...] = ()


PAGES = (
    Page("overview", "Overview", "Learn"),
    Page("how_it_works", "How it works", "Learn", ("example", "layers", "seed")),
    Page("paradox", "Why likelihood fails", "Learn", ("step", "guess", "known", "other", "turn", "density", "picture")),
    Page(
        "reconstructions", "Reconstructions", "Learn",
        ("source", "image", "show", "rows", "reading", "draws", "level", "levels", "seed"),
    ),
    Page(
        "scores", "Scores", "Analyse",
        (*_MEASURE, "alarm", "panel", "from", "to", "part", "gallery", "image", *_COSTS),
    ),
    Page(
        "baselines", "Baselines", "Analyse",
        ("beside", "set", "every", "takes", "against", "picked", "across", "up", "caught", "image"),
    ),
    Page("features", "Features", "Analyse", ("kind", "between", "on", "pair", "match", "image")),
    Page("compare", "Compare", "Analyse", (*_MEASURE, "also", "by", "set", "on", "image")),
    Page(
        "score_images", "Score images", "Use",
        ("pictures", "fit", "prepare", "steps", "judge", "statistic", "sides", "reading", "S", "R", "also",
         "alpha", "k", "order", "only", "page", *_COSTS),
    ),
    Page("train", "Train", "Use", ("give", "training", "quantity")),
    Page("runs", "Runs", "Manage", ("about", "quantity", "card")),
)  # fmt: skip


def groups() -> dict[str, list[tuple[str, str]]]:
    """Group: (name, title) of its pages."""
    there = [page for page in PAGES if page.name in names()]
    named = dict.fromkeys(page.group for page in there)
    return {group: [(page.name, page.title) for page in there if page.group == group] for group in named}


def names() -> list[str]:
    """Names of the pages whose file exists."""
    return [page.name for page in PAGES if (FOLDER / f"{page.name}.py").is_file()]


def address(name: str) -> str:
    """The path of a page in the browser; the overview lives at `/`."""
    return "/" if name == HOME else f"/{name}"
