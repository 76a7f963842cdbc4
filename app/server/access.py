"""What a visitor may do on this server, and the sentence that stands where something is switched off."""

from urllib.parse import urlsplit

import streamlit as st
from streamlit import config

from app.server import limits
from app.server.door import FORWARDED, LOOPBACK
from hvae.errors import HvaeError

READ_ONLY = "This dashboard is read-only: it shows what is stored and changes no run."
FAILED_UPLOADS = (
    "Where an upload fails: “Network Error” means that the server was not reached; see whether it still runs and "
    "choose the file again. “Status code 413” means that the file is too large, 503 that others are uploading "
    "right now, 507 that the server's disk is full, and 403 that the page was opened under another address than "
    "the server's."
)
NO_UPLOADS = "This dashboard takes no files from visitors."


class Refused(HvaeError):
    """Something that is switched off on this server."""


def may_write() -> bool:
    """Whether anything may be written to a folder of runs."""
    return not limits.current().read_only


def may_upload() -> bool:
    """Whether visitors may give files."""
    return limits.current().uploads


def may_train() -> bool:
    """Whether a model may be trained from the browser."""
    return may_write() and limits.current().training


def check_writing() -> None:
    """Call before a folder of runs is written to: a read-only server raises `Refused`."""
    if not may_write():
        raise Refused(READ_ONLY)


def may_name_paths() -> bool:
    """Whether a visitor may name a path: only where nobody but this computer reaches the server.

    A reverse proxy reaches it from this computer too, and brings strangers: whatever speaks for one closes the box.
    """
    headers = st.context.headers
    # Absent where no browser asks, as in tests.
    host = urlsplit(f"//{headers.get('Host') or LOOPBACK[0]}").hostname
    return (
        may_write()
        and limits.current().import_paths
        and st.get_option("server.address") in LOOPBACK
        and not st.get_option("server.baseUrlPath")
        and host in LOOPBACK
        and not any(name in headers for name in FORWARDED)
    )


def own_names() -> list[str]:
    """The names that Streamlit's settings give this server, beside localhost."""
    named = [config.get_option("server.address"), config.get_option("browser.serverAddress")]
    # Bound to every address, a server has no name of its own: `hosts` in limits.toml gives it one.
    return [name for name in named if name and name not in ("0.0.0.0", "::")]


def bound_uploads() -> None:
    """Let the server itself refuse uploads beyond the limit, whatever the page that sends them says."""
    allowed = limits.current()
    most = allowed.upload_mib_per_file if allowed.uploads else 0
    if config.get_option("server.maxUploadSize") != most:
        config.set_option("server.maxUploadSize", most)
