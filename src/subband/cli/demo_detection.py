"""``subband demo detection``."""

from pathlib import Path

STEPS, TRAIN, VALIDATION, TEST, SIDE = 200, 120, 12, 24, 96


def detection(folder: Path, *, overwrite: bool = False, steps: int = STEPS) -> int:
    """Train Faster R-CNN on a plain and on a wavelet backbone, on synthetic shapes; print the AP and write a page.

    Args:
        folder: Folder to write; a demo that was stopped goes on.
        overwrite: Delete what the folder holds.
        steps: Training steps of each.

    Returns:
        0.
    """
    import shutil

    from subband.cli._console import print_table, say
    from subband.data.synthetic_shapes import Shapes
    from subband.metrics.detection import DETECTION_METRICS
    from subband.models.detector import DetectorSize
    from subband.report.detections import score_rows
    from subband.tasks.detector_comparison import DetectorRun, compare_detectors
    from subband.tasks.plan import Progress

    if overwrite and (folder / "detection.json").is_file():
        shutil.rmtree(folder)
    size = DetectorSize(side=SIDE, anchor=8, channels=64, hidden=128, regions=100, sampled=32)
    run = DetectorRun(title="Shapes found by Faster R-CNN, with and without a wavelet", steps=steps, size=size)
    plain = {"head": "fasterrcnn", "backbone": "resnet18", "norm": "group"}

    def tell(name: str, now: Progress) -> None:
        if now.step % 30 == 0 or now.step == steps:
            say(f"  {name}: step {now.step} of {steps}, loss {now.loss:.3f}")

    results = compare_detectors(
        {"vanilla": plain, "haar": {**plain, "wavelet": "haar"}},
        run,
        Shapes(count=TRAIN, size=(SIDE, SIDE), seed=0),
        Shapes(count=TEST, size=(SIDE, SIDE), seed=1),
        folder,
        validation=Shapes(count=VALIDATION, size=(SIDE, SIDE), seed=2),
        tell=tell,
        say=say,
    )
    print_table(["network, per cent", *DETECTION_METRICS], score_rows(results))
    say("\none seed and a short training: the difference between the two is not a finding")
    say(f"report: {folder / 'report.html'}")
    return 0
