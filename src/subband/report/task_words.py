"""Words of the page that depend on what is compared: pixels, images, pairs of images, or pairs of volumes."""

from subband.metrics import METRICS, SET_METRICS
from subband.report.answers import CLASS_LINES
from subband.report.comparison import Comparison
from subband.report.recognition import pair_line
from subband.report.registration import field_line


def units(comparison: Comparison) -> str:
    """What is tested one by one."""
    if comparison.registration:
        return "test pairs"
    return "folds of the pairs" if comparison.recognition else "test images"


def own_images(comparison: Comparison) -> str:
    """A command for the reader's own images."""
    losses = ",".join(comparison.losses)
    if comparison.recognition:
        return "subband verify RUN my_faces/ --out my_faces_verified"
    if comparison.registration:
        return "subband register moving.nii.gz fixed.nii.gz --out registered"
    if comparison.classification:
        return "subband compare classification/folder --data.root my_classes/ --budget 20m"
    return (
        "subband compare segmentation/folder --data.images my_images/ --data.masks my_masks/ "
        f"--losses {losses} --budget 20m"
    )


def column_line(name: str, comparison: Comparison) -> str:
    """What a column means, with its unit; nothing where that is not known."""
    if comparison.classification:
        return CLASS_LINES.get(name, "")
    if comparison.recognition:
        return pair_line(name)
    if comparison.registration:
        return field_line(name)
    known = {**METRICS, **SET_METRICS} if comparison.scenes else METRICS
    if name not in known:
        return ""
    metric = known[name]
    return f"{metric.line} ({metric.unit})" if metric.unit else metric.line
