"""The numbers of a report, one tidy data frame a question. OOD is the positive class, scores are higher = more OOD."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hvae import scores as registry
from hvae import stats
from hvae.report import published
from hvae.report.alarms import BUDGETS, alarm_table
from hvae.report.comparisons import Comparison
from hvae.report.seeds import grouped, missed_table, over_seeds
from hvae.runs.score_tables import ScoreTable
from hvae.scores import Score

TABLES = ("bits", "detection", "control", "alarms", "layers", "ratios")
"""Names of the tables of a report that any run gives, in their order."""
OVER_SEEDS = ("seeds", "missed")
"""Of those that take several runs which differ in their seed alone."""

SETTINGS = ["run", "in_data", "reading", "samples", "draws", "seed", "precision", "noise"]
PUBLISHED_METRICS = ("auroc", "auprc", "fpr80")
METRICS = (*PUBLISHED_METRICS, "fpr95")


def build(
    comparisons: Iterable[Comparison],
    names: Iterable[str] = TABLES,
    *,
    scores: Sequence[str] = (),
    alphas: Sequence[float] = BUDGETS,
    n_boot: int = 200,
) -> dict[str, pd.DataFrame]:
    """The tables of a report with these `names`; those without a row are left out.

    `scores` are names in the registry, for `detection` and `control`, empty for all that one table gives; `alphas` are
    budgets of false alarms of the label-free rule, in (0, 1), `n_boot` how often the other metrics than AUROC are
    resampled.

    Raises:
        HvaeError: scores that are not finite, or a parameter out of range.
    """
    makers = {
        "bits": bits_table,
        "detection": lambda found: detection_table(found, scores, n_boot=n_boot),
        "seeds": lambda found: seed_table(found, scores),
        "missed": missed_table,
        "control": lambda found: control_table(found, scores, n_boot=n_boot),
        "alarms": lambda found: alarm_table(found, alphas=alphas),
        "layers": layer_table,
        "ratios": ratio_table,
    }
    found = tuple(comparisons)
    tables = {name: makers[name](found) for name in names}
    return {name: table for name, table in tables.items() if len(table)}


def bits_table(comparisons: Iterable[Comparison]) -> pd.DataFrame:
    """Bits per dimension of L^{>k} on each data set, Havtorn et al. (2021), Table 1.

    One row a comparison, data set and k = 0 ... L. Beside the settings: `data`, `split`, `own` (whether it is the
    in-distribution set), `k`, `n`, `bits`, `bits_se` (standard error over images), `draws_se` (root mean square over
    images of the Monte-Carlo standard error in nats; NaN at R = 1), `more_likely` (fewer bits than the in-distribution
    set has), `published_bits`.
    """
    return pd.DataFrame([row for comparison in comparisons for row in _bits_rows(comparison)])


def detection_table(
    comparisons: Iterable[Comparison], scores: Sequence[str] = (), *, n_boot: int = 200
) -> pd.DataFrame:
    """AUROC, AUPRC, FPR80 and FPR95 of every score against each OOD set, Havtorn et al. (2021), Table 2.

    One row a comparison, OOD set, score and choice of images. Beside the settings: `ood_data`, `score` (`-L>0` ...,
    `LLR>1` ..., `typicality` ...), `k` (missing for a score without levels), `model_free` (whether it is a baseline in
    which no model takes part), `needs` (what it takes beside a run, in words), `passes` (forward passes an image),
    `images` (`full`, or `equal` where the sizes differ and both sides were cut to the smaller), `n_in`, `n_ood`, each
    metric with `_low` and `_high` (95 % interval) and, of the paper's three, the `published_` figure,
    `published_source`, and `best_k`: whether this k has the best AUROC of a score whose k the paper so chooses. That
    choice sees OOD images, as the paper's does.

    Comparisons without an in-distribution table are passed over; `scores` are named as in the registry, empty for all
    that one table gives, and one that a table does not give is left out, see `left_out`.
    """
    rows = [
        {**row, "ood_data": other.metadata.slug}
        for comparison in comparisons
        if comparison.in_table is not None
        for other in comparison.others
        for row in _metric_rows(comparison, comparison.in_table, other, other.metadata.slug, scores, n_boot)
    ]
    return _with_best_k(_levels_as_integers(pd.DataFrame(rows)))


def seed_table(comparisons: Iterable[Comparison], scores: Sequence[str] = ()) -> pd.DataFrame:
    """The metrics of `detection_table` on all images as mean and spread over runs that differ in their seed alone.

    One row a group, which is the `run`, setting, OOD set and score: `seeds`, how many there are, `METRICS` as their
    means, and `_sd`, the standard deviation over seeds (n - 1).
    """
    frames = []
    for name, group in grouped(comparisons):
        rows = detection_table(group, scores, n_boot=2).query("images == 'full'")
        keys = [*SETTINGS, "ood_data", "score", "k"]
        frames.append(over_seeds(rows.assign(run=name), keys, METRICS).query("seeds > 1"))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def control_table(comparisons: Iterable[Comparison], scores: Sequence[str] = (), *, n_boot: int = 200) -> pd.DataFrame:
    """Negative control: test images of the own set against fitted ones; about .5 for every score.

    Columns as in `detection_table`; `n_in` counts fitted images, `n_ood` test images, and there is no `ood_data`.
    """
    rows = [
        row
        for one in comparisons
        if one.in_table is not None and "fitted" in one.parts
        for row in _metric_rows(one, one.parts["fitted"], one.in_table, one.in_data, scores, n_boot)
    ]
    return _levels_as_integers(pd.DataFrame(rows)).drop(columns="best_k", errors="ignore")


def left_out(comparisons: Iterable[Comparison], scores: Sequence[str]) -> list[str]:
    """One line for each score of `scores` that the tables of a comparison do not give, with what would mend it."""
    lines: dict[str, None] = {}
    for comparison in comparisons:
        for name in scores if comparison.in_table is not None else ():
            wanted = registry.at_every_level(name, comparison.depth) or [registry.find(name)()]
            for score in wanted:
                tables = [table.having(score.columns(comparison.depth)) for table in comparison.tables]
                _, obstacles = registry.computable([score], tables, comparison.reference)
                lines |= {f"{comparison.run}: {obstacle}": None for obstacle in obstacles}
    return list(lines)


def layer_table(comparisons: Iterable[Comparison]) -> pd.DataFrame:
    """What each layer carries: its KL on each data set, and its active units.

    One row a comparison, data set and layer. Beside the settings: `data`, `split`, `layer`, `kl` (minus the mean
    log r_l, nats), `kl_se` (standard error over images), and from the epoch whose weights were kept `validation_kl`
    (nats) and `active_units`, NaN without a learning curve; `units` is how many latent units the layer has.
    """
    return pd.DataFrame([row for comparison in comparisons for row in _layer_rows(comparison)])


def ratio_table(comparisons: Iterable[Comparison]) -> pd.DataFrame:
    """LLR^{>k} on each data set, and how often it is negative, which a difference of two bounds may be.

    One row a comparison, data set and k = 1 ... L. Beside the settings: `data`, `split`, `own`, `k`, `n`, `mean` and
    `sd` over images (nats), `negative_share`.
    """
    rows = []
    for comparison in comparisons:
        for table in comparison.tables:
            for k in range(1, comparison.depth + 1):
                ratio = registry.score("llr", comparison.depth, k).of(table)
                row = {"k": k, "n": len(ratio), "mean": float(ratio.mean()), "sd": float(ratio.std())}
                row["negative_share"] = negative_share(ratio)
                rows.append(comparison.settings | _set_of(comparison, table) | row)
    return pd.DataFrame(rows)


def negative_share(ratio: np.ndarray) -> float:
    """Share of images `(n,)` whose likelihood ratio is below zero, in [0, 1]."""
    return float(np.mean(ratio < 0))


def _set_of(comparison: Comparison, table: ScoreTable) -> dict[str, object]:
    return {"data": table.metadata.slug, "split": table.metadata.split, "own": table is comparison.in_table}


def _bits_rows(comparison: Comparison) -> Iterator[dict[str, object]]:
    dimensions = comparison.config.model.dimensions
    own: dict[int, float] = {}
    for table in comparison.tables if not comparison.config.model.task else ():
        for k in range(comparison.depth + 1):
            bits = stats.bits_per_dim(table.bound(k), dimensions)
            mean = float(bits.mean())
            if table is comparison.in_table:
                own[k] = mean
            yield {
                **comparison.settings,
                **_set_of(comparison, table),
                "k": k,
                "n": len(bits),
                "bits": mean,
                "bits_se": _standard_error(bits),
                "draws_se": _draws_error(table, k),
                "more_likely": k in own and mean < own[k],
                "published_bits": _published_bits(comparison, table, k),
            }


def _standard_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def _draws_error(table: ScoreTable, k: int) -> float:
    column = "iw_se" if k == 0 else f"L>{k}_se"
    if column not in table.frame:
        return float("nan")
    return float(np.sqrt(np.mean(table.frame[column].to_numpy(np.float64) ** 2)))


def _published(comparison: Comparison, **which: Any) -> tuple[published.Published, ...]:
    """Figures published for a model like this one and its data; none for a family that nobody published."""
    models = published.models_like(comparison.config.model)
    return tuple(row for one in models for row in published.find(model=one, in_data=comparison.in_data, **which))


def _published_bits(comparison: Comparison, table: ScoreTable, k: int) -> float:
    rows = _published(comparison, score="bound", k=k)
    if k == 0:
        rows = tuple(row for row in rows if row.samples == comparison.setting.samples)
    own = table is comparison.in_table
    found = [row.bits_in if own else row.bits_ood for row in rows if own or row.ood_data == table.metadata.slug]
    return next((bits for bits in found if bits is not None), float("nan"))


def _metric_rows(
    comparison: Comparison, inside: ScoreTable, outside: ScoreTable, ood_data: str, names: Sequence[str], n_boot: int
) -> Iterator[dict[str, object]]:
    """Rows of one pair of tables: every score, on the full sets and, where sizes differ, on equal ones."""
    wanted = [
        score
        for name in names or registry.offered(task=None)
        for score in registry.at_every_level(name, comparison.depth)
    ]
    for score in wanted:
        # What was measured of some images alone is compared on them.
        pair = [table.having(score.columns(comparison.depth)) for table in (inside, outside)]
        if not registry.computable([score], pair, comparison.reference)[0]:
            continue
        in_scores, ood_scores = (score.of(table, comparison.reference) for table in pair)
        estimates = stats.summary(in_scores, ood_scores, n_boot=n_boot)
        sizes = {"full": (len(in_scores), len(ood_scores))}
        if len(in_scores) != len(ood_scores):
            sizes["equal"] = (min(sizes["full"]), min(sizes["full"]))
        for images, (n_in, n_ood) in sizes.items():
            row: dict[str, object] = {**comparison.settings, "ood_data": ood_data, "score": score.label, "k": score.k}
            row |= {"model_free": score.model_free, "needs": score.needed()}
            row["passes"] = score.passes(comparison.depth, comparison.setting.samples, comparison.setting.draws)
            row |= {"images": images, "n_in": n_in, "n_ood": n_ood}
            for metric in METRICS:
                estimate = estimates[images][metric]
                row |= {metric: estimate.value, f"{metric}_low": estimate.low, f"{metric}_high": estimate.high}
            yield row | _published_metrics(comparison, ood_data, score) | {"best_k": score.paper_chooses_level}


def _published_metrics(comparison: Comparison, ood_data: str, score: Score) -> dict[str, object]:
    """The published figures for this score: those stated for this S, else those that state no S."""
    rows = _published(comparison, ood_data=ood_data, score=score.name, k=score.k)
    return published_columns(rows, comparison.setting.samples)


def published_columns(rows: Iterable[published.Published], samples: int) -> dict[str, object]:
    """The figures stated for S = `samples`, else those that state no S, as columns of a table; NaN where none are."""
    stated = [row for row in rows if row.samples in (samples, None) and row.auroc is not None and not row.rerun]
    row = min(stated, key=lambda row: row.samples is None, default=None)
    figures = {f"published_{metric}": getattr(row, metric, None) for metric in PUBLISHED_METRICS}
    return {
        **{name: float("nan") if value is None else value for name, value in figures.items()},
        "published_source": row.source if row else "",
        "published_note": row.note if row else "",
    }


def _levels_as_integers(frame: pd.DataFrame) -> pd.DataFrame:
    """`k` as whole numbers, missing for scores without levels."""
    return frame if frame.empty else frame.astype({"k": "Int64"})


def _with_best_k(frame: pd.DataFrame) -> pd.DataFrame:
    """`best_k` of the levels that may be chosen -> whether this one has the best AUROC of them."""
    if frame.empty:
        return frame
    may_be = frame["best_k"].astype(bool)
    groups = [*SETTINGS, "ood_data", "images"]
    best = frame["auroc"].where(may_be).groupby([frame[name] for name in groups]).transform("max")
    return frame.assign(best_k=may_be & (frame["auroc"] == best))


def _layer_rows(comparison: Comparison) -> Iterator[dict[str, object]]:
    kept = _kept_epoch(comparison.history)
    for table in comparison.tables:
        for layer, units in enumerate(comparison.config.model.latent_units, start=1):
            kl = -table.log_ratio(layer)
            yield {
                **comparison.settings,
                **_set_of(comparison, table),
                "layer": layer,
                "kl": float(kl.mean()),
                "kl_se": _standard_error(kl),
                "validation_kl": -kept.get(f"log_ratio_{layer}", float("nan")),
                "active_units": kept.get(f"active_units_{layer}", float("nan")),
                "units": units,
            }


def _kept_epoch(history: pd.DataFrame) -> dict[str, float]:
    """The epoch of the best validation ELBO, whose weights `model.safetensors` holds."""
    if "elbo" not in history or not (known := history.dropna(subset="elbo")).size:
        return {}
    return {str(name): float(value) for name, value in known.loc[known["elbo"].idxmax()].items()}
