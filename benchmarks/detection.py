"""Faster R-CNN and RetinaNet on a wavelet ResNet-18 learn the 28 images of the COCO subset by heart: AP50 above 0.3.

    python benchmarks/detection.py [--data FOLDER] [--steps 600] [--out FOLDER] [--only fasterrcnn]

Every detector begins with random weights; nothing is frozen. Writes ``benchmarks/results/detection.json``, and the page
with the boxes drawn into ``--out``. A run that was stopped goes on.
"""

import argparse
import os
import time
from pathlib import Path

import torch

from common import ROOT, write
from subband.data.readers.yolo import Yolo
from subband.models.detector import small_detector
from subband.tasks.detector_comparison import DetectorRun, compare_detectors

METHODS = {
    "Faster R-CNN haar": {"head": "fasterrcnn", "backbone": "resnet18", "wavelet": "haar", "norm": "group"},
    "RetinaNet haar": {"head": "retinanet", "backbone": "resnet18", "wavelet": "haar", "norm": "group"},
}
LEAST = 0.3


def main() -> None:
    """Train, test on the same images, and write."""
    data = Path(os.environ.get("SUBBAND_DATA") or ROOT.parent / "shared" / "data") / "coco128_subset"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=data)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--out", type=Path, default=Path("runs") / "detection-coco-subset")
    parser.add_argument("--only", choices=[str(one["head"]) for one in METHODS.values()])
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    boxes = chosen.data / "object_detection"
    samples = Yolo(chosen.data / "images", boxes / "labels", boxes / "config.yaml")
    run = DetectorRun(
        title="The COCO subset, learnt by heart",
        steps=chosen.steps,
        batch=2,
        size=small_detector(chosen.side),
        mirror=False,
        validations=6,
        pictures=6,
    )
    begin = time.process_time()
    methods = {name: one for name, one in METHODS.items() if chosen.only in (None, one["head"])}

    def tell(name, now) -> None:
        if now.step % 25 == 0:
            spent = time.process_time() - begin
            print(
                f"{name}: step {now.step} of {now.steps}, loss {now.loss:.3f} {now.validation}, {spent:.0f} s",
                flush=True,
            )

    results = compare_detectors(methods, run, samples, samples, chosen.out, tell=tell, say=print)
    for one in results:
        print(f"{one['name']}: AP50 {one['metrics']['AP50']:.3f} on the training images (wanted > {LEAST})")
    if chosen.only is None:
        kept = ("name", "metrics", "parameters", "best_step", "seconds", "ms_per_step")
        rows = {one["name"]: {key: one[key] for key in kept} for one in results}
        write("detection", {"title": run.title, "steps": run.steps, "side": run.size.side, "batch": run.batch, **rows})


if __name__ == "__main__":
    main()
