"""The hierarchy as a diagram: up from the image on the left, down to its reconstruction on the right.

Streamlit takes SVG out of the HTML of a page, so it is a grid of boxes: its text follows the theme and the letter size
of the reader, and colour (q blue, prior orange) never stands without a letter and a kind of line.
"""

from __future__ import annotations

from app.how_it_works.switches import DEEP, NUMBERS, Switches, joined
from app.looks.palette import BLUE, VERMILION

COPIED: dict[str, str] = {
    "bottom-up": "copied from the way up",
    "ladder": "inferred from the layers above and what the way up has seen",
    "bidirectional": "one half copied from the way up, the other inferred on the way down",
}
"""How a layer gets its z from the image, in words."""

NOTES: dict[str, str] = {
    "bottom-up": "",
    "ladder": (
        "A ladder (LVAE): the way up draws nothing, it only gathers features d. Each z from q is inferred on the way "
        "down, from d and from the layers above."
    ),
    "bidirectional": (
        "A bidirectional model (BIVA): below the top each z has two halves. BU is inferred on the way up, as drawn, TD "
        "on the way down, from what both ways have seen. A switch turns both."
    ),
}
"""What the diagram of a family needs said besides."""


def diagram(switches: Switches, family: str = "bottom-up") -> str:
    """The diagram of one choice as HTML."""
    rows = ["<b>Up: look</b><b></b><b>Down: rebuild</b><b>In the sum</b>"]
    for layer in range(switches.depth, 0, -1):
        rows.append(_layer(switches, layer, family))
        rows.append('<i class="up"></i><i></i><i class="down"></i><i></i>')
    rows.append(
        '<span class="end">x<small>the image</small></span><span class="bridge compare">compared</span>'
        '<span class="end">x̂<small>rebuilt</small></span><span class="term">log p(x|z)</span>'
    )
    return (
        f'<div></div><style>{_STYLE}</style><div class="hierarchy{" deep" if switches.depth >= DEEP else ""}" '
        f'role="img" aria-label="{spoken(switches, family)}">{"".join(rows)}</div>'
        + (f'<p class="prose">{NOTES[family]}</p>' if NOTES[family] else "")
    )


def spoken(switches: Switches, family: str = "bottom-up") -> str:
    """The diagram in words."""
    depth = switches.depth
    count = NUMBERS[depth] if depth < len(NUMBERS) else str(depth)
    downward = ", ".join(
        f"z{layer} {_handed_over(family, layer, depth) if layer in switches.on() else 'from the prior'}"
        for layer in range(depth, 0, -1)
    )
    terms = joined(["log p(x|z)", *(f"log r{layer}" for layer in switches.on())])
    skipped = f"; skipped: {joined([f'log r{layer}' for layer in switches.off()])}" if switches.off() else ""
    letter = "d" if family == "ladder" else "z"
    return (
        f"A model of {count} {'layer' if depth == 1 else 'layers'}. On the way up the image gives "
        f"{joined([f'{letter}{layer}' for layer in range(1, depth + 1)])}. On the way down: {downward}, "
        f"then the rebuilt image. The bound adds {terms}{skipped}."
    )


def _handed_over(family: str, layer: int, depth: int) -> str:
    # The top of BIVA has one part, inferred on the way up.
    return COPIED["bottom-up" if family == "bidirectional" and layer == depth else family]


def _layer(switches: Switches, layer: int, family: str) -> str:
    """One layer: its latent on the way up, whether it is handed over, its latent on the way down, its term."""
    from_image = layer in switches.on()
    # What q says of a layer matters only where this layer or one above it is taken from the image.
    read = any(one >= layer for one in switches.on())
    lowest = min(switches.on(), default=switches.depth + 1)
    how = "mean" if layer < lowest else "sample"
    name = f"z<sub>{layer}</sub>"
    gathered, halves = family == "ladder", family == "bidirectional" and layer < switches.depth
    seen = f"d<sub>{layer}</sub>" if gathered else f"{name}<sup>BU</sup>" if halves else name
    copy = "sample" if gathered else "BU and TD" if halves else "the same z"
    note = "features" if gathered else how
    up = _node(seen, "" if gathered else "q", note if read else "unused", "q" if read else "unused")
    down = _node(name, "q" if from_image else "p", copy if from_image else how, "q" if from_image else "p")
    bridge = ("merged" if gathered else "handed over") if from_image else "cut"
    term = f"+ log r<sub>{layer}</sub>" if from_image else f"<s>log r<sub>{layer}</sub></s><small>skipped</small>"
    return (
        f'{up}<span class="bridge {"q" if from_image else "p"}">{bridge}</span>{down}'
        f'<span class="term {"" if from_image else "off"}">{term}</span>'
    )


def _node(name: str, letter: str, note: str, kind: str) -> str:
    return f'<span class="node {kind}"><em>{letter}</em>{name}<small>{note}</small></span>'


