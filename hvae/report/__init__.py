"""The paper's tables from stored score tables: data frames that the CLI and the dashboard share. Imports no torch."""

from hvae.report.comparisons import Comparison, Gathered, gather
from hvae.report.rendering import FORMATS, render
from hvae.report.tables import (
    TABLES,
    alarm_table,
    bits_table,
    build,
    control_table,
    detection_table,
    layer_table,
    left_out,
    negative_share,
    ratio_table,
)

__all__ = [
    "FORMATS",
    "TABLES",
    "Comparison",
    "Gathered",
    "alarm_table",
    "bits_table",
    "build",
    "control_table",
    "detection_table",
    "gather",
    "layer_table",
    "left_out",
    "negative_share",
    "ratio_table",
    "render",
]
