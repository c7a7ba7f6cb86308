"""``subband predict RUN FILES``."""

from pathlib import Path


def predict(run: Path, files: list[Path], *, out: Path | None = None, tile: int = 512, overwrite: bool = False) -> int:
    """Write NAME_mask.png (0/255, or the class) and NAME_probability.tif for image files of any size; a classifier
    writes classes.csv, a detector NAME_boxes.png and boxes.csv.

    Args:
        run: A run folder (it holds checkpoints/best.pt), or a comparison folder with one run.
        files: Image files or folders; every page of a TIFF stack is an image.
        out: Folder to write, by default RUN/predicted.
        tile: Side of the blended tiles that a large image is cut into, in pixels.
        overwrite: Write over files that are there.

    Returns:
        0.
    """
    from rich.progress import track

    from subband.cli._console import console, say
    from subband.tasks.finished_run import run_folder, task_of
    from subband.tasks.trained import image_files, predict_file, trained_run

    task = task_of(run)
    if task == "recognition":
        raise ValueError(f"{run} is a recognition, which says nothing of single images; take subband verify RUN PAIRS")
    if task == "registration":
        raise ValueError(f"{run} is a registration of pairs; take subband register MOVING FIXED --run {run}")
    if task == "neurons":
        raise ValueError(f"{run} segments volumes of neurons; take subband trace VOLUME --run {run}")
    kinds = {"classification": _classes, "detection": _boxes}
    if task in kinds:
        return kinds[task](run, image_files(files), out or run_folder(run) / "predicted", overwrite)
    loaded = trained_run(run)
    folder = out or loaded.folder / "predicted"
    listed = image_files(files)
    for path in track(listed, description="predict", console=console, disable=not console.is_terminal):
        predict_file(loaded, path, folder, tile=tile, overwrite=overwrite)
    say(f"{len(listed)} files: {folder}")
    return 0


def _classes(run: Path, files: list[Path], folder: Path, overwrite: bool) -> int:
    """Class of each file, as a table and as CSV."""
    from subband.cli._console import print_table, say
    from subband.tasks._folder import write_csv
    from subband.tasks.trained_classifier import classify_files, trained_classifier

    path = _free(folder / "classes.csv", overwrite)
    rows = classify_files(trained_classifier(run), files)
    write_csv(path, ("file", "class", "probability"), rows)
    print_table(
        ["file", "class", "probability"], [[row["file"], row["class"], f"{row['probability']:.3f}"] for row in rows]
    )
    say(f"written: {path}")
    return 0


def _boxes(run: Path, files: list[Path], folder: Path, overwrite: bool) -> int:
    """Boxes of each file, drawn, and all of them as CSV."""
    from rich.progress import track

    from subband.cli._console import console, say
    from subband.tasks._folder import write_csv
    from subband.tasks.trained_detector import COLUMNS, detect_files, trained_detector

    path = _free(folder / "boxes.csv", overwrite)
    each = detect_files(trained_detector(run), files, folder, overwrite=overwrite)
    shown = track(each, "predict", len(files), console=console, disable=not console.is_terminal)
    rows = [row for found in shown for row in found]
    write_csv(path, COLUMNS, rows)
    say(f"{len(rows)} objects in {len(files)} files: {folder}")
    return 0


def _free(path: Path, overwrite: bool) -> Path:
    """The path, if nothing is there."""
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} is there already; add --overwrite, or choose another --out")
    return path
