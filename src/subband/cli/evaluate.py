"""``subband evaluate RUN``."""

from pathlib import Path


def evaluate(run: Path, *, images: Path | None = None, masks: Path | None = None, out: Path | None = None) -> int:
    """Test a trained run again: on its own test images, or on others, with masks or in folders of classes.

    Args:
        run: A run folder (it holds checkpoints/best.pt), or a comparison folder with one run.
        images: Folder of other images; for a classifier CLASS/x.png, or CORRUPTION/SEVERITY/CLASS/x.png; for a
            recognition PERSON/x.png.
        masks: Folder of their masks, for a segmentation.
        out: Folder to write evaluation.json and predictions to, by default RUN/evaluation.

    Returns:
        0.
    """
    from subband.cli._console import print_table, say_where
    from subband.tasks.trained import evaluate_run, task_of

    if task_of(run) == "classification":
        return _classifier(run, images, masks, out)
    if task_of(run) == "recognition":
        return _recognizer(run, images, masks, out)
    if task_of(run) == "registration":
        return _registration(run, images, masks, out)
    result = evaluate_run(run, images=images, masks=masks, out=out)
    header = list(result["images"][0])
    rows = [[str(row["name"]), *(f"{row[key]:.4g}" for key in header[1:])] for row in result["images"]]
    rows.append(["all" if "class_iou" in result else "mean", *(f"{result['metrics'][key]:.4g}" for key in header[1:])])
    print_table(header, rows)
    if "class_iou" in result:
        print_table(["class", "IoU"], [[name, f"{value:.4g}"] for name, value in result["class_iou"].items()])
    say_where("written", result["folder"])
    return 0


def _classifier(run: Path, images: Path | None, masks: Path | None, out: Path | None) -> int:
    """Print the metrics, or the errors of a tree of corruptions."""
    from subband.cli._console import print_table, say, say_where
    from subband.tasks.trained_classifier import evaluate_classifier

    if masks is not None:
        raise ValueError("--masks is for segmentations; a classifier takes class folders: --images FOLDER")
    result = evaluate_classifier(run, images=images, out=out)
    if "metrics" in result:
        print_table(["metric", ""], [[name, f"{value:.4g}"] for name, value in result["metrics"].items()])
    errors = result.get("corruptions") or result.get("robustness", {}).get("corruptions", {}).get("errors", {})
    if errors:
        severities = sorted({severity for row in errors.values() for severity in row})
        rows = [
            [name, *(f"{row[each]:.3f}" if each in row else "-" for each in severities)] for name, row in errors.items()
        ]
        print_table(["error at severity", *severities], rows)
    for name, value in result.get("summary", {}).items():
        say(f"{name}: {value:.4g}")
    for sentence in result.get("missing", []):
        say(f"missing: {sentence}")
    say_where("written", result["folder"])
    return 0


def _registration(run: Path, images: Path | None, masks: Path | None, out: Path | None) -> int:
    """Print the metrics of the run's own test pairs."""
    from subband.cli._console import print_table, say_where
    from subband.report.register_page import metric_table
    from subband.tasks.trained_registration import evaluate_registration

    if images is not None or masks is not None:
        raise ValueError("--images and --masks are not for registrations; register others: subband register --run RUN")
    result = evaluate_registration(run, out=out)
    print_table(*metric_table(result["pairs"]))
    say_where("written", result["folder"])
    return 0


def _recognizer(run: Path, images: Path | None, masks: Path | None, out: Path | None) -> int:
    """Verify the identities that the run was tested on, or those of other class folders."""
    from subband.cli.verify import print_verification
    from subband.tasks.trained_recognizer import trained_recognizer, verify_run

    if masks is not None:
        raise ValueError("--masks is for segmentations; a recognition takes a folder for each person: --images FOLDER")
    found = trained_recognizer(run)
    result = verify_run(found, [images] if images else [], out=out or found.folder / "evaluation")
    print_verification(result)
    return 0
