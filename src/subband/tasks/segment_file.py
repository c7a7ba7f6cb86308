"""How the volume of a file is segmented: by a trained network, or by a threshold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband._slabs import slabs
from subband.data.lazy_volume import FileVolume
from subband.tasks.block_run import BlocksDone, run_blocks
from subband.tasks.neuron_threshold import GreyThreshold, TracerForeground
from subband.tasks.predict_volume import VolumeModel, segment_volume
from subband.tasks.trained_neurons import TrainedNeurons, trained_neurons
from subband.tracing.measure import REACH, Measured, measure

BLOCK = (64, 128, 128)
BINS = 256


@dataclass(frozen=True)
class Segmenter:
    """A segmentation of a file, block by block.

    Attributes:
        label: Its name within a sentence.
        about: What made it, for ``result.json``.
        run: Takes source and target, and ``scheduler``, ``workers``, ``shard`` and ``progress`` of `run_blocks`.
        measured: What was measured for a threshold; None for a network.
    """

    label: str
    about: dict[str, Any]
    run: Callable[..., BlocksDone]
    measured: Measured | None = None


class Above:
    """Voxels above a grey value.

    Args:
        measured: The value and how it is meant; it is part of the name, so that a segmentation with another one is not
            gone on with.
    """

    def __init__(self, measured: Measured) -> None:
        self.measured = measured
        self.__qualname__ = f"above {measured.threshold!r}{' when blurred' if measured.blur else ''}"

    def __call__(self, voxels: NDArray[Any]) -> NDArray[np.bool_]:
        """The mask of some voxels."""
        found: NDArray[np.bool_] = self.measured.grey(voxels) > self.measured.threshold
        return found


def segmenter_of(
    volume: FileVolume[Any],
    run: Path | None,
    threshold: float | None,
    *,
    block: Sequence[int] | None = None,
    halo: Sequence[int] | None = None,
) -> Segmenter:
    """A trained run, or a threshold.

    Args:
        volume: What is segmented.
        run: Run folder; None takes the threshold.
        threshold: Grey value of the file; None takes what `subband.tracing.measure` finds.
        block: Voxels (z, y, x) written at once; None takes those of the run.
        halo: Voxels around them that a network sees; None takes those of the run.

    Raises:
        ValueError: If the run cannot segment, there is a threshold too, or all voxels are alike.
    """
    if run is None:
        ends(volume.array)
        measured = measure(volume.array, threshold)
        margin = REACH if measured.blur else 0
        work = partial(run_blocks, Above(measured), block=tuple(block or BLOCK), halo=margin)
        label = f"the threshold {measured.threshold:.4g}{' of the blurred volume' if measured.blur else ''}"
        about = {"run": None, "threshold": measured.threshold, "blurred": measured.blur}
        return Segmenter(label, about, work, measured)
    if threshold is not None:
        raise ValueError("--threshold is for a segmentation without a network; leave --run or --threshold out")
    found = trained_neurons(run)
    asked = found.recipe.neurons
    if isinstance(found.model, GreyThreshold):
        level = None if isinstance(found.model, TracerForeground) else level_of(found, volume)
        return segmenter_of(volume, None, level, block=block or asked.block)
    model = VolumeModel(found.model, mean=found.normal.mean, deviation=found.normal.std)
    work = partial(segment_volume, model, block=tuple(block or asked.block), halo=tuple(halo or asked.halo))
    return Segmenter(f"the network {found.folder.name}", {"run": str(run), "threshold": None}, work)


def level_of(run: TrainedNeurons, volume: FileVolume[Any]) -> float:
    """The threshold of a run that learnt nothing, in grey values of a file."""
    level = getattr(run.model, "level", 0.0)
    kind = np.dtype(volume.array.dtype)
    return float(level * (np.iinfo(kind).max if kind.kind in "iu" else 1)) if level else volume_otsu(volume.array)


def volume_otsu(array: Any) -> float:
    """Otsu's threshold of a volume that is read in slabs, from a histogram of 256 bins.

    Raises:
        ValueError: If all voxels are alike, or one is not finite.
    """
    from skimage.filters import threshold_otsu

    counts, low_high = np.zeros(BINS, np.int64), ends(array)
    for slab in slabs(array):
        found, edges = np.histogram(slab, BINS, low_high)
        counts += found
    return float(threshold_otsu(hist=(counts, (edges[1:] + edges[:-1]) / 2)))  # type: ignore[no-untyped-call]


def ends(array: Any) -> tuple[float, float]:
    """Least and greatest voxel of a volume that is read in slabs.

    Raises:
        ValueError: If all voxels are alike, or one is not finite.
    """
    found = [(float(slab.min()), float(slab.max())) for slab in slabs(array)]
    low, high = min(low for low, _ in found), max(high for _, high in found)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("the volume holds voxels that are not finite; write it anew without them")
    if low == high:
        raise ValueError(f"all voxels of the volume are {low:g}, so there is nothing to trace; give another volume")
    return low, high
