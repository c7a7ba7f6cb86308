"""A trained classification run: its network, and what it says of other images, of corrupted ones, and of files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from subband._files import write_json
from subband.config import Recipe, Robustness
from subband.corrupt import ALL_CORRUPTIONS, CORRUPTIONS, corrupted_folder
from subband.data import load_splits
from subband.data.class_sample import ClassReader, ClassSamples, Pixels
from subband.data.class_stream import ClassImages
from subband.data.readers.class_folder import ClassFolder, read_pixels
from subband.metrics.robustness import corruption_summary
from subband.models.normalized import Normalized
from subband.tasks.cell import load_best
from subband.tasks.classification import (
    ClassificationTask,
    build_loss,
    build_model,
    learnt_bias,
    logits_of,
    read_samples,
    split_samples,
)
from subband.tasks.classification_cell import ready_network, test_images
from subband.tasks.finished_run import finished_run, folds_file
from subband.tasks.robustness import asks, evaluate_robustness

IMAGENET_CLASSES = 1000


@dataclass(frozen=True)
class TrainedClassifier:
    """What is needed to classify.

    Attributes:
        folder: Run folder.
        recipe: Its resolved recipe.
        model: Network of images in [0, 1], in evaluation mode.
        bias: What the loss learnt and the logits hold, or None.
        class_names: Name of each class.
        channels: Channels of an image.
        fold: Fold that was tested.
    """

    folder: Path
    recipe: Recipe
    model: Normalized
    bias: torch.Tensor | None
    class_names: list[str]
    channels: int
    fold: int

    def items(self, samples: ClassSamples, indices: Sequence[int]) -> ClassImages:
        """Images as this run tests them."""
        data = self.recipe.data
        return ClassImages(samples, indices=indices, crop=data.crop, resize=data.resize)


def trained_classifier(path: Path) -> TrainedClassifier:
    """Load a run.

    Raises:
        ValueError: If there is no finished run, or its weights are missing.
    """
    run = finished_run(path, "classification", use="a classification of images")
    recipe, result = run.recipe, run.result
    classes, channels = int(result["classes"]), int(result["channels"])
    loss = build_loss(recipe, recipe.losses[0], classes=classes)
    model = build_model(recipe.model, channels=channels, classes=classes, seed=0)
    task = ClassificationTask(model, loss, [], classes=classes)
    load_best(run.weights, task.model, loss)
    network = ready_network(task.model, loss, classes, (result["mean"], result["std"]))
    names = list(result["class_accuracy"])
    return TrainedClassifier(run.folder, recipe, network, learnt_bias(loss), names, channels, int(result["fold"]))


def evaluate_classifier(
    path: Path, *, images: Path | None, out: Path | None, robustness: Robustness | None = None
) -> dict[str, Any]:
    """Test a run: on its own test images, on class folders, or on a tree of corruptions; writes ``evaluation.json``.

    Args:
        path: Run folder.
        images: ``CLASS/x.png``, or ``CORRUPTION/SEVERITY/CLASS/x.png`` as ImageNet-C is published; None for the run's
            own test images.
        out: Folder to write.
        robustness: What else to ask; by default what the run's recipe asks.

    Raises:
        ValueError: If the folder holds another class than the run knows.
    """
    run = trained_classifier(path)
    folder = out or run.folder / "evaluation"
    if images is not None and set(ALL_CORRUPTIONS) & {each.name for each in images.iterdir() if each.is_dir()}:
        found = tree_result(run, images)
    else:
        samples, indices = _tested(run, images)
        items = run.items(samples, indices)
        found = test_images(run.model, items, run.bias, names=run.class_names, workers=0)
        asked = robustness or run.recipe.robustness
        if asks(asked):
            robust = evaluate_robustness(asked, run.model, items)
            found = {**found, "metrics": {**found["metrics"], **robust.metrics}, "robustness": robust.content}
    write_json(folder / "evaluation.json", {"run": run.folder.name, **found})
    return {**found, "folder": folder}


def _tested(run: TrainedClassifier, images: Path | None) -> tuple[ClassSamples, list[int]]:
    if images is not None:
        other = ClassFolder(images, class_names=run.class_names, channels=run.channels)
        return other, list(range(len(other)))
    samples = read_samples(run.recipe.data)
    if run.recipe.data.split == "given":
        return samples, split_samples(samples, run.recipe.data)[0].test
    return samples, load_splits(folds_file(run.folder), samples.names)[run.fold].test


def tree_result(run: TrainedClassifier, root: Path) -> dict[str, Any]:
    """Errors of a tree of corruptions, what of the 15 it lacks, and their mean; on all of ImageNet-C also mCE.

    AlexNet's errors are those on ImageNet, so mCE is worked out for a network of 1000 classes and a whole tree only.
    """
    errors, missing = tree_errors(run, root), corrupted_folder(root).missing()
    means = [sum(row.values()) / len(row) for row in errors.values()]
    summary = {"mean error": sum(means) / len(means)}
    if len(run.class_names) == IMAGENET_CLASSES and not missing:
        found = corruption_summary({name: list(row.values()) for name, row in errors.items() if name in CORRUPTIONS})
        summary["mCE against AlexNet, percent"] = found.mce
    return {"corruptions": errors, "summary": summary, "missing": missing}


def tree_errors(run: TrainedClassifier, root: Path) -> dict[str, dict[str, float]]:
    """Error of each corruption and severity of a tree ``CORRUPTION/SEVERITY/CLASS/x.png``; others are left out."""
    found: dict[str, dict[str, float]] = {}
    for corruption in ALL_CORRUPTIONS:
        for severity in "12345":
            folder = root / corruption / severity
            if folder.is_dir():
                samples = ClassFolder(folder, class_names=run.class_names, channels=run.channels)
                items = run.items(samples, range(len(samples)))
                result = test_images(run.model, items, run.bias, names=run.class_names, workers=0)
                found.setdefault(corruption, {})[severity] = 1 - result["metrics"]["accuracy"]
    return found


def classify_files(run: TrainedClassifier, files: Sequence[Path]) -> list[dict[str, Any]]:
    """Class and probability of image files; for sigmoid losses the probability of the class alone.

    Raises:
        ValueError: If a file is no image.
    """
    rows = []
    for path in files:
        pixels = read_pixels(path, run.channels)
        one = _One(path.name, pixels, run)
        image = run.items(one, [0])[0]["image"]
        logits = logits_of(run.model, image[None])[0]
        probability = logits.softmax(0) if run.bias is None else logits.sigmoid()
        best = int(logits.argmax())
        rows.append({"file": str(path), "class": run.class_names[best], "probability": float(probability[best])})
    return rows


class _One(ClassReader):
    def __init__(self, name: str, pixels: Pixels, run: TrainedClassifier) -> None:
        super().__init__([name], [0], class_names=run.class_names, channels=run.channels)
        self.pixels = pixels

    def read(self, index: int) -> Pixels:
        return self.pixels
