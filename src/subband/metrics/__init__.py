"""How good a prediction is."""

from subband.metrics._peaks import channel_peaks
from subband.metrics.all_to_all import AllToAll, all_to_all
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
from subband.metrics.explain import (
    channel_part_agreement,
    channel_part_matrix,
    location_instability,
    part_iou,
    peak_deviation,
    peak_spreadness,
)
from subband.metrics.identification import Identification, identification, joined_identification
from subband.metrics.ijb import Templates, pool_templates
from subband.metrics.jacobian import folding_percentage, jacobian_determinant, sd_log_jacobian
from subband.metrics.megaface import MegaFace, megaface, rank_one
from subband.metrics.neurons import NeuronDistances, length_precision, length_recall, neuron_distances
from subband.metrics.overlap import mean_dice, mean_iou
from subband.metrics.partition import adjusted_rand_index, average_precision_dsb2018, variation_of_information
from subband.metrics.registration import (
    SurfaceDistance,
    dice_per_structure,
    surface_distances,
    target_registration_error,
)
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
from subband.metrics.roc import OperatingPoint, Roc, most_accurate_point, point_at, roc_curve
from subband.metrics.surface import hausdorff_distance
from subband.metrics.table import METRICS, Metric, segmentation_metrics
from subband.metrics.topology import betti_errors, betti_numbers, cldice_score, even_lines
from subband.metrics.verification import (
    FoldAccuracy,
    equal_error_point,
    equal_error_rate,
    operating_point,
    tar_at_far,
    ten_fold,
    verification_accuracy,
)
from subband.metrics.verification_summary import VerificationSummary, verification_summary

__all__ = [
    "ALEXNET_CLEAN_ERROR",
    "ALEXNET_ERRORS",
    "DETECTION_METRICS",
    "GROUPS",
    "METRICS",
    "ROBUSTNESS_METRICS",
    "SET_METRICS",
    "AllToAll",
    "Boxes",
    "ConfusionMatrix",
    "FoldAccuracy",
    "Identification",
    "MegaFace",
    "Metric",
    "NeuronDistances",
    "OperatingPoint",
    "RobustnessSummary",
    "Roc",
    "SurfaceDistance",
    "Templates",
    "UniformClassification",
    "UniformResult",
    "VerificationSummary",
    "adjusted_rand_index",
    "all_to_all",
    "average_precision_dsb2018",
    "betti_errors",
    "betti_numbers",
    "channel_part_agreement",
    "channel_part_matrix",
    "channel_peaks",
    "class_accuracy",
    "class_iou",
    "class_wise_accuracy",
    "cldice_score",
    "coco_scores",
    "confusion_matrix",
    "corruption_summary",
    "dice_per_structure",
    "equal_error_point",
    "equal_error_rate",
    "even_lines",
    "folding_percentage",
    "frequency_weighted_iou",
    "hausdorff_distance",
    "identification",
    "jacobian_determinant",
    "joined_identification",
    "length_precision",
    "length_recall",
    "location_instability",
    "mean_corruption_error",
    "mean_dice",
    "mean_iou",
    "megaface",
    "most_accurate_point",
    "neuron_distances",
    "operating_point",
    "part_iou",
    "peak_deviation",
    "peak_spreadness",
    "performance_under_corruption",
    "pixel_accuracy",
    "point_at",
    "pool_templates",
    "rank_one",
    "relative_mean_corruption_error",
    "roc_curve",
    "sample_wise_accuracy",
    "sd_log_jacobian",
    "segmentation_metrics",
    "surface_distances",
    "tar_at_far",
    "target_registration_error",
    "ten_fold",
    "uniform_accuracy",
    "variation_of_information",
    "verification_accuracy",
    "verification_summary",
]
