"""Faster R-CNN on a wavelet ResNet-18: what was converted, what is frozen, a short training, and its precision."""

import tempfile
from pathlib import Path

import torch

from subband.data.synthetic_shapes import Shapes
from subband.layers import conversion_report
from subband.metrics.detection import coco_scores
from subband.models.detector import DetectorSize, detector
from subband.models.frozen_report import frozen_report
from subband.tasks.detection import detection_plan, fit_detector, found_boxes


def main() -> None:
    """Train on four images for some steps; for a real result, train longer on more images."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    size = DetectorSize(side=64, anchor=8, channels=64, hidden=64, regions=50, sampled=32)
    model = detector("fasterrcnn", "resnet18", classes=3, wavelet="haar", norm="group", size=size)
    print(conversion_report(model))
    print(frozen_report(model))

    pretrained = detector("fasterrcnn", "resnet18", classes=3, norm="frozen", trainable_layers=3, size=size)
    print("\nas one trains with pretrained weights:", frozen_report(pretrained), sep="\n")

    samples = Shapes(count=4, size=(64, 64), most=2, seed=8)
    with tempfile.TemporaryDirectory() as folder:
        plan = detection_plan(Path(folder), steps=30, batch=2, images=len(samples), validations=1)
        fitted = fit_detector(model, samples, plan, mirror=False)
    scores = coco_scores(*found_boxes(model, samples))
    print(f"\n{plan.steps} steps of {fitted.ms_per_step:.0f} ms: ", end="")
    print(", ".join(f"{name} {scores[name]:.2f}" for name in ("AP", "AP50", "AP75")), "on the training images")


if __name__ == "__main__":
    main()
