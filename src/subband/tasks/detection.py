"""Boxes around objects: the training step, the test, and the test of corrupted images."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from subband.config import Optim
from subband.corrupt import CORRUPTIONS, corrupt
from subband.data.box_stream import BoxStream, resized
from subband.data.boxes import BoxSample, BoxSamples
from subband.losses.detection import DetectorLoss
from subband.metrics.detection import Boxes, average_precision, coco_scores, performance_under_corruption
from subband.tasks import _run
from subband.tasks.plan import Fitted, Plan, Progress

SCORE = "AP50"
"""Validation metric that chooses the best weights."""
DEFAULT_OPTIM = Optim(name="adamw", lr=5e-4, weight_decay=1e-4, schedule="cosine", warmup_epochs=2.0, clip=10.0)


class DetectionTask:
    """A detector of `subband.models.detector`, whose losses are inside it, and the images that validate it.

    Args:
        model: The network.
        validation: Images with boxes.
        loss: What makes one of the network's losses; None sums them.
        indices: Those of them that validate; None takes all, none leaves validation out.
        divide: Divide the loss by the number of images in the batch.
        seed: Seed of the regions that a detector draws to train on; those of a step depend on it and the step alone.
    """

    def __init__(
        self,
        model: nn.Module,
        validation: BoxSamples,
        *,
        loss: nn.Module | None = None,
        indices: Sequence[int] | None = None,
        divide: bool = False,
        seed: int = 0,
    ) -> None:
        self.model, self.loss, self.validation = model, loss or DetectorLoss(), validation
        self.indices, self.divide, self.seed, self.now = indices, divide, seed, 0

    def at_step(self, step: int, epoch: int) -> None:
        """Remember the step, by which regions are drawn."""
        self.now = step

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the ``loss``, and each of the network's; leaves the global random numbers alone."""
        rows = zip(batch["boxes"], batch["labels"], batch["count"].tolist(), strict=True)
        targets = [{"boxes": boxes[:count], "labels": labels[:count]} for boxes, labels, count in rows]
        images = batch["image"]
        with torch.random.fork_rng(devices=[images.device] if images.is_cuda else []):
            torch.manual_seed((self.seed << 32) + self.now)  # torchvision draws regions from the global generator
            terms: dict[str, Tensor] = self.model(list(images), targets)
        whole: Tensor = self.loss(terms)
        return {"loss": whole / len(images) if self.divide else whole, **terms}

    def validate(self) -> dict[str, float]:
        """AP50 of the validation images, mean of the classes; empty where there are no images."""
        found, truth = found_boxes(self.model, self.validation, indices=self.indices)
        if not found:
            return {}
        classes = average_precision(found, truth, overlap=0.5)
        return {SCORE: float(np.mean(list(classes.values()))) if classes else 0.0}


def fit_detector(
    model: nn.Module,
    samples: BoxSamples,
    plan: Plan,
    *,
    validation: BoxSamples | None = None,
    mirror: bool = True,
    seed: int = 0,
    listen: Callable[[Progress], None] = lambda progress: None,
) -> Fitted:
    """Train a detector, from the last checkpoint in the plan's folder if there is one; ends with the best weights.

    Args:
        model: Detector; its own side is that of the training images.
        samples: Images with boxes to train on.
        plan: Length and folder; see `detection_plan`.
        validation: Images with boxes that choose the best weights; None takes the training images.
        mirror: Mirror every second image by chance.
        seed: Seed of the order of the images.
        listen: Hears every step.

    Raises:
        FloatingPointError: If the loss stops being finite.
    """
    length = plan.steps * plan.batch
    stream = BoxStream(samples, length=length, side=side_of(model), mirror=mirror, seed=seed)
    task = DetectionTask(model, samples if validation is None else validation, seed=seed)
    fitted = _run.fit(task, stream, plan, listen=listen)
    if plan.best.exists():
        model.load_state_dict(torch.load(plan.best, weights_only=True))
    return fitted


