"""``subband prepare SET SOURCE TARGET``."""

from pathlib import Path
from typing import Literal

CORRUPTED = ("corruptions", "imagenet-c")
VOLUMES = ("ixi",)


def prepare(
    set_name: str,
    source: Path,
    target: Path,
    *,
    seed: int = 0,
    unknown: Literal["error", "background"] = "error",
    overwrite: bool = False,
) -> int:
    """Bring a downloaded data set into the layout of a reader, or write corrupted copies of class folders.

    snemi3d, glas, drive, roads and isbi2012 become TARGET/images, TARGET/masks and dataset.json, as the CWMI authors
    prepared them. corruptions and imagenet-c take SOURCE/CLASS/image and write TARGET/CORRUPTION/SEVERITY/CLASS/image;
    `subband evaluate RUN --images TARGET` reads it. ixi takes the published pickles, runs nothing that is in them, and
    writes NIfTI files. Both go on where a call was stopped.

    Args:
        set_name: snemi3d, glas, drive, roads, isbi2012, ixi, corruptions (same size, PNG) or imagenet-c (224 pixels,
            JPEG).
        source: Folder of the raw download, or of class folders.
        target: Folder to write.
        seed: Seed of the choice of road images.
        unknown: What a label of ixi becomes that is none of the 46 FreeSurfer ids; the authors take background.
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

    one_of("set_name", set_name, (*SETS, *VOLUMES, *CORRUPTED))
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
        else:
            made = run(set_name, source, target, seed=seed, overwrite=overwrite, progress=advance)
            line = f"{made['n']} images in {target}: mean {made['mean']}, std {made['std']}"
    say(line)
    return 0
