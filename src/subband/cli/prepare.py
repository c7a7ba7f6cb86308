"""``subband prepare SET SOURCE TARGET``."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

CORRUPTED = ("corruptions", "imagenet-c")
VOLUMES = ("ixi",)
NEURONS = ("neurons", "volume")


def prepare(
    set_name: str,
    source: Path,
    target: Path,
    *,
    seed: int = 0,
    unknown: Literal["error", "background"] = "error",
    channel: int | None = None,
    flip_y: bool = False,
    radius: float | None = None,
    overwrite: bool = False,
) -> int:
    """Bring a downloaded data set into the layout of a reader, write corrupted copies of class folders, or bring a
    volume to another format.

    snemi3d, glas, drive, roads and isbi2012 become TARGET/images, TARGET/masks and dataset.json, as the CWMI authors
    prepared them. corruptions and imagenet-c take SOURCE/CLASS/image and write TARGET/CORRUPTION/SEVERITY/CLASS/image;
    `subband evaluate RUN --images TARGET` reads it. ixi takes the published pickles, runs nothing that is in them, and
    writes NIfTI files. These go on where a call was stopped. neurons cuts volumes to their SWC trees and labels them,
    as the authors of 3D WaveUNet did. volume brings one file to the format of TARGET's name, with its spacing.

    Args:
        set_name: snemi3d, glas, drive, roads, isbi2012, ixi, neurons, volume, corruptions (same size, PNG) or
            imagenet-c (224 pixels, JPEG).
        source: Folder of the raw download, of class folders, or of volumes with SWC files; for volume a file.
        target: Folder to write; for volume a file or an OME-Zarr store.
        seed: Seed of the choice of road images.
        unknown: What a label of ixi becomes that is none of the 46 FreeSurfer ids; the authors take background.
        channel: neurons, volume: channel of volumes that have several, from 0.
        flip_y: neurons: count y of the SWC files from the last row, as the files of NeuCuDa do.
        radius: neurons: radius of all nodes in voxels, for SWC files that have none.
        overwrite: Write over what TARGET holds; corrupted copies never are.

    Returns:
        0.
    """
    from rich.progress import Progress

    from subband._check import one_of
    from subband.cli._console import console, say
    from subband.corrupt import IMAGENET_C, write_corrupted
    from subband.data.prepare import SETS
    from subband.data.prepare import prepare as run
    from subband.data.readers import convert_ixi

    one_of("set_name", set_name, (*SETS, *VOLUMES, *NEURONS, *CORRUPTED))
    _check_options(set_name, channel=channel, flip_y=flip_y or None, radius=radius)
    if set_name == "volume":
        say(_convert(source, target, channel, overwrite))
        return 0
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("prepare", total=None)

        def advance(done: int, total: int) -> None:
            progress.update(bar, completed=done, total=total)

        if set_name in CORRUPTED:
            how = IMAGENET_C if set_name == "imagenet-c" else None
            written = write_corrupted(source, target, preparation=how, progress=advance)
            line = f"{written} corrupted images written in {target}"
        elif set_name in VOLUMES:
            converted = convert_ixi(source, target, unknown=unknown, overwrite=overwrite, progress=advance)
            line = f"{converted} volumes and their label maps written in {target}"
        elif set_name in NEURONS:
            line = _neurons(source, target, (channel, flip_y, radius), overwrite, advance)
        else:
            made = run(set_name, source, target, seed=seed, overwrite=overwrite, progress=advance)
            line = f"{made['n']} images in {target}: mean {made['mean']}, std {made['std']}"
    say(line)
    return 0


def _check_options(set_name: str, *, channel: int | None, flip_y: bool | None, radius: float | None) -> None:
    """Options of neurons and of volumes go with nothing else."""
    known = {"neurons": ("--channel", "--flip-y", "--radius"), "volume": ("--channel",)}.get(set_name, ())
    for name, value in (("--channel", channel), ("--flip-y", flip_y), ("--radius", radius)):
        if value is not None and name not in known:
            raise ValueError(f"{name} does not go with {set_name}; leave it out")


def _neurons(
    source: Path,
    target: Path,
    reading: tuple[int | None, bool, float | None],
    overwrite: bool,
    progress: Callable[[int, int], None],
) -> str:
    """Write folders of volumes, labels and trees, and say what they hold."""
    from subband.data.prepare_neurons import prepare_neurons
    from subband.data.readers import NeuronFolder

    channel, flip_y, radius = reading
    samples = NeuronFolder(source, channel=channel, flip_y=flip_y, radius=radius)
    made = prepare_neurons(samples, target, overwrite=overwrite, progress=progress)
    part, neurons = sum(made["foreground"]) / made["n"], len(set(made["neurons"]))
    return (
        f"{made['n']} volumes, {neurons} of different neurons, in {target}: {part:.2%} of the voxels are neuron, "
        f"{sum(made['cubes'])} cubes in an epoch, mean {made['mean']:.4f}, std {made['std']:.4f}"
    )


def _convert(source: Path, target: Path, channel: int | None, overwrite: bool) -> str:
    """Write a volume in another format, and say what it is."""
    import shutil

    from subband.data.volume_file import STORE, convert_volume, open_volume

    if source.resolve() == target.resolve():
        raise ValueError(f"{source} is both source and target; choose another target")
    open_volume(source, channel=channel)  # nothing is deleted for a source that cannot be read
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} is there already; add --overwrite, or choose another target")
    if target.is_dir():
        if not any((target / name).is_file() for name in STORE):
            raise FileExistsError(f"{target} is a folder, and no Zarr store that could be replaced; choose another")
        shutil.rmtree(target)
    made = convert_volume(source, target, channel=channel)
    size, spacing = (" x ".join(f"{each:g}" for each in of) for of in (made.array.shape, made.spacing))
    return f"{target}: {size} voxels (z, y, x) of {made.array.dtype}, each {spacing} {made.unit}"