def detection_plan(
    folder: Path, *, steps: int, batch: int, images: int, validations: int = 2, optim: Optim = DEFAULT_OPTIM
) -> Plan:
    """Plan of a detector's training.

    Args:
        folder: Run folder.
        steps: Training steps.
        batch: Images in a step.
        images: Images of an epoch.
        validations: Validations, evenly spaced; each reads all validation images.
        optim: Optimiser; the default suits random weights with group norm.
    """
    every = max(1, steps // max(1, validations))
    return Plan(folder, steps, batch, images, every, optim=optim, score=SCORE)


def side_of(model: Any) -> int:
    """Longer side that a detector brings its images to, in pixels."""
    return int(model.transform.max_size)


def predict_boxes(model: nn.Module, image: Tensor | np.ndarray[Any, Any]) -> Boxes:
    """Boxes that a detector finds in an image (3, H, W) in [0, 1], in pixels of that image, the most certain first.

    The image is reduced with smoothing, as in training; torchvision's own resizing takes single pixels.
    """
    pixels = np.ascontiguousarray(image, np.float32)
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    small = resized(pixels, side_of(model))
    with torch.inference_mode():
        found = model([small.to(device)])[0]
    model.train(was_training)
    (height, width), (high, wide) = pixels.shape[1:], small.shape[1:]
    boxes = found["boxes"].float().cpu().numpy() * np.array([width / wide, height / high] * 2, np.float32)
    return Boxes(boxes, found["labels"].cpu().numpy(), found["scores"].float().cpu().numpy())


def true_boxes(sample: BoxSample) -> Boxes:
    """What is true of an image."""
    return Boxes(sample.boxes, sample.labels, crowd=sample.crowd, area=sample.area)


def found_boxes(
    model: nn.Module,
    samples: BoxSamples,
    *,
    indices: Sequence[int] | None = None,
    corruption: tuple[str, int] | None = None,
) -> tuple[list[Boxes], list[Boxes]]:
    """What a detector finds in each image, and what is true.

    Args:
        model: Detector.
        samples: Images with boxes.
        indices: Images to look at; None takes all.
        corruption: Name and severity for `subband.corrupt.corrupt`, done to the image at its own size; None for none.
    """
    found, truth = [], []
    for index in range(len(samples)) if indices is None else indices:
        sample = samples[index]
        image = sample.image
        if corruption is not None:
            name, severity = corruption
            image = corrupt(torch.from_numpy(image), name, severity, key=sample.name).numpy()
        found.append(predict_boxes(model, image))
        truth.append(true_boxes(sample))
    return found, truth


def image_precision(found: Boxes, truth: Boxes) -> dict[str, float]:
    """AP50 and AP of one image alone, the mean of the classes in it; NaN where nothing is true.

    Example:
        >>> box, one = np.array([[0.0, 0.0, 10.0, 10.0]]), np.array([1])
        >>> image_precision(Boxes(box, one, np.array([0.9])), Boxes(box, one))
        {'AP50': 1.0, 'AP': 1.0}
    """
    overlaps = [0.5 + 0.05 * step for step in range(10)]
    each = [list(average_precision([found], [truth], overlap=overlap).values()) for overlap in overlaps]
    means = [float(np.mean(classes)) if classes else float("nan") for classes in each]
    return {"AP50": means[0], "AP": float(np.mean(means))}


def scores_under_corruption(
    model: nn.Module,
    samples: BoxSamples,
    *,
    clean: float,
    indices: Sequence[int] | None = None,
    corruptions: Sequence[str] = CORRUPTIONS,
    severities: Sequence[int] = (1, 2, 3, 4, 5),
    metric: str = "AP",
) -> dict[str, Any]:
    """Performance of a detector on corrupted images, made on the fly.

    Args:
        model: Detector.
        samples: Images with boxes.
        clean: ``metric`` on the images as they are.
        indices: Images to corrupt; None takes all.
        corruptions: Names of `subband.corrupt.ALL_CORRUPTIONS`.
        severities: From 1 to 5.
        metric: One of `subband.metrics.detection.DETECTION_METRICS`.

    Returns:
        ``mPC`` and ``rPC``, ``corruptions`` (mean over the severities) and ``table`` (each severity).

    Source:
        Michaelis et al., 2019 (arXiv:1907.07484).
    """
    table = {
        name: [
            coco_scores(*found_boxes(model, samples, indices=indices, corruption=(name, severity)))[metric]
            for severity in severities
        ]
        for name in corruptions
    }
    both, means = performance_under_corruption(clean, table)
    return {**both, "metric": metric, "severities": list(severities), "corruptions": means, "table": table}
