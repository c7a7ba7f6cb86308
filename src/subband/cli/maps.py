"""``subband maps KIND FOLDER``."""

from pathlib import Path


def maps(kind: str, folder: Path, *, out: Path | None = None, jobs: int = 0, overwrite: bool = False) -> int:
    """Compute the weight maps of all masks in a folder, as NAME.npy (float32); goes on where it stopped.

    Args:
        kind: unet, abw or skea-topo.
        folder: Folder of masks.
        out: Folder to write, by default FOLDER/../KIND_maps.
        jobs: Files at the same time; 0 takes all cores.
        overwrite: Compute maps again that are there.

    Returns:
        0, or 1 if a file could not be read.
    """
    import os

    from rich.progress import Progress

    from subband._check import one_of
    from subband.cli._console import console, say
    from subband.data.images import list_images, read_mask
    from subband.maps import KINDS, write_maps

    kind = kind.replace("-", "_")
    one_of("kind", kind, KINDS)
    files = list_images(folder)
    target = out or folder.parent / f"{kind}_maps"
    failures = []
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task(kind, total=len(files))
        for path, error in write_maps(
            kind, files, target, read=read_mask, jobs=jobs or os.cpu_count() or 1, overwrite=overwrite
        ):
            progress.advance(bar)
            if error:
                failures.append(f"{path.name}: {error}")
    for line in failures:
        say(line)
    say(f"{len(files) - len(failures)} maps: {target}")
    return 1 if failures else 0
