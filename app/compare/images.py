"""What two runs say about the same images: score against score, where they disagree, and one image in all runs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app.compare.choosing import BUDGET, Compared, View
from app.figures import agreement as figures
from app.frame import components, controls, state
from app.frame.caching import kept
from app.frame.state import ImageId
from app.images.gallery import Shown, gallery, link, picture
from app.looks.palette import look
from app.looks.wording import percent, significant
from app.reading import measures
from hvae.stats.arrays import Floats, Indices

SHOWN = 12
"""Images in a gallery."""

MARKS = 240
"""Images of a data set drawn one by one."""

CALLED, PASSED = components.mark("called OOD"), components.mark("passes", "good")


@dataclass(frozen=True, eq=False)
class Agreement:
    """Scores of the images of one data set by two runs, all `(n,)`.

    A rank is the percentage of the same run's in-distribution test images at or below the score.
    """

    slug: str
    first: Floats
    second: Floats
    first_rank: Floats
    second_rank: Floats

    @cached_property
    def correlation(self) -> float:
        """Spearman's rank correlation of the two scores; NaN where one of them is constant."""
        return float(pd.DataFrame({"first": self.first, "second": self.second}).corr("spearman").to_numpy()[0, 1])

    @cached_property
    def difference(self) -> Floats:
        """First percentile minus second, in percentage points: > 0 where the first run finds the image stranger."""
        return self.first_rank - self.second_rank

    def furthest(self, most: int) -> tuple[Indices, Indices]:
        """Images that (the first, the second) run finds stranger than the other does, the largest difference first."""
        order = np.argsort(-self.difference, kind="stable")
        up, down = order[:most], order[::-1][:most]
        return up[self.difference[up] > 0], down[self.difference[down] < 0]

    def marks(self, most: int = MARKS, ends: int = 12, seed: int = 0) -> Indices:
        """About `most` images: both ends of either score, the largest differences both ways, others at random."""
        if len(self.first) <= most:
            return np.arange(len(self.first))
        tips = [
            order[part] for order in map(np.argsort, (self.first, self.second)) for part in (slice(2), slice(-2, None))
        ]
        chosen = np.unique(np.concatenate([*self.furthest(ends), *tips]))
        others = np.setdiff1d(np.arange(len(self.first)), chosen)
        drawn = np.random.default_rng(seed).choice(others, most - len(chosen), replace=False)
        return np.sort(np.concatenate([chosen, drawn]))

    def quadrants(self, first: float, second: float) -> tuple[float, float, float, float]:
        """Shares of the images at or above (both thresholds, the first's only, the second's only, neither)."""
        a, b = self.first >= first, self.second >= second
        return float(np.mean(a & b)), float(np.mean(a & ~b)), float(np.mean(b & ~a)), float(np.mean(~a & ~b))


def agreement(slug: str, first: Compared, second: Compared) -> Agreement:
    """The images of a set as two runs score them, `paired`, ranked among each run's own in-distribution scores."""
    pairs = [(one.scored[slug].scores, one.inside.scores) for one in (first, second)]
    ranks = [100 * np.searchsorted(np.sort(inside), own, "right") / len(inside) for own, inside in pairs]
    return Agreement(slug, pairs[0][0], pairs[1][0], *ranks)


def pairs(view: View, slug: str | None) -> tuple[list[Agreement], list[str]]:
    """(the in-distribution set and the OOD set `slug` as the first two runs score them, sets that are not paired)."""
    first, second = view.runs[:2]
    found, unpaired = [], []
    for name in dict.fromkeys(filter(None, (view.data, slug))):
        if name not in second.scored:
            unpaired.append(f"{second.run.name} has not scored {look(name).title} under this setting")
        elif not first.pairs_with(second, name):
            unpaired.append(f"the tables of {look(name).title} are not paired: they hold different images")
        else:
            stamps = [one.scored[slug].stamp for one in (first, second) for slug in (name, view.data)]
            found.append(kept("agreement", stamps, lambda name=name: agreement(name, first, second)))
    return found, unpaired


def scatter(view: View, found: list[Agreement]) -> None:
    """The score of the first run against that of the second, with the shares of images in each quadrant."""
    first, second = view.runs[:2]
    limits = tuple(measures.threshold(one.inside.scores, BUDGET).value for one in (first, second))
    a, b = letters = first.letter, second.letter
    frames = []
    for one in found:
        scores = {f"{first.run.name} score": one.first, f"{second.run.name} score": one.second}
        every = pd.DataFrame({"data": one.slug, "image": np.arange(len(one.first)), **scores})
        frames.append(every.iloc[one.marks()])
    drawn = pd.concat(frames, ignore_index=True)
    axes = tuple(f"{view.measure.symbol} of {one.look.title} ({view.measure.unit})" for one in (first, second))
    spoken = [f"{look(one.slug).title}: {_likeness(one.correlation)} (Spearman {one.correlation:.2f})" for one in found]
    title = f"Do {a} and {b} put images in the same order? {'; '.join(spoken)}"
    components.chart(
        figures.agreement(drawn, limits, letters, axes, title),  # type: ignore[arg-type]
        drawn,
        "agreement",
        key="agreement",
        on_click=state.pin_mark([one.slug for one in found]),
    )
    columns = ["data", "both", "only A", "only B", "neither", "spearman"]
    called = (f"both {a} and {b}", f"only {a}", f"only {b}", "neither")
    components.listed(
        pd.DataFrame([(one.slug, *one.quadrants(*limits), one.correlation) for one in found], columns=columns),
        {
            "images": lambda row: look(row.data).title,
            **{name: lambda row, place=place: percent(row[place]) for place, name in enumerate(called, start=1)},
            "Spearman": lambda row: f"{row.spearman:.3f}",
        },
        f"Who calls an image OOD, at {100 * BUDGET:.0f} % false alarms of each run",
        name="quadrants",
    )