_STYLE = f"""
.hierarchy {{ --q: {BLUE}; --p: {VERMILION}; --grey: rgba(128, 136, 148, .9); display: grid; max-width: 30rem;
  grid-template-columns: 5.2rem minmax(3.6rem, 1fr) 5.2rem minmax(4.6rem, auto); align-items: center;
  font-size: .95rem; line-height: 1.25; padding-top: .25rem; }}
.hierarchy > * {{ text-align: center; }}
.hierarchy > b {{ font-size: .8rem; font-weight: 600; padding-bottom: .5rem; align-self: end; }}
.hierarchy small {{ display: block; font-size: .75rem; font-style: normal; }}
.hierarchy .node, .hierarchy .end {{ position: relative; border: 2.5px solid var(--q); border-radius: .9rem;
  padding: .45rem .2rem .3rem; font-size: 1.15rem; line-height: 1.15; }}
.hierarchy .node.q {{ background: rgba(0, 114, 178, .14); }}
.hierarchy .node.p {{ border: 2.5px dashed var(--p); background: rgba(213, 94, 0, .12); }}
.hierarchy .node.unused {{ border: 2px dotted var(--grey); }}
.hierarchy .end {{ border: 2px solid var(--grey); border-radius: .3rem; }}
.hierarchy em {{ position: absolute; top: 0; left: .4rem; font-size: .8rem; font-weight: 700; }}
.hierarchy .bridge {{ position: relative; font-size: .75rem; padding-bottom: 1.35rem; margin: 0 .35rem; }}
.hierarchy .bridge::after {{ content: ""; position: absolute; left: 0; right: .45rem; bottom: .9rem;
  border-top: 2.5px solid var(--q); }}
.hierarchy .bridge::before {{ content: ""; position: absolute; right: 0; bottom: calc(.9rem - 5px);
  border: 6px solid transparent; border-left: 9px solid var(--q); border-right: 0; }}
.hierarchy .bridge.p::after {{ right: 58%; border-top: 2px dotted var(--grey); }}
.hierarchy .bridge.p::before {{ right: 44%; bottom: .4rem; height: 1rem; border: 0; border-left: 2.5px solid var(--p);
  transform: rotate(20deg); }}
.hierarchy .bridge.compare::after {{ border-top: 2px dotted var(--grey); right: 0; }}
.hierarchy .bridge.compare::before {{ border: 0; }}
.hierarchy .term {{ font-size: .95rem; white-space: nowrap; padding-left: .5rem; }}
.hierarchy .term.off {{ opacity: .75; }}
.hierarchy > i {{ position: relative; height: 1.7rem; }}
.hierarchy .up::after, .hierarchy .down::after {{ content: ""; position: absolute; left: calc(50% - 1px); top: 3px;
  bottom: 3px; border-left: 2px solid var(--grey); }}
.hierarchy .up::before, .hierarchy .down::before {{ content: ""; position: absolute; left: calc(50% - 5px);
  border: 5px solid transparent; }}
.hierarchy .up::before {{ top: 1px; border-bottom: 8px solid var(--grey); border-top: 0; }}
.hierarchy .down::before {{ bottom: 1px; border-top: 8px solid var(--grey); border-bottom: 0; }}
.hierarchy.deep {{ grid-template-columns: 6.6rem minmax(3.6rem, 1fr) 6.6rem minmax(4.6rem, auto); }}
.hierarchy.deep > i {{ height: .95rem; }}
.hierarchy.deep .node {{ padding: .2rem .2rem .2rem .7rem; font-size: 1rem; white-space: nowrap; }}
.hierarchy.deep .node small, .hierarchy.deep .off small {{ display: inline; margin-left: .3rem; }}
.hierarchy.deep .up::after, .hierarchy.deep .down::after {{ top: 1px; bottom: 1px; }}
.hierarchy.deep .bridge {{ padding-bottom: 1.1rem; }}
.hierarchy + .prose {{ margin: .6rem 0 0; }}
/* Diagram and pictures, words and equation stand below one another where they do not fit beside one another. */
@media (max-width: 1280px) {{
  .st-key-how-both [data-testid="stColumn"], .st-key-how-steps [data-testid="stColumn"] {{ min-width: 100%; }}
}}
/* On a phone three pictures and their label fit at three quarters of their size. */
@media (max-width: 640px) {{
  .mosaic.switched {{ --zoom: .75; }}
  .hierarchy {{ grid-template-columns: 4.6rem minmax(3.2rem, 1fr) 4.6rem auto; }}
  .hierarchy.deep {{ grid-template-columns: 6rem minmax(2.6rem, 1fr) 6rem auto; }}
  .hierarchy.deep .off small {{ display: none; }}
  .hierarchy.deep .node {{ font-size: .9rem; }}
  .hierarchy.deep .node small {{ font-size: .68rem; margin-left: .2rem; }}
}}
"""
