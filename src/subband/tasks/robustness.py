"""What a trained classifier holds out against: corruptions, shifts, attacks; and its aliasing."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from subband._check import one_of
from subband.config import Robustness
from subband.corrupt import ALL_CORRUPTIONS, CORRUPTIONS, aliasing_energy, corrupt, shift_consistency, shift_curve
from subband.corrupt.attacks import ATTACKS, NEAREST, attack_curve
from subband.corrupt.masking import masking_check
from subband.corrupt.shift import Border
from subband.data.class_stream import ClassImages
from subband.tasks.classification import BATCH, logits_of


@dataclass
class Robust:
    """What was found.

    Attributes:
        metrics: One number each, for the table.
        columns: Values of single images, by metric and position among the test images.
        content: Everything else, for ``robustness`` in ``result.json``.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    columns: dict[str, dict[int, float]] = field(default_factory=dict)
    content: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, positions: Sequence[int], values: np.ndarray[Any, Any]) -> None:
        """A metric that is the mean over images."""
        self.metrics[name] = float(np.mean(values))
        self.columns[name] = dict(zip(positions, np.asarray(values, float).tolist(), strict=True))


def asks(asked: Robustness) -> bool:
    """Whether there is anything to do."""
    return bool(asked.corruptions or asked.shift or asked.attacks or asked.masking or asked.spectra)


def drawn(count: int, wanted: int) -> list[int]:
    """Places of ``wanted`` of ``count`` images in order, the same in every run; all for 0.

    Example:
        >>> drawn(10, 4), drawn(3, 0)
        ([2, 4, 6, 7], [0, 1, 2])
    """
    if not 0 < wanted < count:
        return list(range(count))
    places: list[int] = np.sort(np.random.default_rng(0).permutation(count)[:wanted]).tolist()
    return places


def corruption_names(asked: Sequence[str]) -> list[str]:
    """Names of corruptions; ``published`` and ``all`` are groups.

    Raises:
        ValueError: If there is no such name.
    """
    groups = {"published": CORRUPTIONS, "all": ALL_CORRUPTIONS}
    for name in asked:
        one_of("robustness.corruptions", name, (*groups, *ALL_CORRUPTIONS))
    found = [each for name in asked for each in groups.get(name, (name,))]
    return list(dict.fromkeys(found))


def check_asked(asked: Robustness) -> None:
    """Say what of a recipe's ``robustness`` there is not, before anything is trained.

    Raises:
        ValueError: If a name, a severity or a strength is wrong.
    """
    corruption_names(asked.corruptions)
    for name in asked.attacks:
        one_of("robustness.attacks", name, ATTACKS)
    for severity in asked.severities:
        if severity not in (1, 2, 3, 4, 5):
            raise ValueError(f"robustness.severities holds {severity}, but severities are 1 to 5")
    if min([*asked.eps, *asked.lengths, asked.shift, asked.passes - 1], default=0) < 0:
        raise ValueError("robustness has a negative eps, length or shift, or no pass; all must be 0 or more")


def evaluate_robustness(asked: Robustness, model: nn.Module, items: ClassImages) -> Robust:
    """Ask what the recipe asks of a network of images in [0, 1].

    Args:
        asked: What to do.
        model: Network of images in [0, 1] to logits.
        items: Test images.

    Raises:
        ValueError: If ``asked`` is wrong.
    """
    check_asked(asked)
    found = Robust()
    if asked.corruptions:
        corrupted(asked, model, items, found)
    if asked.shift:
        shifted(asked, model, items, found)
    if asked.attacks or asked.masking:
        attacked(asked, model, items, found)
    if asked.spectra:
        images, _ = stacked(items, drawn(len(items), asked.spectra), model)
        found.content["aliasing"] = [dataclasses.asdict(row) for row in aliasing_energy(model, images)]
    return found


def corrupted(asked: Robustness, model: nn.Module, items: ClassImages, found: Robust) -> None:
    """Error of each corruption and severity, made on the fly from each image's name."""
    positions = drawn(len(items), asked.corrupted_images)
    kinds = [(name, severity) for name in corruption_names(asked.corruptions) for severity in asked.severities]
    hits = {kind: np.zeros(len(positions)) for kind in [("clean", 0), *kinds]}
    for first in range(0, len(positions), BATCH):
        part = positions[first : first + BATCH]
        pixels = [np.moveaxis(items.pixels(position), 0, -1) for position in part]
        labels = np.array([items.samples.labels[items.indices[position]] for position in part])
        keys = [key_of(items, position) for position in part]
        hits["clean", 0][first : first + BATCH] = classify(model, pixels) == labels
        for name, severity in kinds:
            changed = [corrupt(one, name, severity, key=key) for one, key in zip(pixels, keys, strict=True)]
            hits[name, severity][first : first + BATCH] = classify(model, changed) == labels
    errors: dict[str, dict[str, float]] = {}
    for name, severity in kinds:
        errors.setdefault(name, {})[str(severity)] = float(1 - hits[name, severity].mean())
    found.add("corrupted", positions, np.mean([hits[kind] for kind in kinds], axis=0))
    found.content["corruptions"] = {
        "images": len(positions),
        "severities": list(asked.severities),
        "clean_error": float(1 - hits["clean", 0].mean()),
        "errors": errors,
    }


