"""Data: samples, readers, splits, training crops, tiled prediction, synthetic images."""

from subband.data.augment import Augment
from subband.data.prepare import prepare
from subband.data.sample import Reader, Sample, Samples, check_samples, statistics
from subband.data.splits import Split, folds, holdout, load_splits, save_splits
from subband.data.stream import CropStream, WholeImages
from subband.data.synthetic import Synthetic
from subband.data.tiles import predict_tiled

__all__ = [
    "Augment",
    "CropStream",
    "Reader",
    "Sample",
    "Samples",
    "Split",
    "Synthetic",
    "WholeImages",
    "check_samples",
    "folds",
    "holdout",
    "load_splits",
    "predict_tiled",
    "prepare",
    "save_splits",
    "statistics",
]
