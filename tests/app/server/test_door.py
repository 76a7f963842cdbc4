"""Requests for foreign names and from foreign pages are refused, uploads are bounded, and a browser hears why."""

import asyncio
import tempfile
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit import config

from app.server import access, door, limits
from app.server.door import Door

HOST = "localhost:8501"
UPLOAD = "/_stcore/upload_file/session/file"


async def _passed(scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"passed"})


def ask(
    path: str = "/",
    method: str = "GET",
    client: str = "127.0.0.1",
    kind: str = "http",
    body: int = 0,
    at: Door | None = None,
    **headers: str,
) -> tuple[int, str, int]:
    """(status, what was said, chunks of the body that were read); the status of a closed websocket is its code."""
    sent: list[dict[str, Any]] = []
    chunks = [{"type": "http.request", "body": b"x" * 1000, "more_body": left > 0} for left in reversed(range(body))]
    chunks = chunks or [{"type": "http.request", "body": b"", "more_body": False}]
    read = 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        return chunks[read - 1]

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [
        (name.replace("_", "-").lower().encode(), value.encode()) for name, value in ({"host": HOST} | headers).items()
    ]
    scope = {"type": kind, "method": method, "path": path, "headers": raw, "client": (client, 5)}
    asyncio.run((at or Door(_passed, ["dash.example"]))(scope, receive, send))
    first = sent[0]
    if kind == "websocket":
        return first.get("code", 101), first.get("reason", ""), read
    return first["status"], sent[1]["body"].decode(), read


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({}, True),
        ({"origin": "http://localhost:8501"}, True),
        ({"host": "[::1]:8501", "origin": "http://[::1]:8501"}, True),
        ({"host": "Dash.example", "origin": "https://dash.example"}, True),
        ({"host": "dash.example:443", "origin": "https://dash.example"}, True),
        ({"origin": "http://localhost:9999"}, False),
        ({"origin": "http://127.0.0.1:8501"}, False),
        ({"origin": "https://localhost:8501.evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"host": "rebound.example:8501", "origin": "http://rebound.example:8501"}, False),
        ({"host": "localhost.evil.example"}, False),
        ({"host": "user@localhost"}, False),
        ({"host": "localhost:99999"}, False),
        ({"host": ""}, False),
    ],
)
def test_only_own_names_and_own_pages(kind: str, headers: dict[str, str], passes: bool):
    status, said, _ = ask(kind=kind, **headers)
    assert status == ((200, 101) if passes else (403, 1008))[kind == "websocket"]
    assert passes or "dashboard" in said


def test_limits_may_name_further_hosts(monkeypatch: pytest.MonkeyPatch):
    assert ask(host="lab.example")[0] == 403
    monkeypatch.setattr(limits, "current", lambda: limits.Limits(hosts=["Lab.example"]))
    assert ask(host="lab.example")[0] == 200


def test_nobody_who_shows_the_dashboard_in_a_frame_may_steer_it():
    assert config.get_option("client.allowedOrigins") == []


def test_the_names_of_streamlits_settings_count():
    assert access.own_names() and not {"0.0.0.0", "::"} & {*access.own_names()}


@pytest.mark.parametrize(
    ("client", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("10.0.0.7", {}, 404),
        ("127.0.0.1", {"x_forwarded_for": "10.0.0.7"}, 404),
        ("127.0.0.1", {"host": "dash.example"}, 404),
    ],
)
def test_metrics_are_for_this_computer(client: str, headers: dict[str, str], status: int):
    assert ask("/hvae/_stcore/metrics", client=client, **headers)[0] == status


def test_uploads_are_bounded_and_read_to_their_end_before_they_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(limits, "current", lambda: limits.Limits(upload_mib_per_file=2, upload_mib_under_way=3))
    most = str(3 * 2**20)
    assert ask(UPLOAD, "PUT", content_length=most)[0] == 200
    assert ask(UPLOAD, "PUT", body=5)[::2] == (411, 5)
    assert ask(UPLOAD, "PUT", body=9, content_length=str(3 * 2**20 + 1)) == (413, "A file may have 2 MiB at most.", 9)
    full = Door(_passed)
    full.under_way = 1
    assert ask(UPLOAD, "PUT", at=full, body=3, content_length=most)[::2] == (503, 3)
    assert full.under_way == 1, "what was refused is not under way"
    usage = namedtuple("usage", "free")(door.RESERVE)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    assert ask(UPLOAD, "PUT", content_length="1")[0] == 507
