"""Every page of the dashboard, in the order of the navigation: the one list of them."""

from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

FOLDER = Path(__file__).resolve().parents[2] / "pages"
HOME = "overview"
_INSPECTED = ("image", "pins", "aspect")
_MEASURE = ("score", "k", "reading", "S", "R", "unit")
_COSTS = ("volume", "unusual", "miss", "wrong")


@dataclass(frozen=True)
class Page:
    """A page: its file in `pages/` and its address, and its title, which stands in the navigation.

    `keys` are the values of the address that it knows beside the selection.
    """

    name: str
    title: str
    keys: tuple[str, ...] = ()


PAGES = (
    Page("overview", "Overview", _INSPECTED),
    Page("how_it_works", "How it works", ("example", "layers", "seed", "lab", "z", "giver", "coordinate", *_INSPECTED)),
    Page(
        "paradox", "Why likelihood fails",
        ("step", "guess", "known", "other", "turn", "density", "picture", *_INSPECTED),
    ),
    Page(
        "reconstructions", "Reconstructions",
        ("source", "start", "show", "rows", "reading", "draws", "level", "levels", "seed", *_INSPECTED),
    ),
    Page("scores", "Scores", (*_MEASURE, "alarm", "panel", "from", "to", "part", "gallery", *_COSTS, *_INSPECTED)),
    Page(
        "score_images", "Score images",
        ("pictures", "fit", "prepare", "steps", "judge", "statistic", "sides", "reading", "S", "R", "also",
         "alpha", "k", "order", "only", "page", *_COSTS, *_INSPECTED),
    ),
    Page("compare", "Compare", (*_MEASURE, "also", "by", "set", "on", "ids", *_INSPECTED)),
    Page(
        "baselines", "Baselines",
        ("beside", "set", "every", "takes", "against", "picked", "across", "up", "caught", *_INSPECTED),
    ),
    Page("train", "Train", ("give", "training", "quantity")),
    Page(
        "gallery", "Slices",
        (*_MEASURE, "alarm", "from", "to", "among", "along", "slice", "verdict", "labels", "sort", "rising", "sheet",
         "ids", *_INSPECTED),
    ),
    Page(
        "map", "Map",
        (*_MEASURE, "alarm", "view", "tint", "lasso", "sort", "rising", "sheet", "ids", *_INSPECTED),
    ),
    Page("features", "Features", ("kind", "between", "on", "pair", "match", *_INSPECTED)),
    Page("runs", "Runs", ("about", "quantity", "card")),
)  # fmt: skip


def there() -> list[Page]:
    """The pages whose file exists."""
    return [page for page in PAGES if (FOLDER / f"{page.name}.py").is_file()]


def names() -> list[str]:
    """Their names."""
    return [page.name for page in there()]


def address(name: str) -> str:
    """The path of a page in the browser; the overview lives at `/`."""
    return "/" if name == HOME else f"/{name}"


def home(base: str) -> Route:
    """What leads from `/overview`, which Streamlit does not know as it calls its first page `/`, to that page."""

    def lead(request: Request) -> RedirectResponse:
        # Relative, so that it holds behind any web server in front.
        return RedirectResponse(f"./?{request.url.query}" if request.url.query else "./")

    return Route(f"{base}/{HOME}", lead)
