"""What of an answer is the server's: a visitor without a browser, who speaks Streamlit's protocol."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import cycle
from threading import Event

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

GIVE_UP_S = 60


def answers(address: str, route: Sequence[str], apart: float, over: Event) -> list[float]:
    """Seconds from asking for a page until all of it has come, page after page until it is `over`.

    Args:
        address: of the dashboard.
        route: addresses of pages below it, opened in turns.
        apart: seconds from an answer to the next page.

    Raises:
        RuntimeError: a page was not made.
        TimeoutError: nothing came for a minute.
    """
    took = []
    stream = f"{address.replace('http', 'ws', 1)}/_stcore/stream"
    with connect(stream, origin=address, subprotocols=["streamlit"], max_size=None) as socket:
        pages = _open(socket, "")
        for page in cycle(route):
            if over.wait(apart):
                return took
            began = time.monotonic()
            _open(socket, pages[page])
            took.append(time.monotonic() - began)
    return took


def _open(socket: ClientConnection, page: str) -> dict[str, str]:
    """Open a page by its hash, the first one by none; the hashes of all pages by their addresses."""
    asked, pages = BackMsg(), {}
    asked.rerun_script.page_script_hash = page
    socket.send(asked.SerializeToString())
    while True:
        said = ForwardMsg.FromString(socket.recv(GIVE_UP_S))
        if said.HasField("navigation"):
            pages = {one.url_pathname: one.page_script_hash for one in said.navigation.app_pages}
        if said.HasField("page_not_found") or said.script_finished:
            raise RuntimeError(f"the page was not made: {said}")
        # Which is 0, and there all the same.
        if said.WhichOneof("type") == "script_finished":
            return pages
