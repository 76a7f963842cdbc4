"""Figures 5 and 6: densities of the bounds L^{>k}, and of the likelihood ratio LLR^{>k}, on every image set."""

from collections.abc import Sequence

import pandas as pd

from hvae.report.figures import style
from hvae.report.figures.asking import Asked, in_common_unit
from hvae.report.figures.drawn import Drawn
from hvae.scores import Score, score
from hvae.stats import density, shared_edges

BINS = 60


def bounds(asked: Asked) -> Drawn:
    """-L of the whole model above; below it -L^{>k}, by default with z of the highest layer alone from the image.

    After Havtorn et al. (2021), Fig. 5.
    """
    level = asked.level(max(1, asked.depth - 1))
    return _drawn(asked, [score("bound", asked.depth, k) for k in dict.fromkeys((0, level))])


def ratios(asked: Asked) -> Drawn:
    """LLR^{>k}, by default at k = 1; after Havtorn et al. (2021), Fig. 6."""
    return _drawn(asked, [score("llr", asked.depth, asked.level(1))])


def _drawn(asked: Asked, scores: Sequence[Score]) -> Drawn:
    """A panel a score: the density of every set over shared edges."""
    figure, panels = style.panels(len(scores), 1.5 + style.LEGEND_LINE * ((len(asked.tables) + 1) // 2) / len(scores))
    frames = []
    for one, axes in zip(scores, panels, strict=True):
        unit, values = in_common_unit(one, asked.tables) if one.name == "bound" else ("nats", None)
        values = values or [one.of(table) for table in asked.tables]
        edges = shared_edges(values, BINS)
        centres = (edges[1:] + edges[:-1]) / 2
        for table, on_set in zip(asked.tables, values, strict=True):
            slug = table.metadata.slug
            found = density(on_set, edges)
            (drawn,) = axes.plot(centres, found.density, label=asked.title(slug), **style.line(slug))
            drawn.set_gid(f"{one.label}|{slug}")
            axes.fill_between(centres, found.density, alpha=0.15, linewidth=0, color=drawn.get_color())
            row = {"score": one.label, "unit": unit, "data": slug, "n": len(on_set)}
            frames.append(pd.DataFrame(row | {"x": centres, "density": found.density}))
        axes.set(xlabel=f"{style.symbol(one.label)} ({unit})", ylabel="density", ylim=(0, None))
    style.legend(panels[0], "above", ncols=2)
    return Drawn(figure, pd.concat(frames, ignore_index=True))
