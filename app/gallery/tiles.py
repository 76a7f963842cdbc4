"""A pool of images on a page: sorted, sheet by sheet, some selected to be compared or saved."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from app.frame import components, controls, state
from app.gallery import pool as pools
from app.gallery.pool import Pool
from app.images.gallery import Shown, gallery
from app.looks.wording import literal, significant
from app.reading.measures import threshold
from app.reading.view import View
from hvae.errors import TableError

LOOKS, SELECTS = "opens it", "selects it"
FALLING, RISING = "largest first", "smallest first"


def tiles(view: View, pool: Pool, title: str, key: str, order: str = FALLING) -> None:
    """Draw one sheet of a pool, and what sorts it, turns it over and takes images out of it.

    The order is that of a first visit.
    """
    if not len(pool):
        st.info(f"{title}: none. Widen the choice above to see some.")
        if chosen := _selected():
            with st.container(horizontal=True, vertical_alignment="center", key=f"{key}-take"):
                _take_selected(view, chosen, key)
        return
    slugs = list(dict.fromkeys(pool.frame["set"]))
    offered = pools.sorts(view, slugs)
    with controls.bar(f"{key}-sort"):
        name = controls.choose("Sorted by", "sort", list(offered), select=True)
        rising = controls.choose("Order", "rising", (FALLING, RISING), order, select=True) == RISING
        number = controls.number("Page", "sheet", 1, pool.sheets(), 1, width=130) if pool.sheets() > 1 else 1
    try:
        values = pools.values_of(pool, view, offered[name])
    except TableError as error:
        st.caption(literal(error))
        values = pool.frame["score"].to_numpy()
    shown = pool.ordered(values, rising)
    sheet = shown.sheet(min(number, shown.sheets()))
    captions = _captions(view, sheet, name, offered)
    images = [Shown(image, text) for image, text in zip(sheet.images(), captions, strict=True)]
    chosen = _selected()
    told = f"{title}, page {number} of {shown.sheets()}" if shown.sheets() > 1 else title
    gallery(
        view.run,
        {one.slug: one.table for one in view.sets},
        images,
        f"{told}; below each image its {view.measure.symbol if name == pools.SCORE else components.escape(name)}",
        lambda: pools.everything_of(sheet, view),
        key=key,
        on_click=partial(_toggle, chosen) if st.session_state.get("_click") == SELECTS else None,
        marked=chosen,
    )
    _take(view, shown, sheet, chosen, key)


def _captions(view: View, sheet: Pool, name: str, offered: dict) -> list[str]:
    if name in (pools.NUMBER, pools.SCORE, "label"):
        return [significant(float(value)) for value in sheet.frame["score"]]
    try:
        return [significant(float(value)) for value in pools.values_of(sheet, view, offered[name])]
    except TableError:
        return [""] * len(sheet)


def _selected() -> list[str]:
    """Ids in the address."""
    chosen = pools.parsed(controls.unseen("ids", lambda text: isinstance(text, str), ""))
    state.hold("ids", ",".join(chosen) or None)
    return chosen


def _toggle(chosen: list[str], image: state.ImageId) -> None:
    one = str(image)
    _choose([other for other in chosen if other != one] if one in chosen else [*chosen, one])


def _choose(ids: list[str]) -> None:
    """Select these images; for callbacks."""
    st.session_state["ids"] = ",".join(ids[: pools.MOST_SELECTED])


def _take(view: View, shown: Pool, sheet: Pool, chosen: list[str], key: str) -> None:
    """Buttons for all images, those of the sheet, and those that are selected."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}-take"):
        st.segmented_control("A click on an image", [LOOKS, SELECTS], default=LOOKS, key="_click", required=True)
        components.save(
            lambda: pools.everything_of(shown, view), "images", key=f"{key}-all", quiet=True, of=f"all {len(shown):,}"
        )
        every = list(dict.fromkeys([*chosen, *sheet.ids]))
        st.button("Select this page", key=f"{key}-sheet", on_click=_choose, args=(every,), type="tertiary")
        if chosen:
            _take_selected(view, chosen, key)


def _take_selected(view: View, chosen: list[str], key: str) -> None:
    """How many are selected, and what to do with them."""
    st.button("Clear the selection", key=f"{key}-clear", on_click=_choose, args=([],), type="tertiary")
    st.caption(f"{len(chosen)} selected")
    picked = _of_ids(view, chosen)
    components.save(
        lambda: pools.everything_of(picked, view), "selected", key=f"{key}-selected", quiet=True, of="these"
    )
    query = state.values("compare", by="Image by image", ids=",".join(chosen), image=chosen[0])
    label = "Compare the selected images →" if len(chosen) > 1 else "Compare the selected image →"
    st.page_link("../pages/compare.py", label=label, query_params=query)


def _of_ids(view: View, ids: list[str]) -> Pool:
    """The selected images that belong to the sets on show."""
    every = pools.pooled(view.sets, threshold(view.inside.scores, view.budget))
    rows = pd.Series(range(len(every)), index=every.ids)
    return Pool(every.frame.iloc[rows.reindex(ids).dropna().astype(int)].reset_index(drop=True))
