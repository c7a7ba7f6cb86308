"""``subband prepare SET SOURCE TARGET``."""

from pathlib import Path


def prepare(set_name: str, source: Path, target: Path, *, seed: int = 0, overwrite: bool = False) -> int:
    """Bring a downloaded data set into TARGET/images, TARGET/masks and dataset.json, as the CWMI authors prepared it.

    Args:
        set_name: snemi3d, glas, drive, roads or isbi2012.
        source: Folder of the raw download.
        target: Folder to write.
        seed: Seed of the choice of road images.
        overwrite: Write over what TARGET holds.

    Returns:
        0.
    """
    from rich.progress import Progress

    from subband.cli._console import console, say
    from subband.data.prepare import prepare as run

    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("prepare", total=None)

        def advance(done: int, total: int) -> None:
            progress.update(bar, completed=done, total=total)

        made = run(set_name, source, target, seed=seed, overwrite=overwrite, progress=advance)
    say(f"{made['n']} images in {target}: mean {made['mean']}, std {made['std']}")
    return 0
