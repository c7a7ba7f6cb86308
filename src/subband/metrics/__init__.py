"""How good a prediction is."""

from subband.metrics.confusion import (
    SET_METRICS,
    ConfusionMatrix,
    class_accuracy,
    class_iou,
    confusion_matrix,
    frequency_weighted_iou,
    pixel_accuracy,
)
from subband.metrics.overlap import mean_dice, mean_iou
from subband.metrics.partition import adjusted_rand_index, average_precision_dsb2018, variation_of_information
from subband.metrics.surface import hausdorff_distance
from subband.metrics.table import METRICS, Metric, segmentation_metrics
from subband.metrics.topology import betti_errors, betti_numbers, cldice_score, even_lines

__all__ = [
    "METRICS",
    "SET_METRICS",
    "ConfusionMatrix",
    "Metric",
    "adjusted_rand_index",
    "average_precision_dsb2018",
    "betti_errors",
    "betti_numbers",
    "class_accuracy",
    "class_iou",
    "cldice_score",
    "confusion_matrix",
    "even_lines",
    "frequency_weighted_iou",
    "hausdorff_distance",
    "mean_dice",
    "mean_iou",
    "pixel_accuracy",
    "segmentation_metrics",
    "variation_of_information",
]
