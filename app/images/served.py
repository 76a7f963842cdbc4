"""Single images as files of the server: what a mark of a figure shows under the mouse."""

from collections.abc import Sequence
from urllib.parse import quote

import streamlit as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.frame.caching import kept
from app.looks.pictures import png
from app.reading import loading
from app.reading.view import View
from hvae.errors import HvaeError
from hvae.runs.folders import RunEntry
from hvae.runs.score_tables import ScoreTable

ROUTE = "images"
HEADERS = {"Cache-Control": "private, max-age=300", "Cross-Origin-Resource-Policy": "same-origin"}
"""No page of another address may show them."""


def address(run: RunEntry, table: ScoreTable) -> str:
    """Where the images of a table of a run are, each as `NUMBER.png` below it."""
    return f"{base()}/{ROUTE}/{quote(run.name, safe='')}/{quote(table.metadata.file_name)}"


def of_view(shown: View) -> list[str]:
    """Those of the sets of a view, in the order in which marks number them."""
    return [address(shown.run, one.table) for one in shown.sets]


def route() -> Route:
    """What answers for them; for the server."""
    return Route(f"{base()}/{ROUTE}/{{run}}/{{table}}/{{index:int}}.png", _answer)


def words(table: ScoreTable, index: Sequence[int]) -> list[str]:
    """The number and label of images of a table, as plain text for hovering."""
    labels = table.frame["label"].to_numpy()
    return [f"{number}, label {labels[number]}" for number in index]


def base() -> str:
    """The path that the dashboard is served below, such as `/hvae`; empty where it is served at the top."""
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def _answer(request: Request) -> Response:
    names = request.path_params["run"], request.path_params["table"], request.path_params["index"]
    try:
        content = _picture(*names)
    except (HvaeError, OSError):
        # They are not on this machine, or are others than those scored: nothing to show, and no failure of the page.
        return Response(status_code=204, headers=HEADERS)
    if content is None:
        return PlainTextResponse("There is no such image here.", 404, HEADERS)
    return Response(content, headers=HEADERS, media_type="image/png")


def _picture(name: str, table: str, index: int) -> bytes | None:
    """The PNG file of one image; None for a run, a table or a number that is not there. Raises HvaeErrors."""
    run = next((one for one in loading.runs() if one.name == name), None)
    if run is None:
        return None
    found = loading.catalogue(run)
    entry = next((one for one in found.entries if one.path.name == table), None)
    if entry is None:
        return None
    # Within another cache nothing is said while images are read: there is no page here to say it on.
    stamp = run.path, loading.stamp(entry)
    images = kept("served", stamp, lambda: loading.scored_images(run, loading.table(found, entry)), "large")
    return png(images.images[index]) if index < len(images) else None
