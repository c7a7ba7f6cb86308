"""Sentences of the page that depend on what was compared."""

from subband.metrics import METRICS, SET_METRICS
from subband.report.answers import CLASS_LINES
from subband.report.comparison import Comparison
from subband.report.detections import BOX_LINES
from subband.report.neurons import tree_line
from subband.report.recognition import pair_line
from subband.report.registration import field_line
from subband.report.tables import Summary


def facts(comparison: Comparison) -> list[str]:
    """Data, network, runs and length in a few words."""
    about, model = comparison.about, comparison.about.get("model", {})
    finished = [run for run in comparison.runs if run.finished]
    folds, seeds = len({run.fold for run in comparison.runs}), len({run.seed for run in comparison.runs})
    sizes = " and ".join(f"{key} {model[key]}" for key in ("width", "depth") if key in model)
    network = f"{model.get('name', 'network')}{f' of {sizes}' if sizes else ''}"
    if model.get("parameters"):
        network += f" ({model['parameters']:,} parameters)".replace(",", " ")
    compared = [counted(len(comparison.losses), "loss")]
    if len(comparison.networks) > 1:
        compared = [counted(len(comparison.networks), "network"), *(compared if len(comparison.losses) > 1 else [])]
        network = ", ".join(dict.fromkeys(str(each.get("name", "network")) for each in comparison.networks.values()))
    return [
        str(about.get("dataset", {}).get("label", "")),
        network,
        f"{len(finished)} of {len(comparison.runs)} runs: "
        + " × ".join([*compared, counted(folds, "fold"), counted(seeds, "seed")]),
        *([f"{about['steps']} steps each"] if about.get("steps") else []),
        *([f"{float(about['minutes']):.1f} minutes"] if about.get("minutes") is not None else []),
    ]


def units(comparison: Comparison) -> str:
    """What is tested one by one."""
    if comparison.registration:
        return "test pairs"
    if comparison.neurons:
        return "test volumes"
    return "folds of the pairs" if comparison.recognition else "test images"


def statement(summary: Summary) -> str:
    """How the numbers and the tests were made."""
    comparison = summary.comparison
    value = "the mean over the test images; undefined values are left out"
    if comparison.scenes:
        value = (
            "the value for all test pixels together, void left out. The tests, and the differences below, take the "
            "value of each image, the mean of the classes in its truth or its prediction"
        )
    if comparison.classification:
        value = (
            "the mean over the test images, for class-wise and uniform accuracy of all of them together, which are not "
            "tested"
        )
    if comparison.recognition:
        value = (
            "the accuracy, the mean over the folds of the pairs, each at the threshold that is best on the others; the "
            "other metrics are of all pairs together and are not tested"
        )
    elif comparison.detection:
        value = (
            "the value for all test images together. The tests, and the differences below, take AP50 and AP of each "
            "image alone, the mean of the classes in it; images without an object are left out"
        )
    if comparison.registration:
        value = "the mean over the test pairs; undefined values are left out"
    if comparison.neurons:
        value = "the mean over the test volumes; one failed trace makes the mean distances infinite"
    return (
        f"Mean ± standard deviation (n − 1) over the runs of {value}. Bold is the best mean. "
        f"* differs from {comparison.label(comparison.baseline)}: p < 0.05 in a two-sided Wilcoxon signed-rank test "
        f"over the {units(comparison)}, paired within fold and seed (one tested with several seeds counts once), after "
        f"Holm's correction over the {comparison.nouns} of a column; the columns are not corrected for one another."
    )


def own_images(comparison: Comparison) -> str:
    """A command for the reader's own images."""
    losses = ",".join(comparison.losses)
    if comparison.recognition:
        return "subband verify RUN my_faces/ --out my_faces_verified"
    if comparison.registration:
        return "subband register moving.nii.gz fixed.nii.gz --out registered"
    if comparison.neurons:
        return "subband trace my_neuron.tif --run RUN --out traced"
    if comparison.classification:
        return "subband compare classification/folder --data.root my_classes/ --budget 20m"
    if comparison.detection:
        return "subband compare detection/folder --data.root my_coco/ --budget 20m"
    return (
        "subband compare segmentation/folder --data.images my_images/ --data.masks my_masks/ "
        f"--losses {losses} --budget 20m"
    )


def metric_line(name: str, comparison: Comparison) -> str:
    """What a metric says, in one line; empty if it needs no words."""
    if comparison.classification:
        return CLASS_LINES.get(name, "")
    if comparison.recognition:
        return pair_line(name)
    if comparison.registration:
        return field_line(name)
    if comparison.neurons:
        return tree_line(name)
    if comparison.detection:
        return BOX_LINES.get(name, "")
    known = {**METRICS, **SET_METRICS} if comparison.scenes else METRICS
    if name not in known:
        return ""
    metric = known[name]
    return f"{metric.line} ({metric.unit})" if metric.unit else metric.line


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    Example:
        >>> counted(1, "loss"), counted(2, "loss"), counted(3, "seed")
        ('1 loss', '2 losses', '3 seeds')
    """
    return f"{number} {noun}{'' if number == 1 else 'es' if noun.endswith('s') else 's'}"