def _likeness(correlation: float) -> str:
    if np.isnan(correlation):
        return "all scores are equal"
    for least, words in ((0.9, "nearly"), (0.7, "mostly"), (0.4, "loosely"), (-0.2, "hardly")):
        if correlation >= least:
            return words
    return "rather the reverse"


def disagreements(view: View, one: Agreement) -> None:
    """The images that one run finds far stranger than the other does, both ways."""
    first, second = view.runs[:2]
    table, name = first.scored[one.slug].table, look(one.slug).title
    places, labels = [f"{one.slug}:{index}" for index in range(len(table))], table.frame["label"].to_numpy()
    frame = pd.DataFrame({"image": places, "label": labels})
    for word, *both in (("score", one.first, one.second), ("percentile", one.first_rank, one.second_rank)):
        for run, values in zip((first, second), both, strict=True):
            frame[f"{run.run.name} {word}"] = values
    frame["percentile difference"] = one.difference
    a, b = first.letter, second.letter
    ways = (("up", a, b), ("down", b, a))
    for column, (way, high, low), images in zip(st.columns(2, gap="large"), ways, one.furthest(SHOWN), strict=True):
        ranks = zip(images.tolist(), one.first_rank[images], one.second_rank[images], strict=True)
        shown = [Shown(ImageId(one.slug, index), f"{own:.0f} | {other:.0f}") for index, own, other in ranks]
        title = f"{name} that {high} finds stranger than {low} does (percentile for {a} | for {b})"
        with column:
            if not shown:
                st.html(f'<p class="prose">{high} finds no image of {name} stranger than {low} does.</p>')
            gallery(first.run, {one.slug: table}, shown, title, frame.iloc[images], key=f"stranger-{way}")
    st.caption(
        f"The CSV has every image of {name} with both scores and percentiles, the largest difference first. "
        f"A percentile is the share of {look(view.data).title} test images that the same run scores no higher."
    )
    order = np.argsort(-np.abs(one.difference), kind="stable")
    components.save(frame.iloc[order], f"every-image-{one.slug}", key="every-image")


def one_image(view: View, found: list[Agreement]) -> None:
    """One image in every run: its score, its percentile, and whether it is called OOD."""
    components.section(
        "One image in every run", "Click a mark or an image above, or type a set and a number. It stays on other pages."
    )
    own, last = view.runs[0], found[-1]
    sizes = {one.slug: len(one.first) for one in found[::-1]}
    image = controls.image_box(sizes, ImageId(last.slug, int(next(chain(*last.furthest(1)), 0))))
    looks = {one.run.name: one.look.title for one in view.runs}
    left, right = st.columns([1, 3], gap="large")
    with left:
        images = picture(own.run, image, own.scored[image.slug].table, 160)
    with right:
        cells: dict[str, Callable[[Any], str]] = {
            f"score ({view.measure.unit})": lambda row: significant(row.score, 4),
            f"above so many {look(view.data).title} images": lambda row: f"{row.percentile:.1f} %",
            f"at {100 * BUDGET:.0f} % false alarms": lambda row: CALLED if row.called_ood else PASSED,
        }
        shown: dict[str, Callable[[Any], str]] = {"run": lambda row: looks[row.run]}
        for head, cell in cells.items():
            shown[head] = lambda row, cell=cell: "not scored" if pd.isna(row.score) else cell(row)
        components.listed(
            pd.DataFrame([_judged(one, own, image) for one in view.runs]),
            shown,
            f"{view.measure.symbol} of {look(image.slug).title} {image.index} in every run",
            name="image-in-every-run",
        )
        query = state.values("scores", image=str(image))
        st.page_link("../pages/scores.py", label="See its place on Scores →", query_params=query)
        link(image, images, "See its reconstructions by A and B →", versus=view.runs[1].run.name)


def _judged(one: Compared, own: Compared, image: ImageId) -> dict[str, object]:
    """An image in one run; nothing but the run where it has scored other images than run A."""
    row = {"run": one.run.name, "score": np.nan, "percentile": np.nan, "called_ood": None}
    if not one.pairs_with(own, image.slug):
        return row
    inside, score = one.inside.scores, float(one.scored[image.slug].scores[image.index])
    called = score >= measures.threshold(inside, BUDGET).value
    return row | {"score": score, "percentile": measures.percentile(inside, score), "called_ood": called}
