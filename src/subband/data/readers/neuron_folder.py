"""Neuron volumes with SWC files, in one folder or one folder for each neuron."""

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subband._check import positive
from subband.data.images import as_image, held
from subband.data.neuron_sample import NeuronReader, NeuronSample
from subband.data.readers._neuron_files import NeuronFiles, list_neurons
from subband.data.sample import FloatImage, Mask, by
from subband.data.swc import read_swc
from subband.data.volume_file import read_volume
from subband.transforms.rasterize import rasterize
from subband.transforms.tree import Tree, scale

PART = r"(.+?)(?:_\d+)?"
"""Names ``000020_0`` and ``000020_1`` are parts of the neuron ``000020``."""


class NeuronFolder(NeuronReader):
    """Volumes with the trees that were traced in them.

    Either a folder of volumes beside SWC files of the same name (``a.tif``, ``a.swc``), or one folder for each sample,
    with its volume, or a folder ``image`` of slices, and its SWC file. A file ``labels`` in a sample's folder (what
    `subband.data.prepare_neurons` writes) holds the voxels of the neuron; without one they are the balls of the tree,
    see `subband.transforms.rasterize`.

    Args:
        root: Folder of the files.
        flip_y: The SWC files count y from the last row, as the authors' do; coordinates below 0 become 0 then.
        physical: The SWC files are in the unit of the volume's spacing, not in voxels.
        radius: Radius of all nodes, in voxels, where the trees have none; None takes those of the trees.
        channel: Channel of volumes that have several.
        neuron: Regular expression of the names, whose first group is the neuron; the default takes a number after
            ``_`` for a part of one neuron. Parts of one neuron never lie on both sides of a split.

    Raises:
        ValueError: If there is no such folder, it holds no volume with an SWC file, or a file is one of several that
            could be meant; from an index, if the tree does not fit the volume, or has no radii.

    Source:
        BigNeuron and NeuCuDa (LiQiufu/3D-WaveUNet): a folder for each neuron.

    Example:
        >>> NeuronFolder("neurons")
        Traceback (most recent call last):
        ValueError: there is no folder neurons
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        flip_y: bool = False,
        physical: bool = False,
        radius: float | None = None,
        channel: int | None = None,
        neuron: str = PART,
    ) -> None:
        if radius is not None:
            positive(radius=radius)
        folder = Path(root)
        if not folder.is_dir():
            raise ValueError(f"there is no folder {folder}")
        self.files = list_neurons(folder)
        if not self.files:
            raise ValueError(
                f"{folder} holds no volume with an SWC file ({held(folder)}); expected pairs such as a.tif and a.swc, "
                "or a folder with both for each neuron"
            )
        self.flip_y, self.physical, self.radius, self.channel = flip_y, physical, radius, channel
        names = [files.name for files in self.files]
        super().__init__(names, neurons=[_neuron_of(name, neuron) for name in names])

    def read(self, index: int) -> NeuronSample:
        """Read one volume, its tree and its labels."""
        files = self.files[index]
        volume = read_volume(files.volume, channel=self.channel)
        tree = None if files.tree is None else self._tree(files.tree, volume.array.shape, volume.spacing)
        image = grey(volume.array, str(files.volume))
        return NeuronSample(
            files.name, image, _labels(files, tree, image.shape), tree, volume.spacing, self.neurons[index]
        )

    def _tree(self, path: Path, shape: tuple[int, ...], spacing: tuple[float, float, float]) -> Tree:
        tree = read_swc(path)
        if self.physical:
            tree = scale(tree, [1 / length for length in spacing])
        if self.flip_y:
            tree = replace(tree, positions=np.maximum(tree.positions * (1, -1, 1) + (0, shape[1] - 1, 0), 0))
        if self.radius is not None:
            return replace(tree, radii=np.full(len(tree), self.radius))
        if not tree.radii.any():
            raise ValueError(f"{path}: every radius is 0, so no voxel can be labelled; give one radius for all nodes")
        return tree


def grey(array: NDArray[Any], name: str) -> FloatImage:
    """Stored voxels (Z, Y, X) as float32 in [0, 1]: 8-bit values by 255, 16-bit ones by 65535.

    Raises:
        ValueError: If a value is out of range.
    """
    plane = as_image(array.reshape(len(array), -1), name)
    return plane.reshape(array.shape)


def _labels(files: NeuronFiles, tree: Tree | None, shape: tuple[int, ...]) -> Mask:
    if files.labels is not None:
        found = read_volume(files.labels).array
        if found.shape != shape:
            raise ValueError(
                f"{files.labels} is {by(found.shape)} voxels, but {files.volume.name} is {by(shape)}; "
                "give both the same size"
            )
        return np.asarray(found != 0, np.uint8)
    assert tree is not None  # list_neurons takes no volume without either
    labels = rasterize(tree, shape).astype(np.uint8)
    if not labels.any():
        low, high = (np.rint(edge).astype(int).tolist() for edge in (tree.positions.min(0), tree.positions.max(0)))
        raise ValueError(
            f"{files.tree} lies at {low} to {high} (z, y, x), outside {files.volume.name} of {by(shape)} voxels; "
            "check that both belong together, and the unit (physical) and direction (flip_y) of the coordinates"
        )
    return labels


def _neuron_of(name: str, pattern: str) -> str:
    match = re.fullmatch(pattern, name)
    if match is None or not match.groups():
        raise ValueError(f"neuron is {pattern!r}, which finds no neuron in the name {name!r}; it needs one group")
    return str(match[1])
