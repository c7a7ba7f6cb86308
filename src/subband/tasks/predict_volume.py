"""Segmentation of a volume of any size by a network, block by block."""

import copy
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from subband._check import one_of, positive
from subband.data.block_source import Source, fingerprint, open_source, spacing_of
from subband.data.block_store import open_block_store
from subband.data.blocks import CUBE, Block, cut, grid, merge_blended, merge_union, windows_over
from subband.data.lazy_volume import Sliced
from subband.tasks.block_run import BlocksDone, Progress, check_source, halo_of, run_tasks

Merge = Literal["crop", "blend", "union"]
Output = Literal["labels", "probability"]


@dataclass(frozen=True, eq=False)
class VolumeModel:
    r"""A network with what it needs to label a volume: grey values scaled as in training, and how blocks are merged.

    The network sees :math:`((v - a) / (b - a) - m) / s` of a voxel v.

    Args:
        model: (1, 1, z, y, x) to logits (1, C, z, y, x); one channel is the foreground of two classes.
        levels: Grey values a and b that become 0 and 1; None takes the range of an integer type, 0 and 1 of another.
        mean: m, after scaling. The authors' is 0.0297203, of NeuCuDa.
        deviation: s, after scaling. The authors' is 0.0421947.
        merge: ``crop`` looks at each block with the halo around it and keeps the block. ``blend`` looks at cubes that
            overlap by the halo, and takes the mean of probabilities that `subband.data.blocks.merge_blended` gives;
            ``union`` the voxels that any of them labels, as the authors do. These two compute the cubes that two blocks
            share in both, and give the same bits whatever the blocks; use blocks of several cubes.
        cube: Voxels of a cube, for ``blend`` and ``union``.
        output: ``labels``, the class of each voxel (for ``union`` 0 or 1), or ``probability``, 255 times that of
            being no background.

    Raises:
        ValueError: If an option is out of range or unknown, or there is no union of probabilities.
    """

    model: nn.Module
    levels: tuple[float, float] | None = None
    mean: float = 0.0
    deviation: float = 1.0
    merge: Merge = "crop"
    cube: tuple[int, int, int] = CUBE
    output: Output = "labels"

    def __post_init__(self) -> None:
        one_of("merge", self.merge, get_args(Merge))
        one_of("output", self.output, get_args(Output))
        positive(deviation=self.deviation)
        if self.levels is not None and not self.levels[0] < self.levels[1]:
            raise ValueError(f"levels are {self.levels}, but must be two grey values in order")
        if self.merge == "union" and self.output == "probability":
            raise ValueError("a union is of labels and has no probability; give merge='blend' or output='labels'")

    def settings(self) -> dict[str, Any]:
        """All that its labels depend on, the weights by a hash."""
        digest = hashlib.sha256(repr(self.model).encode())
        for name, value in sorted(self.model.state_dict().items()):
            digest.update(name.encode() + value.detach().cpu().numpy().tobytes())
        options: dict[str, Any] = {"network": digest.hexdigest()[:16], "merge": self.merge, "output": self.output}
        options |= {"levels": self.levels, "mean": self.mean, "deviation": self.deviation}
        return options if self.merge == "crop" else options | {"cube": self.cube}

    def frozen(self) -> "VolumeModel":
        """The same with a copy of the network that is in evaluation mode."""
        return replace(self, model=copy.deepcopy(self.model).eval())

    def logits(self, voxels: NDArray[Any]) -> torch.Tensor:
        """Logits (C, z, y, x) of grey values (z, y, x)."""
        place = next(self.model.parameters(), torch.zeros(()))
        low, high = self._levels(voxels.dtype)
        scaled = torch.from_numpy(np.asarray(voxels, np.float32)).to(place.device)
        scaled = ((scaled - low) / (high - low) - self.mean) / self.deviation
        with torch.inference_mode():
            found: torch.Tensor = self.model(scaled[None, None].to(place.dtype))[0].float()
        if tuple(found.shape[1:]) != voxels.shape:
            raise ValueError(f"the network made {tuple(found.shape[1:])} of {voxels.shape} voxels; sizes must stay")
        return found

    def probabilities(self, voxels: NDArray[Any]) -> NDArray[np.float32]:
        """Probability (C, z, y, x) of each class, of the foreground alone where the network has one channel."""
        found = self.logits(voxels)
        values: NDArray[np.float32] = (found.sigmoid() if len(found) == 1 else found.softmax(0)).cpu().numpy()
        return values

    def labels(self, voxels: NDArray[Any]) -> NDArray[np.uint8]:
        """Class (z, y, x) of each voxel."""
        found = self.logits(voxels)
        values = found[0] > 0 if len(found) == 1 else found.argmax(0)
        return values.to(torch.uint8).cpu().numpy()

    def told(self, probability: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The output for probabilities (C, z, y, x)."""
        single = len(probability) == 1
        if self.output == "probability":
            return np.asarray(np.rint(255 * (probability[0] if single else 1 - probability[0])), np.uint8)
        return np.asarray(probability[0] > 0.5 if single else probability.argmax(0), np.uint8)

    def _levels(self, dtype: np.dtype[Any]) -> tuple[float, float]:
        if self.levels is not None:
            return self.levels
        return (0.0, float(np.iinfo(dtype).max)) if dtype.kind in "iu" else (0.0, 1.0)


@dataclass(frozen=True, eq=False)
class _Segment:
    """Labels of one block."""

    model: VolumeModel
    source: Source
    halo: tuple[int, int, int]

    def __call__(self, block: Block) -> NDArray[np.uint8]:
        volume, model = open_source(self.source), self.model
        if model.merge == "crop":
            seen = block.grown(self.halo, volume.shape)
            voxels = np.asarray(volume[seen.slices])
            labels = model.labels(voxels) if model.output == "labels" else model.told(model.probabilities(voxels))
            return labels[block.within(seen)]
        cubes = self._cubes(volume, block)
        if model.merge == "union":
            return merge_union(((cube, model.labels(voxels)) for cube, voxels in cubes), block).astype(np.uint8)
        return model.told(merge_blended(((cube, model.probabilities(voxels)) for cube, voxels in cubes), block))

    def _cubes(self, volume: Sliced, block: Block) -> Iterator[tuple[Block, NDArray[Any]]]:
        step = [size - overlap for size, overlap in zip(self.model.cube, self.halo, strict=True)]
        for cube in windows_over(block, volume.shape, self.model.cube, step):
            yield cube, cut(volume, cube)


def segment_volume(
    model: nn.Module | VolumeModel,
    source: Source,
    target: str | os.PathLike[str],
    *,
    block: Sequence[int] = (64, 128, 128),
    halo: int | Sequence[int] = (16, 32, 32),
    scheduler: str = "serial",
    workers: int = 2,
    shard: tuple[int, int] = (0, 1),
    progress: Progress | None = None,
) -> BlocksDone:
    """Label a volume of any size with a network and write uint8 labels to OME-Zarr; goes on where it stopped.

    Memory holds the logits of one block or cube for each worker, whatever the volume. With ``crop``, take multiples of
    the network's coarsest cell (16 voxels for five levels) for block and halo: then its grid lies as on the whole
    volume, and a halo as large as its receptive field gives the labels of the whole volume but for float rounding,
    which depends on how the sums of a size of block are ordered.

    Args:
        model: Network, or a `VolumeModel` that says how grey values are scaled and blocks are merged.
        source: File or Zarr store, or an array for ``serial`` and ``threads``.
        target: OME-Zarr volume to write, or to go on with.
        block: Voxels of a block: what is written as one file.
        halo: Voxels (z, y, x) around a block that the network sees too, or that cubes overlap by.
        scheduler: As in `subband.tasks.block_run.run_blocks`.
        workers: Threads or processes.
        shard: (i, n) does every n-th block from i on.
        progress: Called with the number of finished blocks and of all.

    Returns:
        How many blocks were there and how many were written.

    Raises:
        ValueError: If an option is out of range, the target belongs to another input or other settings, or is damaged.
        RuntimeError: If workers died; what they finished is kept.
        ImportError: If zarr or Dask is not installed.

    Source:
        LiQiufu/3D-WaveUNet: cubes, a quarter overlap and their union. Blending, cropping and all of the rest are ours.
    """
    segment = _prepared(model, source, halo)
    check_source(source, scheduler)
    spacing, unit = spacing_of(source)
    settings = {"source": fingerprint(source), "halo": segment.halo, **segment.model.settings()}
    shape = open_source(source).shape
    store = open_block_store(target, shape, block=block, settings=settings, spacing=spacing, unit=unit)
    return run_tasks(segment, store, scheduler=scheduler, workers=workers, shard=shard, progress=progress)


def segment_array(
    model: nn.Module | VolumeModel,
    volume: Sliced,
    *,
    block: Sequence[int] = (64, 128, 128),
    halo: int | Sequence[int] = (16, 32, 32),
) -> NDArray[np.uint8]:
    """`segment_volume` of a volume in memory, without a file.

    Returns:
        Labels or probabilities (Z, Y, X), uint8.

    Raises:
        ValueError: If an option is out of range.

    Example:
        >>> model = nn.Conv3d(1, 2, 1)
        >>> segment_array(model, np.zeros((5, 6, 7), np.uint8), block=(4, 4, 4)).shape
        (5, 6, 7)
    """
    segment = _prepared(model, volume, halo)
    labels = np.zeros(volume.shape, np.uint8)
    for place in grid(volume.shape, block):
        labels[place.slices] = segment(place)
    return labels


def _prepared(model: nn.Module | VolumeModel, source: Source, halo: int | Sequence[int]) -> _Segment:
    known = model if isinstance(model, VolumeModel) else VolumeModel(model)
    overlap = halo_of(halo)
    if known.merge != "crop" and any(h >= size for h, size in zip(overlap, known.cube, strict=True)):
        raise ValueError(f"halo is {overlap}, but cubes of {known.cube} must overlap by less than their size")
    return _Segment(known.frozen(), source, overlap)
