"""A data set that is not on this machine: what it is, and a button that gets it as a queued job."""

from collections.abc import Callable, Iterable

import streamlit as st

from app.frame import jobs
from app.looks.palette import look
from app.looks.wording import literal
from app.server import access
from app.server.queue import Report
from hvae import datasets
from hvae.datasets.conversions import parse_name

_KIB = 1024


def offer(slugs: Iterable[str], where: str, *, named: bool = False) -> bool:
    """Say which of some data sets are away, unless they are `named` already, each with a button where it can be had.

    The key `where` tells places apart. Returns whether any of them can be fetched.
    """
    # A converted set is the same download.
    wanted = dict.fromkeys(parse_name(slug)[0] for slug in slugs if datasets.is_known(slug))
    away = [slug for slug in wanted if datasets.info(slug).downloadable and not datasets.available(slug)]
    if not away:
        return False
    titles = ", ".join(f"{look(slug).title} (`hvae data fetch {slug}`)" for slug in away)
    if not access.may_write():
        if not named:
            st.caption(f"Not on this machine: {titles}.")
        return True
    with st.container(horizontal=True, vertical_alignment="center", key=f"fetch-{where}"):
        for slug in away:
            about = datasets.info(slug)
            st.button(
                f"Fetch {about.title} ({size(about.download_bytes)})",
                key=f"fetch-{where}-{slug}",
                on_click=start,
                args=(slug,),
                help=literal(f"{about.images}. Licence: {about.licence}."),
            )
    licences = "; ".join(f"{datasets.info(slug).title}: {datasets.info(slug).licence}" for slug in away)
    away_named = "" if named else f"Not on this machine: {titles}. "
    st.caption(f"{away_named}{literal(f'Licences: {licences}.')}")
    return True


def size(count: int) -> str:
    """Bytes in words."""
    return f"{count / 1e6:,.0f} MB" if count else "size not known"


def start(slug: str) -> None:
    """Queue a download; for callbacks."""
    access.check_writing()

    def work(report: Report, cancelled: Callable[[], bool]) -> str:
        datasets.fetch(slug, progress=lambda done, total: report(done // _KIB, total // _KIB))
        return slug

    jobs.start(f"Fetch {datasets.info(slug).title}", work, ("fetch", slug), "kB", page=jobs.UNSEEN)
