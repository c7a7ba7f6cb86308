"""Growth of what is computed beside the training: weight maps, metrics, thresholds, trees, components."""

import tempfile
from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from scipy import ndimage
from skimage.metrics import variation_of_information as skimage_vi

from _cells import membranes, predicted
from _curve import Curve, numpy_peak
from _fit import n_log_n
from common import require_close
from subband.data.synthetic_neurons import SyntheticNeurons
from subband.maps import unet_weight_map
from subband.metrics import segmentation_metrics
from subband.metrics.classification import UniformClassification
from subband.tasks.label_volume import label_volume
from subband.tracing import trace, trace_report

SIDES = (256, 512, 1024, 2048)
CELL = 50**2  # pixels of a cell
REGIONS = ("VI", "ARI", "mAP")
EDGE = 32  # voxels along a block


def maps_and_metrics() -> Iterator[Curve]:
    """The U-Net's weight map and the metrics of regions; the cells grow in number with the pixels."""
    masks = {side**2: membranes(side, side**2 // CELL) for side in SIDES}
    small = masks[min(masks)]
    labels, count = ndimage.label(small == 0)
    near = np.sort([ndimage.distance_transform_edt(labels != index) for index in range(1, count + 1)], axis=0)
    expected = 10 * np.exp(-(near[:2].sum(0) ** 2) / 50) * small
    require_close("U-Net map", torch.tensor(unet_weight_map(small)), torch.tensor(expected), 1e-5)
    pairs = {pixels: (predicted(mask), mask) for pixels, mask in masks.items()}
    found = [ndimage.label(one == 0)[0] for one in reversed(pairs[min(masks)])]
    vi = segmentation_metrics(*pairs[min(masks)], names=REGIONS)["VI"]
    require_close("VI", torch.tensor(vi), torch.tensor(sum(skimage_vi(*found, ignore_labels=[0]))), 1e-9)
    maps = {pixels: partial(unet_weight_map, mask) for pixels, mask in masks.items()}
    metrics = {pixels: partial(segmentation_metrics, *pair, names=REGIONS) for pixels, pair in pairs.items()}
    yield Curve("U-Net weight map", "pixels", maps, peak=numpy_peak)
    yield Curve("VI, ARI and mAP", "pixels", metrics, peak=numpy_peak)


def threshold() -> Curve:
    """The exact uniform threshold and that of each of ten classes, of kept scores."""
    rng, cases = np.random.default_rng(20261), {}
    for samples in (20_000, 80_000, 320_000, 1_280_000):
        labels = rng.integers(0, 10, samples)
        scores = rng.normal(size=(samples, 10)).astype(np.float32)
        scores[np.arange(samples), labels] += 2
        kept = UniformClassification.of(scores, labels)
        if not cases:
            best, own = kept.result(), scores[np.arange(samples), labels]
            scores[np.arange(samples), labels] = -np.inf
            tried = ((scores.max(1) < own[:500, None]) & (own[:500, None] <= own)).mean(1)
            if not tried.max() <= best.uniform == kept.accuracy_at(best.threshold):
                raise SystemExit("the uniform threshold is not the best; nothing was timed")
        cases[samples] = kept.result
    return Curve("uniform threshold", "samples", cases, n_log_n, "n log n", numpy_peak)


def tracing() -> Curve:
    """A neuron of its own in each volume."""
    shapes = [(32, 96, 96), (40, 121, 121), (51, 152, 152), (64, 192, 192)]
    volumes = [SyntheticNeurons(1, shape)[0] for shape in shapes]
    found = [trace_report(volume.image) for volume in volumes]
    length = found[0].tree.length / volumes[0].tree.length
    if not 0.5 < length < 1.5:
        raise SystemExit(f"the trace has {length:.2f} of the neuron's length; nothing was timed")
    cases = {volume.image.size: partial(trace, volume.image) for volume in volumes}
    bright = 100 * found[-1].voxels / volumes[-1].image.size
    return Curve(f"tracing, {bright:.1f} % of the voxels bright", "voxels", cases, peak=numpy_peak)


def components() -> Curve:
    """Connected components of a mask on disk, block by block."""
    rng, cases = np.random.default_rng(20261), {}
    for blocks in ((1, 2, 2), (2, 2, 2), (2, 2, 4), (2, 4, 4)):
        mask = ndimage.gaussian_filter(rng.normal(size=[EDGE * n for n in blocks]), 2) > 0.03
        if not cases:
            whole = np.bincount(ndimage.label(mask, np.ones((3, 3, 3)))[0].ravel())[1:]
            if not np.array_equal(np.sort(whole)[::-1], label_blocks(mask)):
                raise SystemExit("components by blocks are not those of the whole volume; nothing was timed")
        cases[int(np.prod(blocks))] = partial(label_blocks, mask)
    return Curve(f"components, blocks of {EDGE}^3", "blocks", cases, peak=numpy_peak)


def label_blocks(mask: np.ndarray) -> np.ndarray:
    """Sizes of the components."""
    with tempfile.TemporaryDirectory() as folder:
        return label_volume(mask, f"{folder}/labels.zarr", block=(EDGE,) * 3)


def data() -> Iterator[Curve]:
    """All of these; each is drawn when the one before is done."""
    yield from maps_and_metrics()
    yield threshold()
    yield tracing()
    yield components()
