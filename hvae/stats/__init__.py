"""How well a score tells out-of-distribution (OOD) images from in-distribution ones, with intervals.

Conventions of the whole package: OOD is the positive class and scores are HIGHER = more OOD.
"""

from hvae.stats.curves import Density as Density
from hvae.stats.curves import PrecisionRecallCurve as PrecisionRecallCurve
from hvae.stats.curves import RocCurve as RocCurve
from hvae.stats.curves import bits_per_dim as bits_per_dim
from hvae.stats.curves import density as density
from hvae.stats.curves import precision_recall_curve as precision_recall_curve
from hvae.stats.curves import roc_curve as roc_curve
from hvae.stats.curves import shared_edges as shared_edges
from hvae.stats.detection import Estimate as Estimate
from hvae.stats.detection import PairedDifference as PairedDifference
from hvae.stats.detection import auroc as auroc
from hvae.stats.detection import average_precision as average_precision
from hvae.stats.detection import equal_subsets as equal_subsets
from hvae.stats.detection import fpr_at_tpr as fpr_at_tpr
from hvae.stats.detection import metrics as metrics
from hvae.stats.detection import paired_auroc_difference as paired_auroc_difference
from hvae.stats.detection import summary as summary