def key_of(items: ClassImages, position: int) -> str:
    """Class and name without a suffix, as `subband.corrupt.write_corrupted` names what it writes."""
    samples, index = items.samples, items.indices[position]
    return f"{samples.class_names[samples.labels[index]]}/{PurePosixPath(samples.names[index]).stem}"


def shifted(asked: Robustness, model: nn.Module, items: ClassImages, found: Robust) -> None:
    """Shift consistency and its curve, on crops of larger images where there are any, else filled by reflection."""
    positions = drawn(len(items), asked.shifted_images)
    wide = items.widened(asked.shift)
    border: Border = "crop" if wide is not None else "reflect"
    source, size = wide or items, None if wide is None else items.size[0]
    device = next(model.parameters()).device
    generator, agreed = torch.Generator().manual_seed(0), []
    for stack in stacks(source, positions):
        said: list[Tensor] = []

        def listen(images: Tensor, said: list[Tensor] = said) -> Tensor:
            logits: Tensor = model(images.to(device)).cpu()
            said.append(logits.argmax(1))
            return logits

        shift_consistency(
            listen, [stack], size=size, max_shift=asked.shift, passes=asked.passes, border=border, generator=generator
        )
        same = torch.stack(said[0::2]) == torch.stack(said[1::2])
        agreed.append(same.double().mean(0))
    found.add("consistency", positions, torch.cat(agreed).numpy())
    points = shift_curve(
        lambda images: model(images.to(device)).cpu(),
        stacks(source, positions),
        shifts=range(1, asked.shift + 1),
        size=size,
        border=border,
    )
    found.content["shift"] = {
        "images": len(positions),
        "border": border,
        "max_shift": asked.shift,
        "passes": asked.passes,
        "curve": [dataclasses.asdict(point) for point in points],
    }


def stacks(items: ClassImages, positions: Sequence[int]) -> Iterator[Tensor]:
    """Images (n, C, H, W) in [0, 1], some at a time."""
    for first in range(0, len(positions), BATCH):
        yield torch.stack([items[position]["image"] for position in positions[first : first + BATCH]])


def classify(model: nn.Module, pixels: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Class of each image (H, W, C), 8 bits."""
    stack = np.ascontiguousarray(np.moveaxis(np.stack(pixels), -1, 1), np.float32) / np.float32(255)
    return logits_of(model, torch.from_numpy(stack)).argmax(1).numpy()


def attacked(asked: Robustness, model: nn.Module, items: ClassImages, found: Robust) -> None:
    """Accuracy under each attack and strength, sizes of the changes, and what the attacks cost."""
    positions = drawn(len(items), asked.attacked_images)
    images, labels = stacked(items, positions, model)
    curves = {}
    for name in asked.attacks:
        near = name in NEAREST
        strengths = [0.0, *asked.lengths] if near else [0.0, *(eps / 255 for eps in asked.eps)]
        curve = attack_curve(name, model, images, labels, eps=strengths)
        last = curve.results[-1]
        hit = (last.right & ~last.fooled).numpy()
        if near:
            hit = (last.right & ~(last.fooled & (last.l2 <= strengths[-1]))).numpy()
        strongest = f"{asked.lengths[-1]:g}" if near else f"{asked.eps[-1]:g}/255"
        found.add(f"{name} {strongest}", positions, hit)
        curves[name] = {
            "norm": curve.norm,
            "eps": list(curve.eps),
            "accuracy": list(curve.robust),
            "rows": [result.row() for result in curve.results],
        }
    found.content["attacks"] = {"images": len(positions), "curves": curves}
    if asked.masking:
        report = masking_check(model, images, labels, eps=max(asked.eps) / 255)
        found.content["masking"] = {**dataclasses.asdict(report), "masked": report.masked, "sentence": report.sentence}


def stacked(items: ClassImages, positions: Sequence[int], model: nn.Module) -> tuple[Tensor, Tensor]:
    """Images (n, C, H, W) in [0, 1] and their classes, on the network's device."""
    device = next(model.parameters()).device
    chosen = [items[position] for position in positions]
    return (
        torch.stack([item["image"] for item in chosen]).to(device),
        torch.tensor([item["target"] for item in chosen], device=device),
    )
