"""All files before and after they are prepared, with what cannot be known of each, and a recipe for single ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from app.frame import components
from app.frame.caching import kept
from app.images.sources import refusals
from app.looks.pictures import data_uri
from app.looks.wording import literal
from app.preparing.controls import AS_ALL, RECIPES, each
from hvae.datasets.own.outside import Named, Picture, Refusal, collect
from hvae.datasets.own.preparing import Treatment

FILES_SHOWN = 48
"""Files on one page of the preview."""
_THUMBNAIL = Treatment((3, 56, 56), "extend")
_PREPARE = "prepare"


@dataclass(frozen=True)
class Shown:
    """One file of the preview: its number among all, and how it looks before and after."""

    number: int
    before: str
    after: str
    picture: Picture


def show(sources: Sequence[Named], stamp: Sequence[str], expected: int, how: Treatment) -> tuple[bool, dict[int, str]]:
    """Draw a page of about `expected` files and what cannot be read of them.

    Whether there is an image to score, and the recipes chosen for single files by their number.
    """
    choices: dict[int, str] = st.session_state.setdefault(f"_recipes {hash(tuple(stamp))}", {})
    page = _page(expected)
    numbers = range((page - 1) * FILES_SHOWN, page * FILES_SHOWN)
    here = tuple((number, choices[number]) for number in numbers if number in choices)
    with st.spinner("Reading the files"):
        shown, refused, passed = kept(
            "preview", (stamp, how, page, here), lambda: _looked_at(sources, how, dict(here), numbers), "large"
        )
    if shown:
        components.titled("What the model sees of the files, and what it cannot know of them")
        _table(shown, choices, f"preview {hash((tuple(stamp), how, page, here))}")
        if doubtful := sum(bool(one.picture.caveats) for one in shown):
            st.warning(
                f"{doubtful:,} of the {len(shown):,} files here are doubtful before any verdict; the table says "
                "why. Another way to prepare them may help, for all above or for single files in the table."
            )
    refusals(refused)
    for name, why in passed:
        st.caption(f"Left out: {literal(name)} ({literal(why)})")
    if not shown and page == 1:
        st.info("None of these files could be read as an image, so there is nothing to score.")
    return bool(shown) or page > 1, choices


def _page(expected: int) -> int:
    pages = -(-expected // FILES_SHOWN)
    if pages <= 1:
        return 1
    about = f"Of about {pages:,}, with {FILES_SHOWN} files each. All of them are scored."
    return int(st.number_input("Page of the preview", 1, pages, key="preview-page", width=170, help=about))


def _looked_at(
    sources: Sequence[Named], how: Treatment, choices: dict[int, str], numbers: range
) -> tuple[list[Shown], list[tuple[str, str]], list[tuple[str, str]]]:
    """The files of some numbers, what could not be read of them, and what was left out by design."""
    shown, refused, passed = [], [], list[Refusal]()
    after = collect(sources, how, chosen=each(how, choices), only=numbers, passed=passed)
    for number, (one, before) in enumerate(zip(after, _before(sources, numbers), strict=True), numbers.start):
        if isinstance(one, Refusal):
            refused.append((one.name, one.reason))
        else:
            shown.append(Shown(number, before, data_uri(one.image), one))
    return shown, refused, [(one.name, one.reason) for one in passed]


def _before(sources: Sequence[Named], numbers: range) -> Iterator[str]:
    for one in collect(sources, _THUMBNAIL, only=numbers):
        yield "" if isinstance(one, Refusal) else data_uri(one.image)


def _table(shown: Sequence[Shown], choices: dict[int, str], key: str) -> None:
    frame = pd.DataFrame(
        {
            "file": [one.before for one in shown],
            "model sees": [one.after for one in shown],
            "name": [one.picture.name for one in shown],
            "doubts": ["; ".join(caveat.sentence for caveat in one.picture.caveats) for one in shown],
            _PREPARE: [choices.get(one.number, AS_ALL) for one in shown],
            "done": [", ".join(one.picture.changes) for one in shown],
        }
    )

    def changed() -> None:
        for row, edit in st.session_state[key]["edited_rows"].items():
            if _PREPARE in edit:
                choices[shown[int(row)].number] = edit[_PREPARE] or AS_ALL

    column = st.column_config
    st.data_editor(
        frame,
        key=key,
        hide_index=True,
        row_height=60,
        disabled=[name for name in frame if name != _PREPARE],
        on_change=changed,
        column_config={
            "file": column.ImageColumn("file", width="small"),
            "model sees": column.ImageColumn("model sees", width="small"),
            "doubts": column.TextColumn("doubts", width="large"),
            _PREPARE: column.SelectboxColumn(_PREPARE, options=[AS_ALL, *RECIPES], required=True),
        },
    )
    components.save(frame.drop(columns=["file", "model sees"]), "preview", key="preview-csv")
