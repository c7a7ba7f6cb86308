"""What is said about a set before training."""

import numpy as np

from subband.data.sample import VOID, Sample, Samples


def check_samples(samples: Samples) -> list[str]:
    """Read every sample and say what is odd, one sentence each, naming the file.

    Odd samples (one class only, no class at all, a constant image) can be trained on.

    Raises:
        ValueError: If samples cannot be read, do not fit together, or hold a class that the set does not have, with a
            sentence for each of the first five; or if all masks together hold one class only, so that there is nothing
            to learn.
    """
    if len(samples) == 0:
        raise ValueError("there is no image; give a folder with images and masks")
    broken: list[str] = []
    odd: list[str] = []
    seen: dict[int, str] = {}
    first: tuple[str, int] | None = None
    for index in range(len(samples)):
        try:
            sample = samples[index]
        except (ValueError, OSError) as error:
            broken.append(str(error))
            continue
        first = first or (sample.name, len(sample.image))
        found = classes_of(sample)
        if len(sample.image) != first[1]:
            broken.append(
                f"{sample.name} has {len(sample.image)} channel(s), but {first[0]} has {first[1]}; "
                "save all images in grey, or all in colour"
            )
        seen |= {number: sample.name for number in found if number not in seen}
        odd += _odd(sample, found)
    broken = broken or [
        f"{name}: the mask holds class {number}, but the set has {samples.classes} classes, 0 to {samples.classes - 1}"
        for number, name in seen.items()
        if number >= samples.classes
    ]
    if broken:
        more = [f"and {len(broken) - 5} more"] if len(broken) > 5 else []
        raise ValueError("; ".join(broken[:5] + more))
    if len(seen) < 2:
        held = f"class {min(seen)} only" if seen else f"void ({VOID}) only"
        raise ValueError(
            f"all {len(samples)} masks hold {held}, {samples.names[0]} for one; "
            "a mask needs 0 and 1, 0 and 255, or class numbers"
        )
    return odd


def classes_of(sample: Sample) -> list[int]:
    """Classes that occur in a mask, in order; void is none."""
    counts = np.bincount(sample.mask.ravel(), minlength=VOID + 1)
    return [number for number in np.flatnonzero(counts).tolist() if number != VOID]


def _odd(sample: Sample, found: list[int]) -> list[str]:
    notes = []
    if not found:
        notes.append(f"{sample.name}: every pixel of the mask is void ({VOID})")
    if len(found) == 1:
        notes.append(f"{sample.name}: the mask holds class {found[0]} only")
    if sample.image.size and sample.image.min() == sample.image.max():
        notes.append(f"{sample.name}: every pixel of the image is {sample.image.min():.3g}")
    return notes
