"""How well a score tells out-of-distribution (OOD) images from in-distribution ones, with intervals.

Conventions of the whole package: OOD is the positive class and scores are HIGHER = more OOD.
"""

from hvae.stats.curves import (
    Density,
    PrecisionRecallCurve,
    RocCurve,
    bits_per_dim,
    density,
    ks_distance,
    precision_recall_curve,
    roc_curve,
    shared_edges,
)
from hvae.stats.detection import (
    Estimate,
    PairedDifference,
    auroc,
    average_precision,
    equal_subsets,
    fpr_at_tpr,
    paired_auroc_difference,
    summary,
)

__all__ = [
    "Density",
    "Estimate",
    "PairedDifference",
    "PrecisionRecallCurve",
    "RocCurve",
    "auroc",
    "average_precision",
    "bits_per_dim",
    "density",
    "equal_subsets",
    "fpr_at_tpr",
    "ks_distance",
    "paired_auroc_difference",
    "precision_recall_curve",
    "roc_curve",
    "shared_edges",
    "summary",
]
