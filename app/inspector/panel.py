"""The panel itself: which image is open, the way to the next one, what is pinned, the verdict and one section below it.

Whatever a page shows can open an image by `state.inspect`, and the keyboard by a button and a box.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import streamlit as st

from app.frame import components, controls, state
from app.frame.state import ImageId
from app.inspector import verdict
from app.inspector.sections import COMPARED, SECTIONS, Section
from app.inspector.subject import UPLOADED, Subject
from app.looks.palette import look
from app.looks.wording import quoted

OPEN = Path(__file__).parent / "open.css"
CLOSED = "<style>@media (min-width: 641px) { .stMain { --opener: 9rem; } }</style>"
"""Of the page while the panel is open (docked to the right), and while its button stands beside the title."""
MOST_PINS = 6
KEY, PINS, ASPECT = "image", "pins", "aspect"
_IMAGE = re.compile(r"(?P<slug>[\w-]+):(?P<index>\d{1,7})")
_LATE = "_inspector_late"


def inspect(
    sizes: Mapping[str, int],
    first: ImageId,
    subject: Callable[[ImageId], Subject],
    *,
    among: Mapping[str, Sequence[int]] | None = None,
    extra: Sequence[Section] = (),
) -> None:
    """Draw the panel for the image in the address; where none is open, the button that opens `first`.

    `sizes` says how many images each set has, `among` which of them Previous and Next go to, ascending, default all.
    `extra` are sections of the page itself, the first to choose. Call it once a page, before figures.
    """
    asked = "".join(state.asked(KEY)[-1:])
    if asked and not _IMAGE.fullmatch(asked.strip()):
        state.note(KEY, f"There is no image `{quoted(asked)}` here. An image is named as `{first}`.")
    state.settle(KEY, lambda asked: "".join(asked[-1:]) or None, lambda held: isinstance(held, str), "")
    text = _box()
    found = _parsed(text, sizes)
    pins = _pinned()
    if found is None:
        _closed(text, sizes, first)
        return
    numbers = range(sizes[found.slug]) if among is None else among[found.slug]
    place = bisect_left(numbers, found.index)
    held = place < len(numbers) and numbers[place] == found.index
    around = [ImageId(found.slug, int(numbers[at % len(numbers)])) for at in (place - 1, place + held)]
    st.html(OPEN)
    with st.container(key="inspector", gap="small"):
        one = subject(found)
        with st.container(key="inspector-top", gap="small"):
            _head(found, one, around, pins)
            _pins(pins, sizes)
        with components.guarded():
            _draw(one, extra)
        _links(one)


def late() -> None:
    """Draw what takes long, now that the page stands."""
    if waiting := st.session_state.pop(_LATE, None):
        waiting()


def _closed(text: str, sizes: Mapping[str, int], first: ImageId) -> None:
    """The button that opens the panel; where the address asks for an image that is not here, which are."""
    if text and not text.startswith(f"{UPLOADED}:") and UPLOADED not in sizes and _IMAGE.fullmatch(text.strip()):
        offer = ", ".join(f"`{slug}:0` to `{slug}:{size - 1}`" for slug, size in sizes.items())
        st.caption(f"There is no image `{quoted(text)}` here. Available: {offer}.")
    st.html(CLOSED)
    with st.container(key="inspector-opener", width="content"):
        st.button("Inspect an image", key="_inspect", on_click=state.inspect, args=(first,), help="Or click any mark, "
                  "tile or row: the image opens beside the page.")  # fmt: skip


def _box() -> str:
    """The box that holds the image, in the head of the panel.

    It is drawn in one place, open or not, and nothing of it changes with the image: another box would be empty.
    """
    with state.shared(), st.container(key="inspector-box"):
        text = st.text_input(
            "Image (set:number)", key=KEY, bind="query-params", placeholder="set:number", label_visibility="collapsed"
        )
    state.hold(KEY, text or None)
    return text or ""


def _head(image: ImageId, one: Subject, around: Sequence[ImageId], pins: Sequence[str]) -> None:
    """Name and buttons; `around` are the image before it and the one after it."""
    with st.container(horizontal=True, vertical_alignment="center", key="inspector-head", gap="small"):
        st.html(f'<h2 class="inspected" title="{one.title}">{one.title}</h2>', width="stretch")
        st.button("✕", key="_inspect_close", on_click=state.inspect, args=(None,), help="Close the inspector")
    with st.container(horizontal=True, vertical_alignment="center", key="inspector-keys", gap="small"):
        for label, step, target in zip(("Previous", "Next"), (-1, 1), around, strict=True):
            st.button(label, key=f"_image{step}", on_click=state.inspect, args=(target,))
        held = str(image) in pins
        kept = [pin for pin in pins if pin != str(image)] if held else [*pins, str(image)][-MOST_PINS:]
        st.button("Unpin" if held else "Pin", key="_pin", on_click=_pin, args=(kept,),
                  help="Keep the image at hand while you look at others.")  # fmt: skip


def _draw(one: Subject, extra: Sequence[Section]) -> None:
    """The verdict, and the section that is chosen alone."""
    verdict.draw(one)
    st.session_state[_LATE] = None
    sections = {section.label: section for section in (*extra, *SECTIONS) if section.fits(one)}
    if not sections:
        return
    if state.asked(ASPECT)[-1:] and state.asked(ASPECT)[-1] in _elsewhere(sections):
        # A link from elsewhere: not worth a word.
        state.take(ASPECT)
    with controls.bar("inspector-aspects"):
        chosen = sections[controls.choose("What to see of the image", ASPECT, list(sections))]
    room = st.container(key="inspector-section", gap="small")

    def finish() -> None:
        with room, components.guarded():
            chosen.draw(one)

    if chosen.late:
        st.session_state[_LATE] = finish
    else:
        finish()


def _elsewhere(sections: Mapping[str, Section]) -> set[str]:
    """Labels of sections that this image or this page lacks."""
    return {COMPARED, *(section.label for section in SECTIONS)} - set(sections)


def _pinned() -> list[str]:
    """The pinned images, as they stand in the address."""
    text = controls.unseen(PINS, lambda held: isinstance(held, str), "")
    state.hold(PINS, text or None)
    return [one for one in dict.fromkeys(text.split(",")) if _IMAGE.fullmatch(one)][:MOST_PINS]


def _pin(pins: Sequence[str]) -> None:
    st.session_state[PINS] = ",".join(pins)


def _pins(pins: Sequence[str], sizes: Mapping[str, int]) -> None:
    """A button that opens each pinned image."""
    if not pins:
        return
    components.titled("Pinned")
    with st.container(horizontal=True, gap="small", key="inspector-pins"):
        for pin in pins:
            image = _parsed(pin, sizes)
            name = f"{look(image.slug).title} {image.index}" if image else f"{pin} (not on this page)"
            opened = partial(state.inspect, image)
            st.button(name, key=f"_pinned_{pin}", on_click=opened, disabled=image is None)


def _links(one: Subject) -> None:
    """The way to the image on other pages; none where the whole set counts it otherwise."""
    images = one.picture().images
    if one.image.slug == UPLOADED or (images is not None and images.origin):
        return
    with st.container(horizontal=True, gap="medium", key="inspector-links"):
        for page, label, values in (
            ("scores", "Inspect it on Scores →", {}),
            ("reconstructions", "See its reconstructions →", {"source": "data set", "start": str(one.image)}),
        ):
            query = state.values(page, image=str(one.image), **values)
            st.page_link(f"../pages/{page}.py", label=label, query_params=query)


def _parsed(text: str, sizes: Mapping[str, int]) -> ImageId | None:
    match = _IMAGE.fullmatch(text.strip())
    if match is None or not int(match["index"]) < sizes.get(match["slug"], 0):
        return None
    return ImageId(match["slug"], int(match["index"]))
