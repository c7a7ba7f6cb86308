"""Data: samples, readers, splits, training crops, tiled prediction, synthetic images."""

from subband.data.affine import affine_field, affine_register
from subband.data.augment import Augment
from subband.data.block_source import VolumePath
from subband.data.block_store import BlockStore, open_block_store
from subband.data.blocks import Block, cut, merge_blended, merge_union, partition
from subband.data.box_set import BoxSet
from subband.data.boxes import BoxSample, BoxSamples
from subband.data.check import check_samples
from subband.data.check_volumes import affine_needed, check_pair, check_volumes
from subband.data.class_sample import ClassReader, ClassSample, ClassSamples
from subband.data.class_stream import ClassImages, ClassStream
from subband.data.classes import class_names, palette
from subband.data.common_grid import OnGrid, fit, onto
from subband.data.cubes import CubeStream
from subband.data.face_alignment import align_face, five_points
from subband.data.field_file import read_field, write_field
from subband.data.lazy_volume import FileVolume, LazyVolume
from subband.data.neuron_augment import NeuronAugment
from subband.data.neuron_sample import NeuronReader, NeuronSample, NeuronSamples
from subband.data.neuron_split import by_neuron
from subband.data.nifti import read_volume, write_nifti
from subband.data.ome_zarr import create_zarr, open_zarr, writable_zarr
from subband.data.pairs import Pairs, identity_split, pairs_of
from subband.data.phantoms import Phantoms
from subband.data.prepare import prepare
from subband.data.prepare_neurons import prepare_neurons
from subband.data.registration_pairs import atlas_to_subject, read_pairs, subject_to_subject
from subband.data.registration_sample import Volume, VolumeReader, Volumes
from subband.data.sample import VOID, Reader, Sample, Samples, statistics
from subband.data.splits import Split, folds, given_split, holdout, load_splits, save_splits
from subband.data.stream import CropStream, WholeImages
from subband.data.swc import check_swc, read_swc, write_swc
from subband.data.synthetic import Synthetic
from subband.data.synthetic_classes import SyntheticClasses
from subband.data.synthetic_faces import SyntheticFaces
from subband.data.synthetic_neurons import SyntheticNeurons
from subband.data.synthetic_shapes import Shapes
from subband.data.tiles import predict_tiled
from subband.data.volume_file import convert_volume, open_volume, write_volume

__all__ = [
    "VOID",
    "Augment",
    "Block",
    "BlockStore",
    "BoxSample",
    "BoxSamples",
    "BoxSet",
    "ClassImages",
    "ClassReader",
    "ClassSample",
    "ClassSamples",
    "ClassStream",
    "CropStream",
    "CubeStream",
    "FileVolume",
    "LazyVolume",
    "NeuronAugment",
    "NeuronReader",
    "NeuronSample",
    "NeuronSamples",
    "OnGrid",
    "Pairs",
    "Phantoms",
    "Reader",
    "Sample",
    "Samples",
    "Shapes",
    "Split",
    "Synthetic",
    "SyntheticClasses",
    "SyntheticFaces",
    "SyntheticNeurons",
    "Volume",
    "VolumePath",
    "VolumeReader",
    "Volumes",
    "WholeImages",
    "affine_field",
    "affine_needed",
    "affine_register",
    "align_face",
    "atlas_to_subject",
    "by_neuron",
    "check_pair",
    "check_samples",
    "check_swc",
    "check_volumes",
    "class_names",
    "convert_volume",
    "create_zarr",
    "cut",
    "fit",
    "five_points",
    "folds",
    "given_split",
    "holdout",
    "identity_split",
    "load_splits",
    "merge_blended",
    "merge_union",
    "onto",
    "open_block_store",
    "open_volume",
    "open_zarr",
    "pairs_of",
    "palette",
    "partition",
    "predict_tiled",
    "prepare",
    "prepare_neurons",
    "read_field",
    "read_pairs",
    "read_swc",
    "read_volume",
    "save_splits",
    "statistics",
    "subject_to_subject",
    "writable_zarr",
    "write_field",
    "write_nifti",
    "write_swc",
    "write_volume",
]
