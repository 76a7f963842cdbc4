"""What a visitor may do on this server, and the sentence that stands where something is switched off."""

from urllib.parse import urlsplit

import streamlit as st
from streamlit import config

from app.server import limits
from hvae.errors import HvaeError

READ_ONLY = "This dashboard is read-only: it shows what is stored and changes no run."
NO_UPLOADS = "This dashboard takes no files from visitors."
LOOPBACK = ("localhost", "127.0.0.1", "::1")
FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip")


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


def bound_uploads() -> None:
    """Let the server itself refuse uploads beyond the limit, whatever the page that sends them says."""
    allowed = limits.current()
    most = allowed.upload_mib_per_file if allowed.uploads else 0
    if config.get_option("server.maxUploadSize") != most:
        config.set_option("server.maxUploadSize", most)
