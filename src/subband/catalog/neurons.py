"""Names of neurons in 3-D: networks, what needs none, sets of volumes."""

from collections.abc import Mapping
from typing import Any

from subband.catalog.entry import Entry

_PAPER = "Li et al., 3D WaveUNet, 2022 (arXiv:2106.00259)"
_CODE = "LiQiufu/3D-WaveUNet"
_VAA3D = "Peng et al., V3D, 2010"
_DIADEM = "after Gillette et al., DIADEM, 2011"


def _network(name: str, label: str, line: str, options: Mapping[str, Any], source: str = _PAPER) -> Entry:
    return Entry("neuron-model", name, "subband.models.wave_unet3d:WaveUNet3d", line, source, options, label)


def _set(name: str, target: str, line: str, source: str) -> Entry:
    return Entry("neuron-dataset", name, "subband.data." + target, line, source)


def _metric(name: str, target: str, line: str, source: str) -> Entry:
    return Entry("metric", name, "subband.metrics:" + target, line, source)


ENTRIES: tuple[Entry, ...] = (
    _network(
        "neuron-segnet",
        "SegNet 3-D",
        "max-pool, values back to their places",
        {"down": "max", "up": "unpool", "skip": "none"},
    ),
    _network("neuron-unet-v1", "U-Net V1", "max-pool, one voxel in eight back", {"down": "max", "up": "transposed"}),
    _network("neuron-unet-v2", "U-Net V2", "strided convolution, interpolation", {"down": "conv", "up": "linear"}),
    _network("neuron-unet", "U-Net", "max-pool, interpolation", {"down": "max", "up": "linear"}, "ours"),
    _network("neuron-wavesnet-v1", "WaveSNet V1", "low band, interpolation", {"down": "low-pass", "up": "linear"}),
    _network(
        "neuron-wavesnet-v2",
        "WaveSNet V2",
        "low band, one voxel in eight",
        {"down": "low-pass", "up": "transposed"},
        _CODE,
    ),
    _network("neuron-wavesnet-v3", "WaveSNet V3", "transform and inverse", {"down": "wavelet", "up": "wavelet"}),
    _network(
        "wave-unet3d",
        "3D WaveUNet",
        "WaveSNet V4: transform and inverse, small details set to zero",
        {"down": "wavelet", "up": "wavelet", "threshold": 0.25},
    ),
    Entry(
        "neuron-model",
        "threshold",
        "subband.tasks.neuron_threshold:GreyThreshold",
        "no network: voxels above Otsu's threshold",
        "Otsu, 1979",
        label="threshold",
    ),
    Entry(
        "neuron-model",
        "tracer",
        "subband.tasks.neuron_threshold:TracerForeground",
        "no network: what the tracer takes for fibre by itself",
        "ours",
        label="tracer alone",
    ),
    _metric("ESA", "neuron_distances", "mean distance of two trees, both ways", _VAA3D),
    _metric("DSA", "neuron_distances", "the same where they are 2 voxels or more apart", _VAA3D),
    _metric("PDS", "neuron_distances", "part of both trees that is 2 voxels or more apart", _VAA3D),
    _metric("length-recall", "length_recall", "length of the true tree that the trace meets", _DIADEM),
    _metric("length-precision", "length_precision", "length of the trace that meets the true tree", _DIADEM),
    _set("neuron-folder", "readers.neuron_folder:NeuronFolder", "volumes with SWC files", "BigNeuron, NeuCuDa"),
    _set("synthetic-neurons", "synthetic_neurons:SyntheticNeurons", "grown trees, broken and noisy", "ours, seeded"),
)
