"""A volume of any size segmented block by block, traced, measured and shown, in one folder that can be resumed."""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from subband._files import write_json
from subband._slabs import slabs
from subband.data.block_source import VolumePath
from subband.data.block_store import existing_block_store
from subband.data.lazy_volume import FileVolume
from subband.data.swc import read_swc, write_swc
from subband.data.volume_file import open_volume
from subband.metrics.neuron_table import tree_metrics
from subband.report.neuron_views import NeuronView, project
from subband.report.trace_page import TracePage, write_trace_page
from subband.tasks._folder import command, machine, versions
from subband.tasks._memory import grown_memory
from subband.tasks.neuron_scores import root_of
from subband.tasks.plan import Progress
from subband.tasks.segment_file import Segmenter, segmenter_of
from subband.tracing.bright import collect
from subband.tracing.measure import Measured, measure
from subband.tracing.trace import GAP, MIN_LENGTH, trace_foreground
from subband.transforms.tree import Tree, scale

SEGMENTATION = "segmentation.zarr"
TREE = "tree.swc"
Say = Callable[[str], None]
Listen = Callable[[str, Progress], None]


@dataclass(frozen=True)
class Source:
    """What is traced, and what it should be.

    Attributes:
        volume: File or folder of the volume.
        channel: Channel of a volume that has several.
        truth: SWC file of the true tree.
        flip_truth: Whether the y of the truth counts from the last row.
    """

    volume: Path
    channel: int | None = None
    truth: Path | None = None
    flip_truth: bool = False


@dataclass(frozen=True)
class Blocks:
    """How a volume is segmented; none of it but the sizes changes the result.

    Attributes:
        block: Voxels (z, y, x) that are written at once; None takes the run's own.
        halo: Voxels around them that a network sees; None takes the run's own.
        scheduler: Where blocks are worked on.
        workers: Threads or processes.
        shard: Number from 0 and count of the shares of the blocks.
    """

    block: Sequence[int] | None = None
    halo: Sequence[int] | None = None
    scheduler: Literal["serial", "threads", "processes", "dask"] = "serial"
    workers: int = 2
    shard: tuple[int, int] = (0, 1)


@dataclass(frozen=True)
class Fibres:
    """What a tree is made of.

    Attributes:
        soma: Where it starts (z, y, x), in voxels; None takes the root of the truth, or the thickest part.
        threshold: Grey value above which a voxel counts; None takes the tracer's own. Not with a network.
        gap: Longest break that is bridged, in voxels.
        min_length: Shortest branch that is kept, in voxels of the coarsest axis.
        apart: Whether what is too far to be bridged is left out or gets a root of its own.
    """

    soma: tuple[float, ...] | None = None
    threshold: float | None = None
    gap: float = GAP
    min_length: float = MIN_LENGTH
    apart: Literal["leave", "roots"] = "leave"


def trace_volume(
    source: Source,
    folder: Path,
    fibres: Fibres,
    blocks: Blocks,
    *,
    run: Path | None = None,
    overwrite: bool = False,
    listen: Listen = lambda label, now: None,
    say: Say = lambda line: None,
) -> dict[str, Any] | None:
    """Segment and trace a volume; writes ``tree.swc``, ``segmentation.zarr``, ``report.html`` and ``result.json``.

    Args:
        source: The volume.
        folder: Folder to write; what was segmented there before is not segmented again.
        fibres: What a tree is made of.
        blocks: How the volume is segmented.
        run: Trained network; None segments by a threshold.
        overwrite: Delete what the folder holds of a trace.
        listen: Hears the blocks.
        say: Hears what is done.

    Returns:
        The content of ``result.json``; None if other shares of the blocks are missing.

    Raises:
        ValueError: If an input cannot be read or does not fit, or nothing is found.
        FileExistsError: If the folder holds a finished trace.
    """
    if (folder / "result.json").exists() and not overwrite:
        raise FileExistsError(f"{folder} holds a trace already; add --overwrite, or choose another --out")
    if overwrite:
        clear(folder)
    volume = open_volume(source.volume, channel=source.channel)
    truth = truth_of(source, volume)
    soma = start_of(fibres, truth, volume.array.shape)
    work = segmenter_of(volume, run, fibres.threshold, block=blocks.block, halo=blocks.halo)
    with grown_memory() as memory:
        done = segmented(work, source, folder, blocks, listen, say)
        if done is None:
            return None
        found = {**done, **traced(volume, work.measured, folder, soma, fibres, say)}
    tree = found.pop("tree")
    described = {**work.about, **found, "MB": memory.mb, **described_tree(tree, volume)}
    if truth is not None:
        described["truth"] = tree_metrics(tree, truth)
    return written(source, folder, tree, truth, volume, described)


def clear(folder: Path) -> None:
    """Delete a trace, and nothing else of the folder."""
    for name in ("result.json", TREE, "report.html", "projections.png"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / SEGMENTATION, ignore_errors=True)


