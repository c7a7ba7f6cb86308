"""How good a prediction is."""

from subband.metrics.classification import (
    UniformClassification,
    UniformResult,
    class_wise_accuracy,
    sample_wise_accuracy,
    uniform_accuracy,
)
from subband.metrics.confusion import (
    SET_METRICS,
    ConfusionMatrix,
    class_accuracy,
    class_iou,
    confusion_matrix,
    frequency_weighted_iou,
    pixel_accuracy,
)
from subband.metrics.detection import DETECTION_METRICS, Boxes, coco_scores, performance_under_corruption
from subband.metrics.overlap import mean_dice, mean_iou
from subband.metrics.partition import adjusted_rand_index, average_precision_dsb2018, variation_of_information
from subband.metrics.robustness import (
    ALEXNET_CLEAN_ERROR,
    ALEXNET_ERRORS,
    GROUPS,
    ROBUSTNESS_METRICS,
    RobustnessSummary,
    corruption_summary,
    mean_corruption_error,
    relative_mean_corruption_error,
)
from subband.metrics.surface import hausdorff_distance
from subband.metrics.table import METRICS, Metric, segmentation_metrics
from subband.metrics.topology import betti_errors, betti_numbers, cldice_score, even_lines

__all__ = [
    "ALEXNET_CLEAN_ERROR",
    "ALEXNET_ERRORS",
    "DETECTION_METRICS",
    "GROUPS",
    "METRICS",
    "ROBUSTNESS_METRICS",
    "SET_METRICS",
    "Boxes",
    "ConfusionMatrix",
    "Metric",
    "RobustnessSummary",
    "UniformClassification",
    "UniformResult",
    "adjusted_rand_index",
    "average_precision_dsb2018",
    "betti_errors",
    "betti_numbers",
    "class_accuracy",
    "class_iou",
    "class_wise_accuracy",
    "cldice_score",
    "coco_scores",
    "confusion_matrix",
    "corruption_summary",
    "even_lines",
    "frequency_weighted_iou",
    "hausdorff_distance",
    "mean_corruption_error",
    "mean_dice",
    "mean_iou",
    "performance_under_corruption",
    "pixel_accuracy",
    "relative_mean_corruption_error",
    "sample_wise_accuracy",
    "segmentation_metrics",
    "uniform_accuracy",
    "variation_of_information",
]
