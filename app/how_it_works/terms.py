"""The two images in numbers and words: every term of the sum, and what there is to see. Knows no Streamlit."""

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from app.frame.components import escape, plain
from app.how_it_works.controls import Example
from app.how_it_works.switches import Switches
from app.images.mosaic import Cell, Row
from app.looks.pictures import grey_or_colour
from app.looks.wording import nats, percent
from app.reading import measures
from hvae.runs.score_tables import ScoreTable
from hvae.scores.levels.llr import LikelihoodRatio

MUCH, LEAST_NATS = 1.5, 10.0
"""How many times as far, and by how many nats more, log p(x|z) has to fall for "much further"."""

HEADINGS = ("What the model sees", "Rebuilt from every level", "Rebuilt as switched")


@dataclass(frozen=True, eq=False)
class Terms:
    """One image `(channel, height, width)` in [0, 1] rebuilt under one choice of switches, and its terms in nats.

    The log-ratios `(layer,)` come lowest first, NaN where skipped.
    """

    mean: np.ndarray
    log_px: float
    log_ratios: np.ndarray

    @property
    def bound(self) -> float:
        """The sum."""
        return self.log_px + float(np.nansum(self.log_ratios))


def pictures(
    both: Sequence[Example], seen: Sequence[np.ndarray], walked: Sequence[dict[str, Terms]], now: Switches
) -> list[Row]:
    """Rows of pictures, one an image: what the model sees, rebuilt with every z from q, rebuilt under the choice."""
    words = ("as the model sees it", "rebuilt with every z from the image", "rebuilt under these switches")
    rows = []
    for one, image, terms in zip(both, seen, walked, strict=True):
        shown = zip((image, terms["q" * now.depth].mean, terms[now.layers].mean), words, strict=True)
        cells = [Cell(grey_or_colour(pixels), f"{one.title}, {said}", way=one.way) for pixels, said in shown]
        rows.append(Row(html.unescape(one.title), tuple(cells)))
    return rows


def rows(walked: Sequence[dict[str, Terms]], now: Switches) -> list[list[str]]:
    """The sum term by term (HTML), a column an image: all from the image, then under the choice."""
    both = [(one["q" * now.depth], one[now.layers]) for one in walked]
    found = [["log p(x|z)", *(_change(full.log_px, terms.log_px, now) for full, terms in both)]]
    for layer in range(now.depth):
        changes = (_change(float(full.log_ratios[layer]), float(terms.log_ratios[layer]), now) for full, terms in both)
        found.append([f"+ log r<sub>{layer + 1}</sub>", *changes])
    symbol = "L" if now.forgotten == 0 else f"L → {now.symbol}"
    found.append([f"= {symbol}", *(_change(full.bound, terms.bound, now) for full, terms in both)])
    if now.forgotten != 0:
        name = LikelihoodRatio(now.forgotten).symbol if now.forgotten else "difference"
        falls = (f"<b>{nats(full.bound - terms.bound)}</b>" for full, terms in both)
        found.append([f"{name} = L − {now.symbol}", *falls])
    return found


def numbers(titles: Sequence[str], walked: Sequence[dict[str, Terms]]) -> pd.DataFrame:
    """One row an image and computed choice: log p(x|z), log r_1 ... log r_L (empty where skipped) and their sum."""
    return pd.DataFrame(
        [
            {"image": title, "layers": layers, "log p(x|z)": terms.log_px}
            | {f"log r{layer}": value for layer, value in enumerate(terms.log_ratios.tolist(), start=1)}
            | {"sum": terms.bound}
            for title, one in zip(titles, walked, strict=True)
            for layers, terms in one.items()
        ]
    )


