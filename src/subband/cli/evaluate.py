"""``subband evaluate RUN``."""

from pathlib import Path


def evaluate(run: Path, *, images: Path | None = None, masks: Path | None = None, out: Path | None = None) -> int:
    """Test a trained run again: on its own test images, or on other images with masks.

    Args:
        run: A run folder (it holds checkpoints/best.pt), or a comparison folder with one run.
        images: Folder of other images.
        masks: Folder of their masks.
        out: Folder to write evaluation.json and predictions to, by default RUN/evaluation.

    Returns:
        0.
    """
    from subband.cli._console import print_table, say_where
    from subband.tasks.trained import evaluate_run

    result = evaluate_run(run, images=images, masks=masks, out=out)
    header = list(result["images"][0])
    rows = [[str(row["name"]), *(f"{row[key]:.4g}" for key in header[1:])] for row in result["images"]]
    rows.append(["all" if "class_iou" in result else "mean", *(f"{result['metrics'][key]:.4g}" for key in header[1:])])
    print_table(header, rows)
    if "class_iou" in result:
        print_table(["class", "IoU"], [[name, f"{value:.4g}"] for name, value in result["class_iou"].items()])
    say_where("written", result["folder"])
    return 0
