"""How good a prediction is."""

from subband.metrics.overlap import mean_dice, mean_iou
from subband.metrics.partition import adjusted_rand_index, average_precision_dsb2018, variation_of_information
from subband.metrics.surface import hausdorff_distance
from subband.metrics.table import METRICS, Metric, segmentation_metrics
from subband.metrics.topology import betti_errors, betti_numbers, cldice_score, even_lines

__all__ = [
    "METRICS",
    "Metric",
    "adjusted_rand_index",
    "average_precision_dsb2018",
    "betti_errors",
    "betti_numbers",
    "cldice_score",
    "even_lines",
    "hausdorff_distance",
    "mean_dice",
    "mean_iou",
    "segmentation_metrics",
    "variation_of_information",
]
