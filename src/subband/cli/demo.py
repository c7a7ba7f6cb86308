"""``subband demo [TASK]``."""

from pathlib import Path

RECIPES = {
    "segmentation": "segmentation/demo",
    "robustness": "classification/demo",
    "recognition": "recognition/demo",
    "detection": "detection/demo",
    "registration": "registration/demo",
    "neurons": "neurons/demo",
}
"""Demos that are comparisons."""


def demo(
    task: str = "segmentation",
    *,
    out: Path | None = None,
    jobs: int = 0,
    overwrite: bool = False,
    image: Path | None = None,
    wavelet: str | None = None,
) -> int:
    """Compare losses or networks on synthetic images with exact truth, or show what wavelets see, and write a report;
    nothing is downloaded.

    Args:
        task: segmentation trains on membranes; robustness trains classifiers with and without wavelets on shapes, then
            corrupts, moves and attacks the images; recognition trains heads on synthetic faces and verifies persons
            that none has seen, at one threshold; registration warps phantoms back, by WiNet fitted to each pair and by
            classical methods; detection trains two detectors on shapes and corrupts the images; neurons segments and
            traces grown trees with broken fibres, by networks and by a threshold; wavelets draws a decomposition, a
            steerable pyramid, and what a max-pool loses against a wavelet, in some seconds and without training.
        out: Folder to write, by default runs/demo, or runs/demo-TASK for the others.
        jobs: Runs at the same time; 0 takes one for each core, at most two.
        overwrite: Delete what the folder holds; without it a demo that was stopped goes on. For wavelets: write over
            pictures in the folder that another program may have made.
        image: For wavelets: an image file of your own in place of a synthetic street.
        wavelet: For wavelets: its name (subband show wavelet NAME), by default db2.

    Returns:
        0, or 1 if a run failed.
    """
    import os

    from subband._check import one_of
    from subband.cli._parse import recipe_of
    from subband.cli.compare import compare

    one_of("task", task, [*RECIPES, "wavelets"])
    if task == "wavelets":
        target = out or Path("runs") / "demo-wavelets"
        if not overwrite:
            _refuse_strangers(target)
        return _wavelets(target, image, wavelet or "db2")
    if image is not None or wavelet is not None:
        raise ValueError("--image and --wavelet are for `subband demo wavelets`; leave them out")
    folder = out or Path("runs") / ("demo" if task == "segmentation" else f"demo-{task}")
    return compare(recipe_of(RECIPES[task]), out=folder, jobs=jobs or min(2, os.cpu_count() or 1), overwrite=overwrite)


def _refuse_strangers(folder: Path) -> None:
    """Pictures of the demo's names are not written over in a folder without the demo's page."""
    from subband.report.wavelets import PAGE, PICTURES

    taken = [name for name in PICTURES if (folder / name).exists()]
    if taken and not (folder / PAGE).exists():
        raise FileExistsError(f"{folder} holds a {taken[0]} already; give another --out, or --overwrite")


def _wavelets(folder: Path, path: Path | None, wavelet: str) -> int:
    """Draw, and print the numbers."""
    from subband.cli._console import print_table, say, say_where
    from subband.data import Synthetic
    from subband.data.images import read_image
    from subband.report.wavelets import HALVING, WAYS, halving_rows, way_rows, write_wavelets

    if path is None:
        street = Synthetic("scenes", size=(256, 384), count=1, difficulty="easy")[0]
        found, page = write_wavelets(folder, street.image, wavelet=wavelet, name="a synthetic street")
    else:
        found, page = write_wavelets(folder, read_image(path), wavelet=wavelet, name=path.name)
    print_table(["way to halve", *HALVING], halving_rows(found))
    say("")
    print_table(["way back", *WAYS], way_rows(found))
    say("")
    say_where("report", page)
    return 0
