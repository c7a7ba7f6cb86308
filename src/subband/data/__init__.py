"""Data: samples, readers, splits, training crops, tiled prediction, synthetic images."""

from subband.data.augment import Augment
from subband.data.box_set import BoxSet
from subband.data.boxes import BoxSample, BoxSamples
from subband.data.check import check_samples
from subband.data.class_sample import ClassReader, ClassSample, ClassSamples
from subband.data.class_stream import ClassImages, ClassStream
from subband.data.classes import class_names, palette
from subband.data.face_alignment import align_face, five_points
from subband.data.pairs import Pairs, identity_split, pairs_of
from subband.data.prepare import prepare
from subband.data.sample import VOID, Reader, Sample, Samples, statistics
from subband.data.splits import Split, folds, given_split, holdout, load_splits, save_splits
from subband.data.stream import CropStream, WholeImages
from subband.data.synthetic import Synthetic
from subband.data.synthetic_classes import SyntheticClasses
from subband.data.synthetic_faces import SyntheticFaces
from subband.data.synthetic_shapes import Shapes
from subband.data.tiles import predict_tiled

__all__ = [
    "VOID",
    "Augment",
    "BoxSample",
    "BoxSamples",
    "BoxSet",
    "ClassImages",
    "ClassReader",
    "ClassSample",
    "ClassSamples",
    "ClassStream",
    "CropStream",
    "Pairs",
    "Reader",
    "Sample",
    "Samples",
    "Shapes",
    "Split",
    "Synthetic",
    "SyntheticClasses",
    "SyntheticFaces",
    "WholeImages",
    "align_face",
    "check_samples",
    "class_names",
    "five_points",
    "folds",
    "given_split",
    "holdout",
    "identity_split",
    "load_splits",
    "pairs_of",
    "palette",
    "predict_tiled",
    "prepare",
    "save_splits",
    "statistics",
]
