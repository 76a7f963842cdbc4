"""Who is let in: requests for names this server answers to, from pages of its own, with uploads there is room for.

A page elsewhere can make a visitor's browser ask this server, and a name of somebody else's can be made to lead here;
the browser tells both by the headers Origin and Host. No Streamlit.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from app.server import limits

LOOPBACK = ("localhost", "127.0.0.1", "::1")
FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip")
"""Headers by which a web server in front says that it speaks for somebody."""
RESERVE = 64 * 2**20
"""Bytes that uploads leave free where temporary files are."""

_PORTS = {"http": 80, "https": 443}
_UPLOAD, _METRICS = "/_stcore/upload_file/", "/_stcore/metrics"
_DRAINED = 2**30

Scope = MutableMapping[str, Any]


class Door:
    """ASGI middleware in front of everything; `names` are those the server is configured with."""

    def __init__(self, app: Callable[..., Any], names: Iterable[str] = ()) -> None:
        self.app, self.names, self.under_way = app, frozenset(map(_plain, (*LOOPBACK, *names))), 0

    async def __call__(self, scope: Scope, receive: Callable[[], Any], send: Callable[[Scope], Any]) -> None:
        """Pass a request on, or refuse it in words."""
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        path, size = scope["path"], headers.get("content-length", "")
        upload = scope["type"] == "http" and _UPLOAD in path and scope["method"] in ("PUT", "POST")
        announced = int(size) if upload and size.isascii() and size.isdigit() else 0
        refusal = self._stranger(scope, headers, path) or (self._no_room(size, announced) if upload else None)
        if refusal is not None:
            return await _refuse(scope, receive, send, *refusal)
        self.under_way += announced
        try:
            return await self.app(scope, receive, send)
        finally:
            self.under_way -= announced

    def _stranger(self, scope: Scope, headers: dict[str, str], path: str) -> tuple[int, str] | None:
        host = _place(f"//{headers.get('host', '')}")
        if host is None or host[0] not in self.names | set(map(_plain, limits.current().hosts)):
            return (
                403,
                "This dashboard does not answer to that host name. Its limits.toml lists under hosts those it "
                "answers to.",
            )
        if (origin := headers.get("origin")) is not None:
            source, default = _place(origin), _PORTS.get(origin.partition("://")[0].lower())
            if source is None or default is None or (source[0], source[1] or default) != (host[0], host[1] or default):
                return 403, "A page of another address may not use this dashboard."
        if path.endswith(_METRICS):
            near = (scope.get("client") or ("",))[0] in LOOPBACK and host[0] in LOOPBACK
            if not near or any(name.lower() in headers for name in FORWARDED):
                return 404, "Not found."
        return None

    def _no_room(self, size: str, announced: int) -> tuple[int, str] | None:
        allowed = limits.current()
        if not size:
            return 411, "An upload has to say how large it is."
        if announced > (allowed.upload_mib_per_file + 1) * 2**20:
            return 413, f"A file may have {allowed.upload_mib_per_file} MiB at most."
        if self.under_way + announced > allowed.upload_mib_under_way * 2**20:
            return 503, "Others are uploading: try again in a minute."
        if shutil.disk_usage(tempfile.gettempdir()).free < self.under_way + announced + RESERVE:
            return 507, "There is no room for uploads on the disk of this server."
        return None


def _plain(name: str) -> str:
    return name.lower().strip("[]").rstrip(".")


def _place(address: str) -> tuple[str, int | None] | None:
    """(host name, port) of an address; None where it has none or more than that."""
    try:
        found = urlsplit(address)
        name, port = found.hostname, found.port
    except ValueError:
        return None
    odd = found.username or found.password or found.path or found.query or found.fragment
    return None if not name or odd else (_plain(name), port)


async def _refuse(
    scope: Scope, receive: Callable[[], Any], send: Callable[[Scope], Any], status: int, words: str
) -> None:
    if scope["type"] == "websocket":
        await receive()
        return await send({"type": "websocket.close", "code": 1008, "reason": words})
    # To its end: a browser that is answered while it still sends shows a broken connection instead of the answer.
    drained, more = 0, True
    while more and drained < _DRAINED:
        message = await receive()
        drained, more = drained + len(message.get("body", b"")), message.get("more_body", False)
    content = words.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
