"""Figure 2: how alike two models represent the same images, layer by layer."""

import pandas as pd

from hvae.errors import ConfigError, TableError
from hvae.report.figures import style
from hvae.report.figures.asking import Asked
from hvae.report.figures.drawn import Drawn
from hvae.runs.correlations.tables import CorrelationTable, list_correlations, read_correlations


def by_layer(asked: Asked) -> Drawn:
    """Mean |Pearson r| of matched units of each layer on every set, and what shuffled images reach.

    The legend names both. Of the features that layers hand on, of the posterior means in a model that hands on none;
    after Havtorn et al. (2021), Fig. 2.
    """
    tables = _tables(asked)
    kind = tables[0].kinds()[0]
    figure, (axes,) = style.panels(1, 1.9)
    frames = []
    for table in tables:
        slug = table.metadata.slug
        rows = table.frame.query(f"kind == {kind!r} and layer_a == layer_b").sort_values("layer_a")
        title = asked.title(slug)
        (drawn,) = axes.plot(rows["layer_a"], rows["mean_abs_r"], "o", ms=3, label=title, **style.line(slug))
        drawn.set_gid(f"mean_abs_r|{slug}")
        (shuffled,) = axes.plot(rows["layer_a"], rows["null"], "x", ms=3, linewidth=0.4, **style.line(slug))
        shuffled.set_gid(f"null|{slug}")
        frame = rows.rename(columns={"layer_a": "layer"}).drop(columns="layer_b")
        frames.append(frame.assign(data=slug, run_a=table.metadata.run_a, run_b=table.metadata.run_b))
    layers = sorted({int(layer) for frame in frames for layer in frame["layer"]})
    axes.set(xlabel="layer", ylabel=r"mean $|r|$ (crosses: shuffled)", ylim=(0, 1))
    axes.set_xticks(layers, [f"$z_{{{layer}}}$" for layer in layers])
    pair = tables[0].metadata
    style.legend(axes, "above", ncols=2, title=f"{pair.run_a} beside {pair.run_b}", title_fontsize=6)
    return Drawn(figure, pd.concat(frames, ignore_index=True))


def _tables(asked: Asked) -> list[CorrelationTable]:
    """The stored tables of the two runs, whichever of them holds them; of one pair, on the sets asked for."""
    a, b = asked.run, asked.runs[1] if len(asked.runs) > 1 else None
    found = [read_correlations(key.path) for key in list_correlations(a.path)]
    if b is not None:
        turned = [read_correlations(key.path).transposed() for key in list_correlations(b.path)]
        found = [one for one in [*found, *turned] if (one.metadata.run_a, one.metadata.run_b) == (a.name, b.name)]
    elif len(others := sorted({one.metadata.run_b for one in found})) > 1:
        raise ConfigError(f"{a.name} has correlations with {', '.join(others)}: name one of them behind it")
    by_set = {one.metadata.slug: one for one in found if one.kinds()}
    other = b.name if b else "RUN"
    if absent := [slug for slug in asked.data or ["NAME"] * (not by_set) if slug not in by_set]:
        raise TableError(
            f"{a.name} has no correlations with {other} on {', '.join(absent)}: "
            f"hvae correlate {a.name} {other} --data {' '.join(absent)}"
        )
    return [by_set[slug] for slug in asked.data or by_set]
