"""The latent lab on the page: pictures, what changed in numbers, and one figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.figures import lab as figures
from app.figures.layout import Figure
from app.frame import components
from app.frame.caching import kept
from app.how_it_works import controls
from app.how_it_works.controls import Example
from app.how_it_works.lab.asking import AS_IT_IS, EXCHANGE, PRIOR, Asked
from app.images.mosaic import Cell, Row, table_html
from app.looks.pictures import grey_or_colour
from app.looks.wording import literal, nats, signed, subscript
from hvae.config import RunConfig
from hvae.runs.folders import RunEntry
from hvae.scores.levels.llr import LikelihoodRatio

if TYPE_CHECKING:
    from app.how_it_works.lab.model import Answer

MOST_RATIOS = 4
"""Levels k whose LLR^{>k} is shown; the CSV file has all."""


def answered(place: DeltaGenerator, run: RunEntry, config: RunConfig, asked: Asked, seed: int) -> None:
    """What the change does; imports torch."""
    with place, components.guarded():
        with components.starting_pytorch():
            from app.how_it_works.lab import model
            from app.images import models
        keys = [key for key in (asked.image, asked.giver) if key]
        drawn = any(key.startswith(f"{controls.SAMPLE}:") for key in keys)
        samples = models.sampled(run, controls.SAMPLES, seed) if drawn else None
        one, *givers = (controls.example(key, run, samples) for key in keys)
        with st.spinner("Changing the latent"):
            found = model.answer(run, asked, one, givers[0] if givers else None, seed)
        what = _words(asked, config, givers)
        st.html(table_html(["What the model sees", *_headings(asked, found, givers)], _rows(asked, found, one), "lab"))
        numbers = frame(found, run.name, one.title, what)
        ratios = [LikelihoodRatio(k) for k in range(1, min(config.model.depth, MOST_RATIOS) + 1)]
        figure = kept(
            "lab drawn", (one.title, what, numbers.to_csv()), lambda: drawn_as(found, one, what, ratios, asked)
        )
        components.chart(figure, numbers, "latent-lab", key="latent-lab")
        _table(numbers, ratios, what)
        if found.obstacle:
            components.left_out([found.obstacle])


def frame(found: Answer, run: str, title: str, what: str) -> pd.DataFrame:
    """One row a variant, everything in nats; a log-ratio is empty where z came from the prior."""
    bounds, ratios = found.changed.bounds, found.changed.log_ratios[0]
    columns = {"run": run, "image": title, "change": components.plain(what), "variant": found.names}
    values = {"log p(x|z)": found.changed.log_px[0].astype(np.float64)}
    values |= {f"log r{layer}": one.astype(np.float64) for layer, one in enumerate(ratios.T, start=1)}
    values |= {"L": bounds[0]} | {f"LLR>{k}": bounds[0] - bounds[k] for k in range(1, len(bounds))}
    if found.joint is not None:
        values["joint"] = found.joint
    return pd.DataFrame(columns | values)


def drawn_as(found: Answer, one: Example, what: str, ratios: list[LikelihoodRatio], asked: Asked) -> Figure:
    """What changes against the image as it is."""
    bounds = found.changed.bounds
    lines = {"L": bounds[0]} | {ratio.symbol: bounds[0] - bounds[ratio.k or 0] for ratio in ratios}
    changes = {symbol: (values - values[found.own]).tolist() for symbol, values in lines.items()}
    # What was asked for stands behind the image as it is; of many draws or steps the one that changes most is said.
    most = 1 if asked.kind == EXCHANGE else int(np.abs(changes["L"]).argmax())
    by = "by" if asked.kind == EXCHANGE else "by up to"
    title = f"{components.escape(one.title)} with {what}: L changes {by} {signed(changes['L'][most])} nats"
    if found.joint is not None:
        title += f", and the joint score goes from {nats(found.joint[found.own])} to {nats(found.joint[most])}"
    joint = None if found.joint is None else found.joint.tolist()
    axis = "moved by (standard deviations of its prior)" if asked.unit is not None else ""
    return figures.answers(found.names, list(range(len(found.names))), changes, joint, axis, title)


def _words(asked: Asked, config: RunConfig, givers: list[Example]) -> str:
    """The change in a few words (HTML)."""
    symbol = f"z<sub>{asked.layer}</sub>"
    if asked.kind == EXCHANGE:
        return f"{symbol} of {components.escape(givers[0].title)}"
    if asked.kind == PRIOR:
        return f"{symbol} from its prior"
    part = config.model.part_of(asked.layer, asked.unit or 0)
    return f"unit {asked.unit}{f' ({part})' if part else ''} of {symbol} moved"


def _headings(asked: Asked, found: Answer, givers: list[Example]) -> list[str]:
    if asked.kind == EXCHANGE:
        return [name if name == AS_IT_IS else f"{name} of {givers[0].title}" for name in found.names]
    unit = "" if asked.unit is None else " s.d."
    return [name if name == AS_IT_IS else f"{name}{unit}" for name in found.names]


def _rows(asked: Asked, found: Answer, one: Example) -> list[Row]:
    """The variants with the latents below as they are, and with those below from the prior."""
    below = f"z{subscript(asked.layer - 1)}" if asked.layer == 2 else f"z₁ to z{subscript(asked.layer - 1)}"
    labels = {0: "All else unchanged"} | ({asked.layer - 1: f"{below} from the prior"} if asked.layer > 1 else {})
    rows = []
    for k, label in labels.items():
        bounds = found.changed.bounds[k]
        words = f"{one.title}, as the model sees it"
        seen = Cell(grey_or_colour(found.seen), words, way=one.way) if k == 0 else None
        cells = (
            Cell(grey_or_colour(mean), f"{one.title}, {name}, {label}", (nats(bound),), one.way)
            for name, mean, bound in zip(found.names, found.changed.means[k], bounds, strict=True)
        )
        rows.append(Row(label, (seen, *cells), (f"{'L' if k == 0 else f'L>{k}'}, nats",)))
    return rows


def _table(numbers: pd.DataFrame, ratios: list[LikelihoodRatio], what: str) -> None:
    """The numbers that answer, a variant a row; the CSV file is that of the figure."""
    names = {"log p(x|z)": "log p(x|z)", "L": "L"} | {ratio.symbol: ratio.label for ratio in ratios}
    if "joint" in numbers:
        names["joint score"] = "joint"
    rows = [
        [components.escape(row["variant"]), *(nats(row[column]) for column in names.values())]
        for row in numbers.to_dict("records")
    ]
    components.table(["variant", *names], rows, f"With {what}, in nats")
    st.caption(
        literal(
            "Each row is one draw of a bound on log p(x) of the same image. The term of a latent from another image is "
            "log p(z|…) − log q(z|…) by the q of that image; a latent from the prior adds no term. Where q of a lower "
            "level looks at the levels above (ladder, BIVA, VDVAE), it follows the change."
        )
    )
