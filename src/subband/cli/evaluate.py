"""``subband evaluate RUN``."""

from collections.abc import Mapping
from pathlib import Path


def evaluate(run: Path, *, images: Path | None = None, masks: Path | None = None, out: Path | None = None) -> int:
    """Test a trained run again: on its own test images, or on others, with masks, in folders of classes, or with boxes.

    Args:
        run: A run folder (it holds checkpoints/best.pt), or a comparison folder with one run.
        images: Folder of other images; for a classifier CLASS/x.png, or CORRUPTION/SEVERITY/CLASS/x.png; for a
            detector in COCO's or YOLO's layout, for a recognition PERSON/x.png.
        masks: Folder of their masks, for a segmentation.
        out: Folder to write evaluation.json and predictions to, by default RUN/evaluation.

    Returns:
        0.
    """
    from subband.cli._console import print_table, say_where
    from subband.tasks.finished_run import task_of
    from subband.tasks.trained import evaluate_run

    task = task_of(run)
    if task != "segmentation" and masks is not None:
        raise ValueError(f"--masks is for segmentations, but this is a {task}; give --images FOLDER alone")
    if task == "classification":
        return _classifier(run, images, out)
    if task == "detection":
        return _detector(run, images, out)
    if task == "recognition":
        return _recognizer(run, images, out)
    if task == "registration":
        return _registration(run, images, out)
    if task == "neurons":
        return _neurons(run, images, out)
    result = evaluate_run(run, images=images, masks=masks, out=out)
    header = list(result["images"][0])
    rows = [[str(row["name"]), *(f"{row[key]:.4g}" for key in header[1:])] for row in result["images"]]
    rows.append(["all" if "class_iou" in result else "mean", *(f"{result['metrics'][key]:.4g}" for key in header[1:])])
    print_table(header, rows)
    if "class_iou" in result:
        print_table(["class", "IoU"], [[name, f"{value:.4g}"] for name, value in result["class_iou"].items()])
    say_where("written", result["folder"])
    return 0


def _classifier(run: Path, images: Path | None, out: Path | None) -> int:
    """Print the metrics, or the errors of a tree of corruptions."""
    from subband.cli._console import print_table, say, say_where
    from subband.tasks.trained_classifier import evaluate_classifier

    result = evaluate_classifier(run, images=images, out=out)
    if "metrics" in result:
        print_table(["metric", ""], [[name, f"{value:.4g}"] for name, value in result["metrics"].items()])
    errors = result.get("corruptions") or result.get("robustness", {}).get("corruptions", {}).get("errors", {})
    _severities("error", errors)
    for name, value in result.get("summary", {}).items():
        say(f"{name}: {value:.4g}")
    for sentence in result.get("missing", []):
        say(f"missing: {sentence}")
    say_where("written", result["folder"])
    return 0


def _registration(run: Path, images: Path | None, out: Path | None) -> int:
    """Print the metrics of the run's own test pairs."""
    from subband.cli._console import print_table, say_where
    from subband.report.register_page import metric_table
    from subband.tasks.trained_registration import evaluate_registration

    if images is not None:
        raise ValueError("--images is not for registrations; register others: subband register --run RUN")
    result = evaluate_registration(run, out=out)
    print_table(*metric_table(result["pairs"]))
    say_where("written", result["folder"])
    return 0


def _neurons(run: Path, images: Path | None, out: Path | None) -> int:
    """Print the metrics of the run's own test volumes."""
    from subband.cli._console import print_table, say_where
    from subband.tasks.trained_neurons import evaluate_neurons

    if images is not None:
        raise ValueError("--images is not for neurons; trace others: subband trace VOLUME --run RUN")
    result = evaluate_neurons(run, out=out)
    header = list(dict.fromkeys(name for row in result["volumes"] for name in row))
    rows = [
        [str(row.get(name, "-")) if name == "name" else f"{row.get(name, float('nan')):.4g}" for name in header]
        for row in result["volumes"]
    ]
    print_table(header, rows)
    say_where("written", result["folder"])
    return 0


def _recognizer(run: Path, images: Path | None, out: Path | None) -> int:
    """Verify the identities that the run was tested on, or those of other class folders."""
    from subband.cli.verify import print_verification
    from subband.tasks.trained_recognizer import trained_recognizer, verify_run

    found = trained_recognizer(run)
    result = verify_run(found, [images] if images else [], out=out or found.folder / "evaluation")
    print_verification(result)
    return 0


def _detector(run: Path, images: Path | None, out: Path | None) -> int:
    """Print the metrics, AP50 of each class, and AP on corrupted images."""
    from subband.cli._console import print_table, say_where
    from subband.tasks.trained_detector import evaluate_detector

    result = evaluate_detector(run, images=images, out=out)
    print_table(["metric", ""], [[name, f"{value:.4g}"] for name, value in result["metrics"].items()])
    print_table(["class", "AP50"], [[name, f"{value:.4g}"] for name, value in result["class_AP50"].items()])
    _severities("AP", result.get("robustness", {}).get("corruptions", {}).get("AP", {}))
    say_where("written", result["folder"])
    return 0


def _severities(what: str, table: Mapping[str, Mapping[str, float]]) -> None:
    """Print a number of each corruption and severity, if there are any."""
    from subband.cli._console import print_table

    if table:
        severities = sorted({severity for row in table.values() for severity in row})
        rows = [
            [name, *(f"{row[each]:.3f}" if each in row else "-" for each in severities)] for name, row in table.items()
        ]
        print_table([f"{what} at severity", *severities], rows)
