"""A neuron segmented, traced and scored."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from subband.config import Neurons
from subband.data.neuron_sample import NeuronSample
from subband.metrics.neuron_table import neuron_metrics
from subband.report.neuron_views import NeuronView, project
from subband.tasks.neuron_threshold import GreyThreshold, TracerForeground
from subband.tasks.predict_volume import VolumeModel, segment_array
from subband.tracing.trace import trace
from subband.transforms.tree import Tree

Grey = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Traced:
    """What a method finds in a volume.

    Attributes:
        mask: Voxels of the neuron (Z, Y, X), uint8.
        tree: Tree of the grey image within the mask; None where it failed.
        why: Why it failed, in a few words.
        seconds: Time of both.
    """

    mask: NDArray[np.uint8]
    tree: Tree | None
    why: str
    seconds: float


@dataclass(frozen=True)
class Normalisation:
    """Mean and deviation of the grey values that a network was trained with."""

    mean: float = 0.0
    std: float = 1.0


def segment(model: nn.Module, image: Grey, normal: Normalisation, asked: Neurons) -> NDArray[np.uint8]:
    """Voxels (Z, Y, X) of the neuron in a volume (Z, Y, X) in [0, 1]."""
    if isinstance(model, GreyThreshold):
        return model.segment(image)
    known = VolumeModel(model, mean=normal.mean, deviation=normal.std)
    return segment_array(known, image, block=asked.block, halo=asked.halo)


def trace_neuron(model: nn.Module, sample: NeuronSample, normal: Normalisation, asked: Neurons) -> Traced:
    """Segment a volume and trace the grey image within what was found, as the authors do."""
    start = time.perf_counter()
    mask = segment(model, sample.image, normal, asked)
    tree, why = grown(sample.image, None if isinstance(model, TracerForeground) else mask, sample, asked)
    return Traced(mask, tree, why, time.perf_counter() - start)


def grown(
    image: NDArray[Any], mask: NDArray[np.uint8] | None, sample: NeuronSample, asked: Neurons
) -> tuple[Tree | None, str]:
    """The tree of a mask, or of what the tracer finds without one; or None and why there is none."""
    if mask is not None and not mask.any():
        return None, "no voxel was found"
    given = asked.soma == "given" and sample.tree is not None and len(sample.tree) > 0
    soma = root_of(sample.tree) if given and sample.tree is not None else None
    try:
        tree = trace(
            image,
            mask=None if mask is None else mask.astype(bool),
            soma=soma,
            spacing=sample.spacing,
            gap=asked.gap,
            min_length=asked.min_length,
        )
    except ValueError as error:
        return None, str(error)
    return (tree, "") if len(tree) > 1 else (None, "the tree has less than two nodes")


def root_of(tree: Tree) -> tuple[float, float, float]:
    """Position (z, y, x) of the first root of a tree."""
    z, y, x = tree.positions[tree.roots[0]].tolist()
    return z, y, x


def score_neuron(
    model: nn.Module, sample: NeuronSample, normal: Normalisation, asked: Neurons
) -> tuple[Traced, dict[str, float]]:
    """What a method finds in a volume, and `subband.metrics.neuron_table.NEURON_METRICS`."""
    found = trace_neuron(model, sample, normal, asked)
    values = neuron_metrics(found.mask, sample.labels, found.tree, sample.tree, distance=asked.distance)
    return found, {**values, "seconds": found.seconds}


def view_of(sample: NeuronSample, tree: Tree | None) -> NeuronView:
    """What the report shows of a volume."""
    return NeuronView(
        sample.name, sample.image.shape, project([sample.image]), tree, sample.tree, tuple(sample.spacing)
    )


def validate(
    model: nn.Module, samples: Sequence[NeuronSample], normal: Normalisation, asked: Neurons
) -> dict[str, float]:
    """Mean IoU of both classes, of all voxels of the volumes together."""
    counts = np.zeros((2, 2), np.int64)
    for sample in samples:
        mask = segment(model, sample.image, normal, asked)
        counts += np.bincount(2 * sample.labels.ravel() + mask.ravel(), minlength=4).reshape(2, 2)
    either = counts.sum(0) + counts.sum(1) - counts.diagonal()
    iou = counts.diagonal() / np.maximum(either, 1)
    return {"mIoU": float(iou.mean())}
