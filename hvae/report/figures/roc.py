"""Figure 7: ROC curves of the likelihood alone and of the likelihood ratio, on every OOD set."""

import pandas as pd

from hvae.report.figures import style
from hvae.report.figures.asking import Asked
from hvae.report.figures.drawn import Drawn
from hvae.scores import score
from hvae.stats import auroc, roc_curve

POINTS = 300


def curves(asked: Asked) -> Drawn:
    """A panel a score, a curve an OOD set with its AUROC; after Havtorn et al. (2021), Fig. 7."""
    scores = [score("bound", asked.depth, 0), score("llr", asked.depth, asked.level(1))]
    own, *others = asked.tables
    figure, panels = style.panels(len(scores), 2.2 + style.LEGEND_LINE * len(others))
    frames = []
    for one, axes in zip(scores, panels, strict=True):
        inside = one.of(own)
        axes.plot([0, 1], [0, 1], color="#8A919B", linewidth=0.5)
        for table in others:
            slug, outside = table.metadata.slug, one.of(table)
            curve, area = roc_curve(inside, outside, POINTS), auroc(inside, outside)
            name = f"{asked.title(slug)}, {area.value:.3f} [{area.low:.3f}, {area.high:.3f}]"
            (drawn,) = axes.plot(curve.fpr, curve.tpr, label=name, **style.line(slug))
            drawn.set_gid(f"{one.label}|{slug}")
            row = {"score": one.label, "ood_data": slug, "auroc": area.value}
            row |= {"auroc_low": area.low, "auroc_high": area.high, "n_in": len(inside), "n_ood": len(outside)}
            frames.append(pd.DataFrame(row | {"fpr": curve.fpr, "tpr": curve.tpr}))
        label = f"share of {asked.title(own.metadata.slug)} called OOD"
        axes.set(xlim=(0, 1), ylim=(0, 1.005), ylabel="share of OOD caught", title=style.symbol(one.label))
        axes.set_xlabel(label, parse_math=False)
        style.legend(axes, "below", title="AUROC with its 95 % interval", title_fontsize=6)
    return Drawn(figure, pd.concat(frames, ignore_index=True))
