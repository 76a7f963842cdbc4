"""The paper's tables from stored score tables: data frames that the CLI and the dashboard share. Imports no torch."""

from hvae.report.alarms import BUDGETS as BUDGETS
from hvae.report.comparisons import Comparison as Comparison
from hvae.report.comparisons import Gathered as Gathered
from hvae.report.comparisons import gather as gather
from hvae.report.line_ups import LineUp as LineUp
from hvae.report.line_ups import line_up as line_up
from hvae.report.noted import NOTES as NOTES
from hvae.report.noted import note_table as note_table
from hvae.report.rendering import FORMATS as FORMATS
from hvae.report.rendering import render as render
from hvae.report.robustness import card_tables as card_tables
from hvae.report.seeds import siblings as siblings
from hvae.report.tables import OVER_SEEDS as OVER_SEEDS
from hvae.report.tables import TABLES as TABLES
from hvae.report.tables import alarm_table as alarm_table
from hvae.report.tables import bits_table as bits_table
from hvae.report.tables import build as build
from hvae.report.tables import control_table as control_table
from hvae.report.tables import detection_table as detection_table
from hvae.report.tables import layer_table as layer_table
from hvae.report.tables import left_out as left_out
from hvae.report.tables import negative_share as negative_share
from hvae.report.tables import ratio_table as ratio_table
