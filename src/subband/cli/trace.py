"""``subband trace VOLUME``."""

from pathlib import Path
from typing import Literal


def trace(  # noqa: PLR0913 (options that a person types one by one)
    volume: Path,
    *,
    run: Path | None = None,
    truth: Path | None = None,
    flip_truth: bool = False,
    channel: int | None = None,
    soma: list[float] | None = None,
    threshold: float | None = None,
    gap: float = 8.0,
    min_length: float = 4.0,
    apart: Literal["leave", "roots"] = "leave",
    block: list[int] | None = None,
    halo: list[int] | None = None,
    scheduler: Literal["serial", "threads", "processes", "dask"] = "serial",
    workers: int = 2,
    shard: str = "1/1",
    out: Path | None = None,
    overwrite: bool = False,
) -> int:
    """Segment a volume of any size block by block, trace the neuron in it, and write tree.swc, segmentation.zarr and a
    report; a call that was stopped goes on with the same --out.

    Args:
        volume: v3draw, v3dpbd, TIFF stack or folder of slices, NIfTI, NRRD or OME-Zarr.
        run: A trained network: a run folder of neurons, or a comparison of one run; without it, a threshold segments.
        truth: SWC file that the trace is measured against; it starts at its root unless --soma says otherwise.
        flip_truth: Count y of the truth from the last row, as NeuCuDa's files do.
        channel: Channel of a volume that has several, from 0.
        soma: Where the tree starts, z,y,x in voxels; by default the thickest part.
        threshold: Grey value of the file above which a voxel is of the neuron; by default a noisy volume is blurred a
            little, and the value found from its background. Not with --run.
        gap: Longest break of a fibre that is bridged, in voxels.
        min_length: Shortest branch that is kept, in voxels of the coarsest axis.
        apart: What is too far away to be bridged: leave it out, or give it a root of its own.
        block: Voxels z,y,x that are segmented and written at once; by default 64,128,128, or the run's own.
        halo: Voxels around a block that a network sees too; by default the run's own.
        scheduler: Where the blocks are worked on.
        workers: Threads or processes, for all but serial.
        shard: Share of the blocks, 2/3 is the second of three; give all shards one --out, the last one traces.
        out: Folder to write, by default runs/trace-TIME.
        overwrite: Delete what the folder holds of a trace.

    Returns:
        0.
    """
    from subband.cli._console import default_out, print_table, say, say_where, steps_progress
    from subband.report.trace_page import sentence_of, tree_rows, truth_rows
    from subband.tasks.trace_volume import Blocks, Fibres, Source, trace_volume

    folder = out or default_out("trace")
    if flip_truth and truth is None:
        raise ValueError("--flip-truth turns the file of --truth; give both, or neither")
    source = Source(volume, channel, truth, flip_truth)
    blocks = Blocks(block, halo, scheduler, workers, share_of(shard))
    fibres = Fibres(None if soma is None else tuple(soma), threshold, gap, min_length, apart)
    with steps_progress() as listen:
        found = trace_volume(source, folder, fibres, blocks, run=run, overwrite=overwrite, listen=listen, say=say)
    if found is None:
        return 0
    print_table(["tree", ""], [list(row) for row in tree_rows(found)])
    if "truth" in found:
        print_table(["against the truth", ""], [list(row) for row in truth_rows(found)])
    say(sentence_of(found))
    say_where("written", folder / "tree.swc")
    say_where("report", folder / "report.html")
    return 0


def share_of(shard: str) -> tuple[int, int]:
    """Number from 0 and count of the shares.

    Raises:
        ValueError: If it is not like ``2/3``.

    Example:
        >>> share_of("2/3")
        (1, 3)
    """
    part, _, parts = shard.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise ValueError(f"shard is {shard!r}, but must be like '2/3'")
    return int(part) - 1, int(parts)
