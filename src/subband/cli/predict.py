"""``subband predict RUN FILES``."""

from pathlib import Path


def predict(run: Path, files: list[Path], *, out: Path | None = None, tile: int = 512, overwrite: bool = False) -> int:
    """Write NAME_mask.png (0/255, or the class) and NAME_probability.tif for image files of any size.

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
    from subband.tasks.trained import image_files, predict_file, trained_run

    loaded = trained_run(run)
    folder = out or loaded.folder / "predicted"
    listed = image_files(files)
    for path in track(listed, description="predict", console=console, disable=not console.is_terminal):
        predict_file(loaded, path, folder, tile=tile, overwrite=overwrite)
    say(f"{len(listed)} files: {folder}")
    return 0