def what_to_see(titles: Sequence[str], walked: Sequence[dict[str, Terms]], now: Switches) -> str:
    """What the two pictures show, in words, from the numbers; the familiar image comes first."""
    known, strange = titles
    full = "q" * now.depth
    before = [one[full].log_px for one in walked]
    falls = [one[full].log_px - one[now.layers].log_px for one in walked]
    fell = f"log p(x|z) {_falls(falls[0])} nats for {known} and {_falls(falls[1])} nats for {strange}"
    if now.forgotten == 0:
        moral = "A good copy is no sign that the model knows the image."
        if before[1] > before[0]:
            moral = "The unfamiliar one even comes out as the likelier."
        return (
            f"With every level from the image, the model rebuilds both: log p(x|z) is {nats(before[0])} nats for "
            f"{known} and {nats(before[1])} for {strange}. {moral}"
        )
    if now.forgotten == now.depth:
        return (
            "With no level from the image, the model draws the same picture for both. How far each image is from it "
            f"says little about what the model knows: {fell}."
        )
    if not now.forgotten:
        copied = (
            " While z₁ comes from the image, both are copied well; what changes is the price of each layer, log r, "
            "because the levels no longer agree."
        )
        return f"{fell[0].upper()}{fell[1:]}." + (copied if 1 in now.on() else "")
    if falls[1] > max(MUCH * falls[0], falls[0] + LEAST_NATS):
        return (
            f"{known} stays recognisable; {strange} is turned into something the model knows. Their likelihoods "
            f"say the same: {fell}."
        )
    return (
        f"{fell[0].upper()}{fell[1:]}: for these two images, not much further for the unfamiliar one. Single images "
        "differ; try other switches, or see all images on the Scores page."
    )


def standing(title: str, ratio: float, own: ScoreTable, now: Switches, own_title: str) -> str:
    """Where LLR^{>k} of an image sits among the in-distribution test images (HTML)."""
    score = LikelihoodRatio(now.forgotten)
    rank = measures.percentile(score.of(own), ratio)
    share = "all" if rank == 100 else f"more than {percent(0.999)}" if rank > 99.9 else percent(rank / 100)
    return f"{score.symbol} of {title} is higher than that of <b>{share}</b> of the {own_title} test images."


def agreement(titles: Sequence[str], ours: Sequence[float], stored: Sequence[float | None], now: Switches) -> str:
    """Whether the score tables hold the same numbers (HTML); empty where they hold none of these images."""
    said = []
    for title, value, other in zip(titles, ours, stored, strict=True):
        if other is not None:
            same = np.isclose(value, other, rtol=1e-4, atol=0.01)
            found = f"{'the same' if same else 'another value'} in the score table ({nats(other, 2)} nats)"
            said.append(f"{title}: {found}{'' if same else ', which was made with another seed or other weights'}")
    return f"{now.symbol} of {'; '.join(said)}." if said else ""


def means(tables: Mapping[str, ScoreTable], k: int) -> tuple[pd.DataFrame, dict[str, Callable[[Any], str]]]:
    """Mean L, L^{>k} and LLR^{>k} of whole data sets by title, in nats: (frame, cells for `components.listed`)."""
    ratio = LikelihoodRatio(k)
    symbols = ["L", f"L<sup>&gt;{k}</sup>", ratio.symbol] if k else ["L"]
    rows = [
        [title, len(table), table.bound(0).mean(), *([table.bound(k).mean(), ratio.of(table).mean()] if k else [])]
        for title, table in tables.items()
    ]
    frame = pd.DataFrame(rows, columns=["set", "images", *map(plain, symbols)])
    cells = {symbol: lambda row, place=place: nats(row[place]) for place, symbol in enumerate(symbols, start=2)}
    return frame, {"data set": lambda row: escape(row.set), "images": lambda row: f"{row.images:,}", **cells}


def _falls(nats_lost: float) -> str:
    return f"{'falls' if nats_lost >= 0 else 'rises'} by {nats(abs(nats_lost))}"


def _change(before: float, after: float, now: Switches) -> str:
    if now.forgotten == 0:
        return nats(before)
    if np.isnan(after):
        return f'<span class="interval">{nats(before)} → skipped</span>'
    return f'<span class="interval">{nats(before)} →</span> {nats(after)}'