def truth_of(source: Source, volume: FileVolume[Any]) -> Tree | None:
    """The true tree, checked against the volume.

    Raises:
        ValueError: If the file cannot be read, or none of its nodes lies in the volume.
    """
    if source.truth is None:
        return None
    tree = read_swc(source.truth, height=volume.array.shape[1] if source.flip_truth else None)
    inside = ((tree.positions >= -0.5) & (tree.positions <= np.array(volume.array.shape) - 0.5)).all(1)
    if not len(tree.edges) or not inside.any():
        size = " x ".join(map(str, volume.array.shape))
        raise ValueError(
            f"{source.truth} has no edge inside the volume of {size} voxels (z, y, x); "
            "its x, y, z must be in voxels of this file"
        )
    return tree


def start_of(fibres: Fibres, truth: Tree | None, shape: Sequence[int]) -> tuple[float, float, float] | None:
    """Where the tree starts.

    Raises:
        ValueError: If that is not in the volume.
    """
    soma = fibres.soma
    if soma is None:
        return None if truth is None else root_of(truth)
    if len(soma) != len(shape) or not all(-0.5 <= at <= size - 0.5 for at, size in zip(soma, shape, strict=True)):
        size = " x ".join(map(str, shape))
        raise ValueError(f"soma is {list(soma)}, but must be z,y,x within the volume of {size} voxels")
    z, y, x = soma
    return z, y, x


def segmented(
    work: Segmenter, source: Source, folder: Path, blocks: Blocks, listen: Listen, say: Say
) -> dict[str, Any] | None:
    """Segment what is missing; None if blocks of other shares are."""
    start = time.perf_counter()
    say(f"segmentation by {work.label} ...")
    path, target = VolumePath(str(source.volume), source.channel), folder / SEGMENTATION
    done = work.run(
        path,
        target,
        scheduler=blocks.scheduler,
        workers=blocks.workers,
        shard=blocks.shard,
        progress=lambda now, total: listen("segmentation", Progress(now, total, float("nan"), {})),
    )
    store = existing_block_store(target)
    total, missing = (len(store.blocks), len(store.missing())) if store else (done.total, 0)
    if missing:
        say(
            f"this share is done: {total - missing} of {total} blocks are there; run the other shares with the same "
            "--out, the last one traces"
        )
        return None
    seconds = {"segmentation": time.perf_counter() - start}
    return {"blocks": total, "blocks_done_now": done.written, "seconds": seconds}


def traced(
    volume: FileVolume[Any],
    measured: Measured | None,
    folder: Path,
    soma: tuple[float, float, float] | None,
    fibres: Fibres,
    say: Say,
) -> dict[str, Any]:
    """The tree of the grey image within the segmentation; memory holds the voxels that were found, not the volume.

    Raises:
        ValueError: If nothing was segmented, or no tree can be grown.
    """
    start = time.perf_counter()
    mask = open_volume(folder / SEGMENTATION).array
    if not any(slab.any() for slab in slabs(mask)):
        raise ValueError("no voxel was found to be of a neuron; lower --threshold, or take another --run")
    known = measured or Measured(False, measure(volume.array, 0.0).level, 0.0)
    found = collect(volume.array, mask, known, None if measured is None else measured.threshold)
    count = len(found.voxels)
    say(f"tracing {count:,} voxels ...".replace(",", " "))
    tree = trace_foreground(
        found, soma=soma, spacing=volume.spacing, gap=fibres.gap, min_length=fibres.min_length, apart=fibres.apart
    ).tree
    if len(tree) < 2:
        raise ValueError(
            "the trace has less than two nodes; give --soma on a fibre, a longer --gap, or a shorter --min-length"
        )
    return {"tree": tree, "foreground": count, "tracing_seconds": time.perf_counter() - start}


def described_tree(tree: Tree, volume: FileVolume[Any]) -> dict[str, Any]:
    """Size of a volume and of the tree in it."""
    children = np.bincount(tree.parents[tree.parents >= 0], minlength=len(tree))
    ends = children != 1
    ends[tree.roots] = False
    physical = {} if volume.spacing == (1.0, 1.0, 1.0) else {"physical_length": scale(tree, volume.spacing).length}
    return {
        "shape": list(volume.array.shape),
        "spacing": list(volume.spacing),
        "unit": volume.unit,
        "length": tree.length,
        **physical,
        "trees": len(tree.roots),
        "nodes": len(tree),
        "branches": int(ends.sum()),
        "tips": int(((children == 0) & (tree.parents >= 0)).sum()),
    }


def written(
    source: Source,
    folder: Path,
    tree: Tree,
    truth: Tree | None,
    volume: FileVolume[Any],
    described: dict[str, Any],
) -> dict[str, Any]:
    """Write tree, page and result."""
    seconds = {**described["seconds"], "tracing": described.pop("tracing_seconds")}
    made = {"command": command(), "versions": versions(), "machine": machine()}
    result = {"volume": str(source.volume), **described, "seconds": seconds, **made}
    write_swc(folder / TREE, tree, comments=[f"traced in {source.volume.name} by subband trace"])
    array = volume.array
    view = NeuronView(source.volume.name, array.shape, project(slabs(array)), tree, truth, tuple(volume.spacing))
    write_trace_page(folder, TracePage(source.volume.name, view, result, command()))
    write_json(folder / "result.json", result)
    return result
