"""``subband demo [TASK]``."""

from pathlib import Path


def demo(task: str = "segmentation", *, out: Path | None = None, jobs: int = 0, overwrite: bool = False) -> int:
    """Compare losses on synthetic images with exact truth and write a report; nothing is downloaded.

    Args:
        task: Kind of demo: segmentation (membranes).
        out: Folder to write, by default runs/demo.
        jobs: Runs at the same time; 0 takes one for each core, at most two.
        overwrite: Delete what the folder holds; without it a demo that was stopped goes on.

    Returns:
        0, or 1 if a run failed.
    """
    import os

    from subband._check import one_of
    from subband.cli._parse import recipe_of
    from subband.cli.compare import compare
    from subband.config import shipped

    one_of("task", task, [name.partition("/")[0] for name in shipped() if name.endswith("/demo")])
    folder = out or Path("runs") / "demo"
    return compare(recipe_of(f"{task}/demo"), out=folder, jobs=jobs or min(2, os.cpu_count() or 1), overwrite=overwrite)
