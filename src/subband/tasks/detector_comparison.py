"""Several detectors trained and tested on the same images, and one page about them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from subband._files import read_json, write_json
from subband.config import Optim
from subband.data.boxes import BoxSamples
from subband.layers.conversion_report import attached
from subband.metrics.detection import Boxes, average_precision, coco_scores
from subband.models.detector import DetectorSize, detector
from subband.models.frozen_report import FrozenReport, frozen_report
from subband.report.detections import Shown, write_detections
from subband.tasks.detection import (
    DEFAULT_OPTIM,
    detection_plan,
    fit_detector,
    predict_boxes,
    scores_under_corruption,
    true_boxes,
)
from subband.tasks.detection import found_boxes as boxes_of
from subband.tasks.plan import Progress


@dataclass(frozen=True)
class DetectorRun:
    """What detectors of a comparison share.

    Args:
        title: Heading of the page.
        steps: Training steps of each.
        batch: Images in a step.
        optim: Optimiser and schedule.
        size: Sizes of image, anchors and layers.
        mirror: Mirror every second training image by chance.
        validations: Validations in a run; the best one is tested.
        corruptions: Corruptions for mPC; empty leaves it out.
        severities: Their severities.
        pictures: Test images that are drawn.
        seed: Seed of initial weights and of the order of the images.
    """

    title: str
    steps: int
    batch: int = 4
    optim: Optim = field(default_factory=lambda: DEFAULT_OPTIM)
    size: DetectorSize = field(default_factory=DetectorSize)
    mirror: bool = True
    validations: int = 2
    corruptions: tuple[str, ...] = ()
    severities: tuple[int, ...] = (1, 3, 5)
    pictures: int = 4
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Sets:
    """Images to train on, to choose the best weights with, and to test on."""

    train: BoxSamples
    validation: BoxSamples
    test: BoxSamples


def compare_detectors(
    methods: Mapping[str, Mapping[str, Any]],
    run: DetectorRun,
    train: BoxSamples,
    test: BoxSamples,
    folder: Path,
    *,
    validation: BoxSamples | None = None,
    tell: Callable[[str, Progress], None] = lambda name, progress: None,
    say: Callable[[str], None] = lambda line: None,
) -> list[dict[str, Any]]:
    """Train and test detectors one after the other, and write ``report.html``, ``detections.png`` and ``result.json``.

    A comparison that was stopped goes on in the same folder: finished detectors are read, an unfinished one resumes.

    Args:
        methods: Options of `subband.models.detector.detector` (``head``, ``backbone``, ``wavelet``, ...), by name.
        run: What they share.
        train: Images with boxes to train on.
        test: Images with boxes to test on.
        folder: Folder to write.
        validation: Images with boxes that choose the best weights; None takes the training images.
        tell: Hears every step of every detector.
        say: Gets what is converted and frozen, before each training.

    Returns:
        One result for each: ``name``, ``metrics``, ``classes``, ``corrupted``, ``conversion``, ``frozen`` and cost.

    Raises:
        ValueError: If the folder holds a comparison of other detectors.
    """
    about = {"run": asdict(run), "methods": {name: dict(options) for name, options in methods.items()}}
    _same(folder / "detection.json", about)
    shown = _evenly(len(test), run.pictures)
    results, drawn = [], {}
    for name, options in methods.items():
        torch.manual_seed(run.seed)
        model = detector(**options, classes=len(test.class_names), size=run.size)
        frozen = frozen_report(model)
        say(f"{name}: {_reports(model, frozen)}")
        sets = Sets(train, train if validation is None else validation, test)
        results.append(_result(name, model, frozen, run, sets, folder / name, tell))
        drawn[name] = [predict_boxes(model, test[index].image) for index in shown]
    images = [
        Shown(
            test.names[index], test[index].image, true_boxes(test[index]), {name: drawn[name][place] for name in drawn}
        )
        for place, index in enumerate(shown)
    ]
    write_json(folder / "result.json", {**about, "results": results})
    facts = (
        f"{len(train)} training and {len(test)} test images · {run.steps} steps of {run.batch} · {run.size.side} pixels"
    )
    write_detections(folder, title=run.title, facts=facts, results=results, images=images, class_names=test.class_names)
    return results


def _same(path: Path, about: Mapping[str, Any]) -> None:
    """Write what is compared, or check that a stopped comparison was of the same."""
    if path.is_file() and read_json(path) != _plain(about):
        raise ValueError(f"{path.parent} holds a comparison with other options; give another folder")
    write_json(path, about)


def _plain(value: Any) -> Any:
    """What JSON gives back."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _evenly(count: int, wanted: int) -> list[int]:
    """Up to ``wanted`` of ``count`` places, evenly spaced."""
    return sorted({place * count // wanted for place in range(wanted)})


def _reports(model: nn.Module, frozen: FrozenReport) -> str:
    """What was converted, in one line, and what is frozen."""
    report = attached(model)
    return f"{'plain' if report is None else str(report).splitlines()[0]}; {frozen}"


def _result(
    name: str,
    model: nn.Module,
    frozen: FrozenReport,
    run: DetectorRun,
    sets: Sets,
    folder: Path,
    tell: Callable[[str, Progress], None],
) -> dict[str, Any]:
    """Train and test one detector; a finished one is read, and its weights too."""
    plan = detection_plan(
        folder,
        steps=run.steps,
        batch=run.batch,
        images=len(sets.train),
        validations=run.validations,
        optim=run.optim,
    )
    path = folder / "result.json"
    if path.is_file() and plan.best.is_file():
        model.load_state_dict(torch.load(plan.best, weights_only=True))
        known: dict[str, Any] = read_json(path)
        return known
    fitted = fit_detector(
        model,
        sets.train,
        plan,
        validation=sets.validation,
        mirror=run.mirror,
        seed=run.seed,
        listen=lambda progress: tell(name, progress),
    )
    found, truth = boxes_of(model, sets.test)
    metrics = coco_scores(found, truth)
    report = attached(model)
    result = {
        "name": name,
        "metrics": metrics,
        "classes": class_scores(found, truth, sets.test.class_names),
        "conversion": "no low-pass filters: the backbone is plain" if report is None else str(report),
        "frozen": str(frozen),
        "corrupted": scores_under_corruption(
            model, sets.test, clean=metrics["AP"], corruptions=run.corruptions, severities=run.severities
        )
        if run.corruptions
        else None,
        "parameters": frozen.parameters,
        "best_step": fitted.best_step,
        "seconds": fitted.seconds,
        "ms_per_step": fitted.ms_per_step,
    }
    write_json(path, result)
    return result


def class_scores(found: Sequence[Boxes], truth: Sequence[Boxes], class_names: Sequence[str]) -> dict[str, float]:
    """AP50 by the name of the class, of those that occur."""
    return {class_names[label - 1]: value for label, value in average_precision(found, truth).items()}
