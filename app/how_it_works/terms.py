"""The two images in numbers and words: every term of the sum, and what there is to see. Knows no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from app.how_it_works.switches import Switches
from app.images.mosaic import Cell, Row, grey_or_colour
from app.looks.wording import percent
from app.reading import measures
from hvae.runs.score_tables import ScoreTable

if TYPE_CHECKING:
    from app.how_it_works.model import Terms

MUCH = 1.5
"""How many times as far log p(x|z) has to fall for the unfamiliar image to be called "much further"."""

LEAST_NATS = 10.0
"""How many nats further it has to fall besides."""

HEADINGS = ("What the model sees", "All from the image", "These switches")


def pictures(
    titles: Sequence[str], seen: Sequence[np.ndarray], walked: Sequence[dict[str, Terms]], now: Switches
) -> list[Row]:
    """Rows of pictures, one an image: what the model sees, rebuilt with every z from q, rebuilt under the choice."""
    full = "q" * now.depth
    return [
        Row(
            title,
            (
                Cell(grey_or_colour(image), f"{title}, as the model sees it"),
                Cell(grey_or_colour(terms[full].mean), f"{title}, rebuilt with every z from the image"),
                Cell(grey_or_colour(terms[now.layers].mean), f"{title}, rebuilt under these switches"),
            ),
        )
        for title, image, terms in zip(titles, seen, walked, strict=True)
    ]


def rows(walked: Sequence[dict[str, Terms]], now: Switches) -> list[list[str]]:
    """The sum term by term (HTML), a column an image: all from the image, then under the choice."""
    full = "q" * now.depth
    found = [["log p(x|z)", *(_change(one[full].log_px, one[now.layers].log_px, now) for one in walked)]]
    for layer in range(1, now.depth + 1):
        before = [float(one[full].log_ratios[layer - 1]) for one in walked]
        after = [float(one[now.layers].log_ratios[layer - 1]) for one in walked]
        found.append([f"+ log r<sub>{layer}</sub>", *(_change(a, b, now) for a, b in zip(before, after, strict=True))])
    symbol = "L" if now.forgotten == 0 else f"L → {now.symbol}"
    found.append([f"= {symbol}", *(_change(one[full].bound, one[now.layers].bound, now) for one in walked)])
    if now.forgotten != 0:
        falls = (one[full].bound - one[now.layers].bound for one in walked)
        found.append([f"{ratio_symbol(now)} = L − {now.symbol}", *(f"<b>{nats(fall)}</b>" for fall in falls)])
    return found


def ratio_symbol(now: Switches) -> str:
    """What the difference L - current is called (HTML)."""
    return f"LLR<sup>&gt;{now.forgotten}</sup>" if now.forgotten else "difference"


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
        likelier = before[1] > before[0]
        return (
            f"Told everything, the model rebuilds both: log p(x|z) is {nats(before[0])} nats for {known} and "
            f"{nats(before[1])} for {strange}. "
            + (
                "The unfamiliar one even comes out as the likelier."
                if likelier
                else "A good copy is no sign that the model knows the image."
            )
        )
    if now.forgotten == now.depth:
        return (
            "Told nothing, the model gives both images the same picture. How far each is from that picture says little "
            f"about what the model knows: {fell}."
        )
    if not now.forgotten:
        copied = (
            " While z₁ comes from the image, both are copied well; what changes is the price of each layer, log r, "
            "because the levels no longer agree."
        )
        return f"{fell[0].upper()}{fell[1:]}." + (copied if 1 in now.on() else "")
    if falls[1] > max(MUCH * falls[0], falls[0] + LEAST_NATS):
        return (
            f"{known} keeps its gist; {strange} is turned into something the model knows. Their likelihoods say the "
            f"same: {fell}."
        )
    return (
        f"{fell[0].upper()}{fell[1:]}: for these two images, not much further for the unfamiliar one. Single images "
        "differ; try other switches, or see all images on the Scores page."
    )


def standing(title: str, ratio: float, own: ScoreTable, now: Switches, own_title: str) -> str:
    """Where LLR^{>k} of an image sits among the in-distribution test images (HTML)."""
    k = now.forgotten
    assert k
    rank = measures.percentile(own.likelihood_ratio(k), ratio)
    share = "all" if rank == 100 else f"more than {percent(0.999)}" if rank > 99.9 else percent(rank / 100)
    return f"LLR<sup>&gt;{k}</sup> of {title} is higher than that of <b>{share}</b> of the {own_title} test images."


def agreement(titles: Sequence[str], ours: Sequence[float], stored: Sequence[float | None], now: Switches) -> str:
    """Whether the score tables hold the same numbers (HTML); empty where they hold none of these images."""
    said = []
    for title, value, other in zip(titles, ours, stored, strict=True):
        if other is None:
            continue
        same = np.isclose(value, other, rtol=1e-4, atol=0.01)
        said.append(
            f"{title}: {'the same' if same else 'another value'} in the score table ({nats(other, 2)} nats)"
            + ("" if same else ", which was made with another seed or other weights")
        )
    return f"{now.symbol} of {'; '.join(said)}." if said else ""


def means(tables: Sequence[tuple[str, ScoreTable]], k: int) -> tuple[list[str], list[list[str]], pd.DataFrame]:
    """(columns, rows, numbers) of the mean L, L^{>k} and LLR^{>k} of whole data sets, in nats."""
    frame = pd.DataFrame(
        [
            {"set": title, "images": len(table), "L": table.bound(0).mean()}
            | ({f"L>{k}": table.bound(k).mean(), f"LLR>{k}": table.likelihood_ratio(k).mean()} if k else {})
            for title, table in tables
        ]
    )
    symbols = [f"L<sup>&gt;{k}</sup>", f"LLR<sup>&gt;{k}</sup>"] if k else []
    cells = [[row[0], f"{row[1]:,}", *(nats(value) for value in row[2:])] for row in frame.itertuples(index=False)]
    return ["data set", "images", "L", *symbols], cells, frame


def nats(value: float, digits: int = 1) -> str:
    """A number of nats with a true minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


def _falls(nats_lost: float) -> str:
    return f"{'falls' if nats_lost >= 0 else 'rises'} by {nats(abs(nats_lost))}"


def _change(before: float, after: float, now: Switches) -> str:
    if now.forgotten == 0:
        return nats(before)
    if np.isnan(after):
        return f'<span class="interval">{nats(before)} → skipped</span>'
    return f'<span class="interval">{nats(before)} →</span> {nats(after)}'
