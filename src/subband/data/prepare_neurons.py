"""The authors' production of training volumes, as folders that `NeuronFolder` reads."""

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from subband._files import write_json
from subband.data.cube_places import CUBE, cube_counts
from subband.data.neuron_production import (
    LONGEST,
    MARGIN,
    add_noise,
    crop_to_tree,
    resize_nearest,
    smaller_shape,
)
from subband.data.neuron_sample import NeuronSample, NeuronSamples
from subband.data.sample import FloatImage, eight_bit, pooled
from subband.data.swc import write_swc
from subband.data.volume_file import write_volume
from subband.transforms.rasterize import rasterize


def prepare_neurons(
    samples: NeuronSamples,
    target: str | os.PathLike[str],
    *,
    margin: Sequence[int] = MARGIN,
    longest: int = LONGEST,
    noisy: Collection[str] = (),
    seed: int = 0,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write ``NAME/image.tif``, ``NAME/labels.tif``, ``NAME/tree.swc`` and ``dataset.json`` below ``target``.

    Each volume is cut to its tree with a margin, made smaller if it is larger than ``longest``, and labelled by the
    balls of the tree. One volume is in memory at a time.

    Args:
        samples: Volumes with trees, such as `subband.data.readers.NeuronFolder`.
        target: Folder to write.
        margin: Voxels around the tree along (z, y, x).
        longest: Longest side that a volume keeps, in voxels.
        noisy: Names of the volumes that get Gaussian noise of variance 0.01.
        seed: Seed of the noise.
        overwrite: Write over what ``target`` holds.
        progress: Called with the number of volumes done and of all.

    Returns:
        What ``dataset.json`` holds: ``set``, ``n``, ``names``, ``neurons``, ``sizes`` (z, y, x), ``starts`` (first
        voxel in the given volume), ``foreground`` (part of the voxels), ``cubes`` (of 32 x 128 x 128 in an epoch),
        ``mean`` and ``std`` (of the grey values in [0, 1]), ``seed``.

    Raises:
        ValueError: If a volume has no tree or does not fit it, or ``noisy`` names none.
        FileExistsError: If ``target`` is not empty and ``overwrite`` is not given.
        OSError: If a file cannot be written; no file is left half-written.

    Source:
        LiQiufu/3D-WaveUNet, ``preprocess``: the production of NeuCuDa. Ours: TIFF instead of JPEG; cubes are drawn
        when they train (`subband.data.cubes.CubeStream`). The authors' lists of noisy images and of regions that were
        cut away are not published.
    """
    folder = Path(target)
    if not overwrite and folder.is_dir() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; choose another target, or overwrite")
    unknown = sorted(set(noisy) - set(samples.names))
    if unknown:
        raise ValueError(f"noisy names {unknown[0]!r}, which is not among the {len(samples)} volumes")
    facts: list[dict[str, Any]] = []
    for index in range(len(samples)):
        given = samples[index]
        made, start = produced(given, margin=margin, longest=longest)
        if given.name in noisy:
            image = add_noise(np.random.default_rng([seed, index]), made.image)
            made = replace(made, image=image)
        _write(folder / made.name, made)
        facts.append(_facts(made, start))
        if progress is not None:
            progress(index + 1, len(samples))
    mean, std = pooled(np.array([[one.pop("mean")] for one in facts]), np.array([[one.pop("std")] for one in facts]))
    columns = {key: [one[key] for one in facts] for key in facts[0]}
    known = {"set": "neurons", "n": len(samples), "names": samples.names, "neurons": samples.neurons}
    described = {**known, **columns, "mean": float(mean[0]), "std": float(std[0]), "seed": seed}
    write_json(folder / "dataset.json", described)
    return described


def produced(
    sample: NeuronSample, *, margin: Sequence[int] = MARGIN, longest: int = LONGEST
) -> tuple[NeuronSample, tuple[int, ...]]:
    """One volume cut to its tree, made smaller and labelled, and its first voxel in the given one.

    Raises:
        ValueError: If it has no tree, or none of its nodes lies inside.

    Example:
        >>> from subband.data.synthetic_neurons import SyntheticNeurons
        >>> made, start = produced(SyntheticNeurons(count=1, shape=(32, 64, 64))[0], longest=32)
        >>> max(made.image.shape) <= 32 and bool(made.labels.any())
        True
    """
    if sample.tree is None:
        raise ValueError(f"{sample.name} has no tree, which a volume is cut to; give an SWC file")
    try:
        part, tree, start = crop_to_tree(sample.image, sample.tree, margin=margin)
    except ValueError as error:
        raise ValueError(f"{sample.name}: {error}") from error
    shape = smaller_shape(part.shape, longest=longest)
    z, y, x = (length * old / new for length, old, new in zip(sample.spacing, part.shape, shape, strict=True))
    image, tree = resize_nearest(part, tree, shape)
    labels = rasterize(tree, shape).astype(np.uint8)
    return NeuronSample(sample.name, image, labels, tree, (z, y, x), sample.neuron), start


def _write(folder: Path, sample: NeuronSample) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    assert sample.tree is not None
    write_volume(folder / "image.tif", _stored(sample.image), spacing=sample.spacing)
    write_volume(folder / "labels.tif", sample.labels, spacing=sample.spacing)
    write_swc(folder / "tree.swc", sample.tree)


def _stored(image: FloatImage) -> np.ndarray[Any, np.dtype[np.uint8 | np.uint16]]:
    """8 bits if the values are 255ths, 16 otherwise."""
    packed = eight_bit(image)
    return np.rint(image * np.float32(65535)).astype(np.uint16) if packed is None else packed


def _facts(sample: NeuronSample, start: tuple[int, ...]) -> dict[str, Any]:
    return {
        "sizes": list(sample.image.shape),
        "starts": list(start),
        "foreground": float(sample.labels.mean()),
        "cubes": sum(cube_counts(sample.image.shape, CUBE)),
        "mean": float(sample.image.mean(dtype=np.float64)),
        "std": float(sample.image.std(dtype=np.float64)),
    }
